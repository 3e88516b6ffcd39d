#include "promql/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "promql/functions.h"
#include "promql/printer.h"
#include "promql/profile.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

// What the operator of an expression is.
struct Described {
    std::string_view kind;
    std::string title;
    PlanHolds holds = PlanHolds::kSeries;
};

std::string listed(const std::vector<std::string>& labels) {
    return fmt::format("({})", fmt::join(labels, ", "));
}

std::string title_of(const BinaryExpr& binary) {
    std::string title(binary_op_text(binary.op));
    if (binary.return_bool) title += " bool";
    if (!binary.matching) return title;
    const VectorMatching& matching = *binary.matching;
    if (matching.on || !matching.labels.empty())
        title += (matching.on ? " on " : " ignoring ") + listed(matching.labels);
    if (matching.cardinality == Cardinality::kManyToOne)
        title += " group_left " + listed(matching.include);
    if (matching.cardinality == Cardinality::kOneToMany)
        title += " group_right " + listed(matching.include);
    return title;
}

PlanHolds holds_of(AggregateOp op) {
    switch (op) {
        case AggregateOp::kLimitRatio: return PlanHolds::kSeries;
        case AggregateOp::kQuantile:
        case AggregateOp::kCountValues: return PlanHolds::kAll;
        default: return PlanHolds::kGroups;
    }
}

PlanHolds holds_of(FunctionId function) {
    switch (function) {
        case FunctionId::kAbsent:
        case FunctionId::kAbsentOverTime: return PlanHolds::kGroups;
        case FunctionId::kSort:
        case FunctionId::kSortDesc:
        case FunctionId::kSortByLabel:
        case FunctionId::kSortByLabelDesc:
        case FunctionId::kHistogramQuantile:
        case FunctionId::kHistogramQuantiles:
        case FunctionId::kHistogramFraction:
        case FunctionId::kScalar:
        case FunctionId::kInfo: return PlanHolds::kAll;
        default: return PlanHolds::kSeries;
    }
}

Described described(const Expr& expr) {
    if (expr.as<VectorSelector>() != nullptr) return {"selector", ""};
    if (expr.as<MatrixSelector>() != nullptr) return {"range selector", ""};
    if (const auto* subquery = expr.as<SubqueryExpr>()) {
        return {"subquery",
                fmt::format("[{}ms:{}]", subquery->range.ms,
                            subquery->step ? fmt::format("{}ms", subquery->step->ms) : "")};
    }
    if (const auto* unary = expr.as<UnaryExpr>())
        return {"unary operator", unary->negate ? "-" : "+"};
    if (const auto* binary = expr.as<BinaryExpr>()) {
        const bool joins = binary->matching.has_value();
        return {joins ? "join" : "binary operator", title_of(*binary),
                joins ? PlanHolds::kAll : PlanHolds::kSeries};
    }
    if (const auto* aggregate = expr.as<AggregateExpr>()) {
        std::string title(aggregate_op_text(aggregate->op));
        if (aggregate->without || !aggregate->grouping.empty())
            title += (aggregate->without ? " without " : " by ") + listed(aggregate->grouping);
        return {"aggregation", std::move(title), holds_of(aggregate->op)};
    }
    if (const auto* call = expr.as<CallExpr>())
        return {"function", std::string(call->function->name), holds_of(call->function->id)};
    return {"literal", ""};
}

std::string on_one_line(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
    return text;
}

PlanNode shown(const QueryContext& context, const ProfileNode& node, bool with_cost) {
    PlanNode out;
    Described what = described(node.expr);
    out.kind = what.kind;
    out.text = on_one_line(context.excerpt(node.expr.span));
    out.title = what.title.empty() ? out.text : std::move(what.title);
    out.position = position_text(context.settings().text, node.expr.span.start);
    out.holds = what.holds;
    out.once = node.once;
    out.grid = node.grid;
    out.selections = node.fetches;
    uint64_t total_ns = node.self_ns.load();
    for (const auto& child : node.children) {
        out.children.push_back(shown(context, *child, with_cost));
        if (with_cost) total_ns += static_cast<uint64_t>(out.children.back().cost->total_s * 1e9);
    }
    if (with_cost) {
        out.cost = {.self_s = static_cast<double>(node.self_ns.load()) / 1e9,
                    .total_s = static_cast<double>(total_ns) / 1e9,
                    .series = node.series.load(),
                    .values = node.values.load(),
                    .samples = node.samples.load(),
                    .bytes_peak = node.bytes_peak.load()};
    }
    return out;
}

}  // namespace

std::string_view plan_holds_name(PlanHolds holds) {
    switch (holds) {
        case PlanHolds::kSeries: return "series";
        case PlanHolds::kGroups: return "groups";
        case PlanHolds::kAll: return "all";
    }
    return "";
}

Result<void> explain_into(QueryContext& context, const Profile& profile, Explanation& out) {
    KW_CHECK(profile.root() != nullptr);
    out.plan = shown(context, *profile.root(), out.is_analyzed);
    for (size_t number = 0; number < context.fetches().size(); ++number) {
        const Fetch& fetch = context.fetches()[number];
        VectorSelector reads;
        reads.matchers = fetch.matchers;
        for (const Matcher& matcher : fetch.matchers) {
            if (matcher.name() == kMetricName && matcher.op() == MatchOp::kEqual)
                reads.name = matcher.value();
        }
        Expr selector;
        selector.node = std::move(reads);
        PlanSelection& selection = out.selections.emplace_back();
        selection.matchers = print(selector);
        selection.position = position_text(context.settings().text, fetch.where.start);
        selection.range = fetch.range;
        // A side of an operator that had nothing to meet was not selected, and is not now: that costs.
        if (out.is_analyzed && !context.is_fetched(number)) continue;
        KW_TRY_ASSIGN(const SelectedSeries* series, context.fetch(number));
        selection.series = series->size();
        selection.samples_estimate = series->samples_estimate();
    }
    return {};
}

}  // namespace kw::promql
