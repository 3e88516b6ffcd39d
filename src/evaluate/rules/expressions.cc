#include "rules/expressions.h"

#include <algorithm>

#include "promql/printer.h"

namespace kw::rules {
namespace {

using promql::Expr;
using promql::ExprPtr;

// Each pair of rules is compared, some 50 ns: 2,000 rules take 0.1 s. A larger group runs in order.
constexpr size_t kPlannedRulesMax = 2'000;

// Calls f(child) for every child expression.
template <typename E, typename F>
void each_child(E& expr, F f) {
    const auto call = [&](auto& child) {
        if (child) f(*child);
    };
    if (auto* const matrix = expr.template as<promql::MatrixSelector>()) call(matrix->selector);
    if (auto* const subquery = expr.template as<promql::SubqueryExpr>()) call(subquery->expr);
    if (auto* const paren = expr.template as<promql::ParenExpr>()) call(paren->expr);
    if (auto* const unary = expr.template as<promql::UnaryExpr>()) call(unary->expr);
    if (auto* const binary = expr.template as<promql::BinaryExpr>()) {
        call(binary->lhs);
        call(binary->rhs);
    }
    if (auto* const aggregate = expr.template as<promql::AggregateExpr>()) {
        call(aggregate->param);
        call(aggregate->expr);
    }
    if (auto* const function = expr.template as<promql::CallExpr>()) {
        for (auto& argument : function->args) call(argument);
    }
}

void collect_names(const Expr& expr, ReadNames& into) {
    if (const auto* const selector = expr.as<promql::VectorSelector>()) {
        const auto fixed = std::find_if(
            selector->matchers.begin(), selector->matchers.end(),
            [](const Matcher& m) { return m.name() == kMetricName && m.op() == MatchOp::kEqual; });
        if (fixed == selector->matchers.end()) {
            into.reads_any = true;
        } else {
            into.names.push_back(fixed->value());
        }
    }
    each_child(expr, [&](const Expr& child) { collect_names(child, into); });
}

// How far back in time an expression looks, without the lookback.
int64_t reach_ms(const Expr& expr) {
    int64_t reach = 0;
    each_child(expr, [&](const Expr& child) { reach = std::max(reach, reach_ms(child)); });
    if (const auto* const selector = expr.as<promql::VectorSelector>()) {
        reach += std::max<int64_t>(0, selector->offset.ms);
    } else if (const auto* const matrix = expr.as<promql::MatrixSelector>()) {
        reach += matrix->range.ms;
    } else if (const auto* const subquery = expr.as<promql::SubqueryExpr>()) {
        reach += subquery->range.ms + std::max<int64_t>(0, subquery->offset.ms);
    }
    return reach;
}

// Whether anything was changed.
bool drop_conditions(Expr& expr) {
    bool changed = false;
    if (auto* const binary = expr.as<promql::BinaryExpr>()) {
        if (binary->op == promql::BinaryOp::kUnless) {
            ExprPtr kept = std::move(binary->lhs);
            Expr inner = std::move(*kept);
            expr = std::move(inner);
            drop_conditions(expr);
            return true;
        }
        if (promql::is_comparison(binary->op) && !binary->return_bool) {
            binary->return_bool = true;
            changed = true;
        }
    }
    each_child(expr, [&](Expr& child) { changed |= drop_conditions(child); });
    return changed;
}

bool writes_read_by(const Rule& writer, const ReadNames& reader) {
    if (reader.reads_any) return true;
    const auto reads = [&](std::string_view name) {
        return std::binary_search(reader.names.begin(), reader.names.end(), name);
    };
    if (writer.kind == Rule::Kind::kRecording) return reads(writer.name);
    return reads("ALERTS") || reads("ALERTS_FOR_STATE");
}

}  // namespace

ReadNames read_names(const promql::Expr& expr) {
    ReadNames names;
    collect_names(expr, names);
    std::sort(names.names.begin(), names.names.end());
    names.names.erase(std::unique(names.names.begin(), names.names.end()), names.names.end());
    return names;
}

int64_t slowest_detection_ms(const promql::Expr& expr, int64_t for_ms, int64_t interval_ms) {
    const int64_t waits = (for_ms + interval_ms - 1) / interval_ms;
    return reach_ms(expr) + (1 + waits) * interval_ms;
}

std::string presence_query(const promql::Expr& expr) {
    const ExprPtr copy = promql::clone(expr);
    return drop_conditions(*copy) ? promql::print(*copy) : std::string();
}

std::vector<std::vector<size_t>> plan_waves(const std::vector<Rule>& rules,
                                            const promql::ParseOptions& features) {
    std::vector<std::vector<size_t>> waves;
    if (rules.size() > kPlannedRulesMax) {
        for (size_t i = 0; i < rules.size(); ++i) waves.push_back({i});
        return waves;
    }
    std::vector<ReadNames> reads(rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
        const Result<ExprPtr> parsed = promql::parse(rules[i].expr, features);
        if (parsed.ok()) {
            reads[i] = read_names(**parsed);
        } else {
            reads[i].reads_any = true;
        }
    }
    std::vector<size_t> wave_of(rules.size(), 0);
    for (size_t later = 0; later < rules.size(); ++later) {
        for (size_t earlier = 0; earlier < later; ++earlier) {
            const bool same_output = rules[earlier].kind == rules[later].kind &&
                                     rules[earlier].name == rules[later].name;
            if (same_output || writes_read_by(rules[earlier], reads[later]) ||
                writes_read_by(rules[later], reads[earlier])) {
                wave_of[later] = std::max(wave_of[later], wave_of[earlier] + 1);
            }
        }
        if (waves.size() <= wave_of[later]) waves.resize(wave_of[later] + 1);
        waves[wave_of[later]].push_back(later);
    }
    return waves;
}

}  // namespace kw::rules
