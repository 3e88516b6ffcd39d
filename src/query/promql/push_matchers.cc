#include "promql/push_matchers.h"

#include <algorithm>

#include "promql/function_table.h"
#include "promql/functions.h"
#include "promql/label_sets.h"

namespace kw::promql {
namespace {

bool names(const std::vector<std::string>& labels, std::string_view label) {
    return std::ranges::find(labels, label) != labels.end();
}

// Whether the sides of a set operator must agree on a label.
bool matches_on(const VectorMatching& matching, std::string_view label) {
    if (is_metric_label(label)) return false;
    return names(matching.labels, label) == matching.on;
}

bool is_set(const BinaryExpr& binary) {
    return binary.op == BinaryOp::kAnd || binary.op == BinaryOp::kUnless;
}

// The expression whose series are those of `expr`, each with the same label `label` (any but the metric's); null where
// it is not one, or where series of different labels may meet.
Expr* source_of(Expr& expr, std::string_view label) {
    if (auto* paren = expr.as<ParenExpr>()) return paren->expr.get();
    if (auto* unary = expr.as<UnaryExpr>()) return unary->expr.get();
    if (auto* matrix = expr.as<MatrixSelector>()) return matrix->selector.get();
    if (auto* subquery = expr.as<SubqueryExpr>()) return subquery->expr.get();
    if (auto* aggregate = expr.as<AggregateExpr>()) {
        // count_values may put its own label there.
        if (aggregate->op == AggregateOp::kCountValues) return nullptr;
        return names(aggregate->grouping, label) != aggregate->without ? aggregate->expr.get()
                                                                       : nullptr;
    }
    if (auto* binary = expr.as<BinaryExpr>()) {
        if (binary->matching) return is_set(*binary) ? binary->lhs.get() : nullptr;
        return binary->lhs->type == ValueType::kScalar ? binary->rhs.get() : binary->lhs.get();
    }
    if (auto* call = expr.as<CallExpr>()) {
        if (code_of(call->function->id).kind == FunctionCode::Kind::kSpecial) return nullptr;
        for (const ExprPtr& arg : call->args) {
            if (arg->type == ValueType::kVector || arg->type == ValueType::kMatrix)
                return arg.get();
        }
    }
    return nullptr;
}

// The selector whose series have the label `label` of those of `expr`, or null.
VectorSelector* selector_of(Expr& expr, std::string_view label) {
    for (Expr* at = &expr; at != nullptr; at = source_of(*at, label)) {
        auto* selector = at->as<VectorSelector>();
        if (selector == nullptr) continue;
        // Of several metrics one may be like another without its name, which is an error that must be found.
        const bool is_of_one_metric =
            std::ranges::any_of(selector->matchers, [](const Matcher& matcher) {
                return matcher.name() == kMetricName && matcher.op() == MatchOp::kEqual;
            });
        return is_of_one_metric ? selector : nullptr;
    }
    return nullptr;
}

// The selector that decides over most labels of `expr`: whichever label is asked for, it is at the end of the same path.
VectorSelector* any_selector_of(Expr& expr) {
    Expr* at = &expr;
    while (at != nullptr) {
        if (auto* selector = at->as<VectorSelector>()) return selector;
        auto* aggregate = at->as<AggregateExpr>();
        at = aggregate != nullptr ? aggregate->expr.get() : source_of(*at, "");
    }
    return nullptr;
}

void push_from(Expr& from, Expr& to, const VectorMatching& matching,
               const std::function<bool(std::string_view)>& has_aliases) {
    const VectorSelector* const known = any_selector_of(from);
    if (known == nullptr) return;
    const std::vector<Matcher> matchers = known->matchers;  // `to` may be changed below
    for (const Matcher& matcher : matchers) {
        if (!matches_on(matching, matcher.name())) continue;
        if (has_aliases && has_aliases(matcher.name())) continue;
        if (selector_of(from, matcher.name()) == nullptr) continue;
        VectorSelector* const narrowed = selector_of(to, matcher.name());
        if (narrowed == nullptr ||
            std::ranges::find(narrowed->matchers, matcher) != narrowed->matchers.end()) {
            continue;
        }
        narrowed->matchers.push_back(matcher);
    }
}

template <typename F>
void each_child(Expr& expr, F f) {
    if (auto* paren = expr.as<ParenExpr>()) f(*paren->expr);
    if (auto* unary = expr.as<UnaryExpr>()) f(*unary->expr);
    if (auto* subquery = expr.as<SubqueryExpr>()) f(*subquery->expr);
    if (auto* binary = expr.as<BinaryExpr>()) {
        f(*binary->lhs);
        f(*binary->rhs);
    }
    if (auto* aggregate = expr.as<AggregateExpr>()) {
        f(*aggregate->expr);
        if (aggregate->param) f(*aggregate->param);
    }
    if (auto* call = expr.as<CallExpr>()) {
        for (const ExprPtr& arg : call->args) f(*arg);
    }
}

}  // namespace

void push_matchers(Expr& expr, const std::function<bool(std::string_view label)>& has_aliases) {
    each_child(expr, [&](Expr& child) { push_matchers(child, has_aliases); });
    auto* const binary = expr.as<BinaryExpr>();
    if (binary == nullptr || !binary->matching || !is_set(*binary)) return;
    push_from(*binary->lhs, *binary->rhs, *binary->matching, has_aliases);
    if (binary->op == BinaryOp::kAnd)
        push_from(*binary->rhs, *binary->lhs, *binary->matching, has_aliases);
}

}  // namespace kw::promql
