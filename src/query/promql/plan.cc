#include "promql/plan.h"

#include <numbers>

#include "base/check.h"
#include "promql/arithmetic.h"
#include "promql/function_table.h"
#include "promql/observed.h"
#include "promql/op_aggregate.h"
#include "promql/op_binary.h"
#include "promql/op_choose.h"
#include "promql/op_info.h"
#include "promql/op_scalar.h"
#include "promql/op_selector.h"
#include "promql/op_special.h"
#include "promql/op_subquery.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

using VectorPlan = Result<std::unique_ptr<VectorOperator>>;
using ScalarPlan = Result<std::unique_ptr<ScalarOperator>>;
using RangePlan = Result<std::unique_ptr<RangeOperator>>;

const std::string& text_of(const Expr& expr) {
    const auto* literal = strip_parens(expr).as<StringLiteral>();
    KW_CHECK(literal != nullptr);
    return literal->value;
}

bool is_pinned(const AtModifier& at) { return at.kind != AtModifier::Kind::kNone; }

// Whether the value is the same at every step, whatever the grid. Literals are, too.
bool is_invariant(const Expr& expr) {
    if (const auto* paren = expr.as<ParenExpr>()) return is_invariant(*paren->expr);
    if (const auto* selector = expr.as<VectorSelector>()) return is_pinned(selector->at);
    if (const auto* matrix = expr.as<MatrixSelector>()) return is_invariant(*matrix->selector);
    if (const auto* subquery = expr.as<SubqueryExpr>()) return is_pinned(subquery->at);
    if (const auto* unary = expr.as<UnaryExpr>()) return is_invariant(*unary->expr);
    if (const auto* binary = expr.as<BinaryExpr>()) {
        return is_invariant(*binary->lhs) && is_invariant(*binary->rhs);
    }
    if (const auto* aggregate = expr.as<AggregateExpr>()) {
        return is_invariant(*aggregate->expr) &&
               (!aggregate->param || is_invariant(*aggregate->param));
    }
    if (const auto* call = expr.as<CallExpr>()) {
        if (code_of(call->function->id).reads_clock) return false;
        for (const ExprPtr& arg : call->args) {
            if (!is_invariant(*arg)) return false;
        }
        return true;
    }
    return true;
}

class Planner final {
 public:
    // `pinned`: already inside something that is evaluated at one step only.
    // `reads_totals`: below a function that takes count or sum of histograms.
    Planner(QueryContext& context, const StepGrid& grid, bool pinned = false,
            bool reads_totals = false)
        : context_(context), grid_(grid), pinned_(pinned), reads_totals_(reads_totals) {}

    VectorPlan vector(const Expr& expr, std::string_view above = "") {
        if (const auto* paren = expr.as<ParenExpr>()) return vector(*paren->expr, above);
        if (!pinned_ && grid_.count > 1 && is_invariant(expr)) {
            Planner once(context_, grid_.first_only(), true, reads_totals_);
            KW_TRY_ASSIGN(auto inner, once.vector(expr, above));
            return VectorPlan(std::make_unique<InvariantVectorOperator>(std::move(inner)));
        }
        const PlanScope scope(context_.settings().profile, expr, grid_, pinned_);
        KW_TRY_ASSIGN(auto planned, vector_of(expr, above));
        return observed(scope.node(), std::move(planned));
    }

    ScalarPlan scalar(const Expr& expr) {
        if (const auto* paren = expr.as<ParenExpr>()) return scalar(*paren->expr);
        if (const auto* number = expr.as<NumberLiteral>()) return constant(number->value);
        if (!pinned_ && grid_.count > 1 && is_invariant(expr)) {
            Planner once(context_, grid_.first_only(), true, reads_totals_);
            KW_TRY_ASSIGN(auto inner, once.scalar(expr));
            return ScalarPlan(std::make_unique<InvariantScalarOperator>(std::move(inner)));
        }
        const PlanScope scope(context_.settings().profile, expr, grid_, pinned_);
        KW_TRY_ASSIGN(auto planned, scalar_of(expr));
        return observed(scope.node(), std::move(planned));
    }

    RangePlan range(const Expr& expr, std::string_view above) {
        const Expr& inner = strip_parens(expr);
        const PlanScope scope(context_.settings().profile, inner, grid_, pinned_);
        KW_TRY_ASSIGN(auto planned, range_of(inner, above));
        return observed(scope.node(), std::move(planned));
    }

    // A vector, or a scalar as the vector of one series.
    VectorPlan vector_of_any(const Expr& expr) {
        if (expr.type != ValueType::kScalar) return vector(expr);
        KW_TRY_ASSIGN(auto inner, scalar(expr));
        return VectorPlan(std::make_unique<VectorOfScalarOperator>(std::move(inner)));
    }

 private:
    // `expr` is not in parentheses.
    VectorPlan vector_of(const Expr& expr, std::string_view above) {
        if (const auto* selector = expr.as<VectorSelector>()) {
            return this->selector(*selector, expr.span, SelectorOperator::Gives::kValue, above);
        }
        if (const auto* unary = expr.as<UnaryExpr>()) {
            KW_TRY_ASSIGN(auto inner, vector(*unary->expr));
            if (!unary->negate) return inner;
            return map(negative_of, std::move(inner), {}, OfHistograms::kNegative);
        }
        if (const auto* binary = expr.as<BinaryExpr>()) return this->binary(*binary, expr.span);
        if (const auto* aggregate = expr.as<AggregateExpr>()) return this->aggregate(*aggregate);
        const auto* call = expr.as<CallExpr>();
        KW_CHECK(call != nullptr);
        return this->call(*call, expr.span);
    }

    // `expr` is neither in parentheses nor a literal.
    ScalarPlan scalar_of(const Expr& expr) {
        if (const auto* unary = expr.as<UnaryExpr>()) {
            KW_TRY_ASSIGN(auto inner, scalar(*unary->expr));
            if (!unary->negate) return inner;
            KW_TRY_ASSIGN(auto minus_one, constant(-1));
            return ScalarPlan(std::make_unique<ScalarBinaryOperator>(
                BinaryOp::kMul, std::move(minus_one), std::move(inner)));
        }
        if (const auto* binary = expr.as<BinaryExpr>()) {
            KW_TRY_ASSIGN(auto lhs, scalar(*binary->lhs));
            KW_TRY_ASSIGN(auto rhs, scalar(*binary->rhs));
            return ScalarPlan(
                std::make_unique<ScalarBinaryOperator>(binary->op, std::move(lhs), std::move(rhs)));
        }
        const auto* call = expr.as<CallExpr>();
        KW_CHECK(call != nullptr);
        return scalar_call(*call);
    }

    // `inner` is not in parentheses.
    RangePlan range_of(const Expr& inner, std::string_view above) {
        if (const auto* matrix = inner.as<MatrixSelector>()) {
            const Expr& selected = strip_parens(*matrix->selector);
            const auto* selector = selected.as<VectorSelector>();
            KW_CHECK(selector != nullptr);
            return RangePlan(std::make_unique<RangeSelectorOperator>(
                context_, grid_, *selector, matrix->range.ms, inner.span, above, reads_totals_));
        }
        const auto* subquery = inner.as<SubqueryExpr>();
        KW_CHECK(subquery != nullptr);
        const QuerySettings& settings = context_.settings();
        const Windows windows = windows_of(grid_, subquery->range.ms, subquery->offset.ms,
                                           subquery->at, settings.range);
        const int64_t step_ms = subquery->step ? subquery->step->ms : settings.subquery_step_ms;
        const StepGrid below = subquery_grid(windows, step_ms);
        Planner planner(context_, below, false, reads_totals_);
        KW_TRY_ASSIGN(auto vector, planner.vector_of_any(*subquery->expr));
        return RangePlan(std::make_unique<SubqueryOperator>(windows, below, std::move(vector)));
    }

    static ScalarPlan constant(double value) {
        return ScalarPlan(std::make_unique<ConstantOperator>(value));
    }

    VectorPlan selector(const VectorSelector& selector, Span where, SelectorOperator::Gives gives,
                        std::string_view above) {
        return VectorPlan(std::make_unique<SelectorOperator>(context_, grid_, selector, where,
                                                             gives, above, reads_totals_));
    }

    using OfHistograms = MapOperator::OfHistograms;
    static VectorPlan map(MapKernel kernel, std::unique_ptr<VectorOperator> vector,
                          std::vector<std::unique_ptr<ScalarOperator>> params,
                          OfHistograms of_histograms = OfHistograms::kNothing) {
        return VectorPlan(std::make_unique<MapOperator>(kernel, std::move(vector),
                                                        std::move(params), of_histograms));
    }

    VectorPlan binary(const BinaryExpr& binary, Span where) {
        if (binary.matching) {
            KW_TRY_ASSIGN(auto lhs, vector(*binary.lhs));
            KW_TRY_ASSIGN(auto rhs, vector(*binary.rhs));
            if (is_set_operator(binary.op)) {
                return VectorPlan(
                    std::make_unique<SetOperator>(binary, std::move(lhs), std::move(rhs)));
            }
            return VectorPlan(std::make_unique<VectorBinaryOperator>(binary, where, std::move(lhs),
                                                                     std::move(rhs)));
        }
        const bool scalar_is_left = binary.lhs->type == ValueType::kScalar;
        KW_TRY_ASSIGN(auto inner, vector(scalar_is_left ? *binary.rhs : *binary.lhs));
        KW_TRY_ASSIGN(auto number, scalar(scalar_is_left ? *binary.lhs : *binary.rhs));
        return VectorPlan(std::make_unique<VectorScalarOperator>(binary.op, binary.return_bool,
                                                                 scalar_is_left, std::move(inner),
                                                                 std::move(number), where));
    }

    VectorPlan aggregate(const AggregateExpr& aggregate) {
        KW_TRY_ASSIGN(auto inner, vector(*aggregate.expr, aggregate_op_text(aggregate.op)));
        switch (aggregate.op) {
            case AggregateOp::kSum:
            case AggregateOp::kAvg:
            case AggregateOp::kCount:
            case AggregateOp::kMin:
            case AggregateOp::kMax:
            case AggregateOp::kGroup:
            case AggregateOp::kStddev:
            case AggregateOp::kStdvar:
                return VectorPlan(std::make_unique<FoldOperator>(aggregate, std::move(inner)));
            case AggregateOp::kCountValues:
                return VectorPlan(std::make_unique<CountValuesOperator>(aggregate, std::move(inner),
                                                                        text_of(*aggregate.param)));
            case AggregateOp::kQuantile: {
                KW_TRY_ASSIGN(auto param, scalar(*aggregate.param));
                return VectorPlan(std::make_unique<QuantileOperator>(aggregate, std::move(inner),
                                                                     std::move(param)));
            }
            case AggregateOp::kTopk:
            case AggregateOp::kBottomk:
            case AggregateOp::kLimitk:
            case AggregateOp::kLimitRatio: {
                KW_TRY_ASSIGN(auto param, scalar(*aggregate.param));
                return VectorPlan(std::make_unique<ChooseOperator>(aggregate, std::move(inner),
                                                                   std::move(param)));
            }
        }
        return internal_error("no plan for {}", aggregate_op_text(aggregate.op));
    }

    ScalarPlan scalar_call(const CallExpr& call) {
        const QueryRange& range = context_.settings().range;
        const auto seconds = [](int64_t ms) { return static_cast<double>(ms) / 1000; };
        switch (call.function->id) {
            case FunctionId::kTime: return ScalarPlan(std::make_unique<TimeOperator>());
            case FunctionId::kPi: return constant(std::numbers::pi);
            case FunctionId::kStart: return constant(seconds(range.start.count));
            case FunctionId::kEnd: return constant(seconds(range.end.count));
            case FunctionId::kStep: return constant(seconds(range.step_ms));
            case FunctionId::kRange: return constant(seconds(range.end - range.start));
            case FunctionId::kMinOf:
            case FunctionId::kMaxOf: {
                KW_TRY_ASSIGN(auto lhs, scalar(*call.args[0]));
                KW_TRY_ASSIGN(auto rhs, scalar(*call.args[1]));
                return ScalarPlan(std::make_unique<ExtremeOperator>(
                    call.function->id == FunctionId::kMaxOf, std::move(lhs), std::move(rhs)));
            }
            case FunctionId::kScalar: {
                KW_TRY_ASSIGN(auto inner, vector(*call.args[0]));
                return ScalarPlan(std::make_unique<OnlyValueOperator>(std::move(inner)));
            }
            default: return internal_error("no plan for the scalar {}()", call.function->name);
        }
    }

    VectorPlan call(const CallExpr& call, Span where) {
        const FunctionCode& code = code_of(call.function->id);
        switch (code.kind) {
            case FunctionCode::Kind::kRollup: return rollup_call(call, code);
            case FunctionCode::Kind::kMap: return map_call(call, code);
            case FunctionCode::Kind::kSpecial: return special_call(call, where);
        }
        return internal_error("no plan for {}()", call.function->name);
    }

    VectorPlan rollup_call(const CallExpr& call, const FunctionCode& code) {
        std::unique_ptr<RangeOperator> over;
        Span over_where;
        std::vector<std::unique_ptr<ScalarOperator>> params;
        for (const ExprPtr& arg : call.args) {
            if (arg->type == ValueType::kMatrix) {
                KW_TRY(check_extension(*arg, call.function->name, code.rollup.kernel));
                KW_TRY_ASSIGN(over, range(*arg, call.function->name));
                over_where = strip_parens(*arg).span;
            } else {
                KW_TRY_ASSIGN(params.emplace_back(), scalar(*arg));
            }
        }
        return VectorPlan(std::make_unique<RollupOperator>(code.rollup, call.function->id,
                                                           std::move(over), std::move(params),
                                                           over_where, call.args[0]->span));
    }

    // anchored and smoothed are for functions that know what to do at a window's ends.
    static Result<void> check_extension(const Expr& arg, std::string_view function,
                                        RollupKernel kernel) {
        const auto* matrix = strip_parens(arg).as<MatrixSelector>();
        if (matrix == nullptr) return {};
        const auto* selector = strip_parens(*matrix->selector).as<VectorSelector>();
        KW_CHECK(selector != nullptr);
        const bool moves = kernel == delta_over || kernel == increase_over || kernel == rate_over;
        const bool counts = kernel == changes_over || kernel == resets_over;
        switch (selector->extension) {
            case VectorSelector::Extension::kNone: return {};
            case VectorSelector::Extension::kAnchored:
                if (moves || counts) return {};
                return invalid(
                    "anchored modifier can only be used with: changes, delta, increase, rate, "
                    "resets - not "
                    "with {}",
                    function);
            case VectorSelector::Extension::kSmoothed:
                if (moves) return {};
                return invalid(
                    "smoothed modifier can only be used with: delta, increase, rate - not with {}",
                    function);
        }
        return {};
    }

    VectorPlan map_call(const CallExpr& call, const FunctionCode& code) {
        if (call.args.empty()) {
            // day_of_month() and its like, of the step's own time.
            std::unique_ptr<VectorOperator> now =
                std::make_unique<VectorOfScalarOperator>(std::make_unique<TimeOperator>());
            return map(code.map, std::move(now), {});
        }
        if (call.function->id == FunctionId::kTimestamp) {
            const Expr& arg = strip_parens(*call.args[0]);
            if (const auto* of = arg.as<VectorSelector>()) {
                KW_TRY_ASSIGN(auto times,
                              selector(*of, arg.span, SelectorOperator::Gives::kTimestamp,
                                       call.function->name));
                return nameless(std::move(times));
            }
        }
        KW_TRY_ASSIGN(auto inner, vector(*call.args[0], call.function->name));
        std::vector<std::unique_ptr<ScalarOperator>> params;
        for (size_t i = 1; i < call.args.size(); ++i) {
            KW_TRY_ASSIGN(params.emplace_back(), scalar(*call.args[i]));
        }
        const bool takes_any = call.function->id == FunctionId::kTimestamp;
        return map(code.map, std::move(inner), std::move(params),
                   takes_any ? OfHistograms::kItself : OfHistograms::kNothing);
    }

    // The same values without the metric's name.
    static VectorPlan nameless(std::unique_ptr<VectorOperator> vector) {
        return map([](const StepGrid&, std::span<const Column>, std::span<double>) {},
                   std::move(vector), {}, OfHistograms::kItself);
    }

    VectorPlan buckets_call(const CallExpr& call) {
        const bool lists_quantiles = call.function->id == FunctionId::kHistogramQuantiles;
        BucketsOperator::Options options;
        options.is_fraction = call.function->id == FunctionId::kHistogramFraction;
        options.function = call.function->name;
        if (lists_quantiles) options.label = text_of(*call.args[1]);
        std::unique_ptr<VectorOperator> inner;
        std::vector<std::unique_ptr<ScalarOperator>> params;
        for (const ExprPtr& arg : call.args) {
            if (arg->type == ValueType::kVector) {
                Planner below(context_, grid_, pinned_);  // reads buckets
                KW_TRY_ASSIGN(inner, below.vector(*arg, call.function->name));
                options.vector_where = arg->span;
            } else if (arg->type == ValueType::kScalar) {
                KW_TRY_ASSIGN(params.emplace_back(), scalar(*arg));
                options.param_where.push_back(arg->span);
            }
        }
        return VectorPlan(std::make_unique<BucketsOperator>(std::move(inner), std::move(params),
                                                            std::move(options)));
    }

    VectorPlan label_call(const CallExpr& call) {
        KW_TRY_ASSIGN(auto inner, vector(*call.args[0]));
        if (call.function->id == FunctionId::kLabelReplace) {
            return VectorPlan(std::make_unique<LabelReplaceOperator>(
                std::move(inner), text_of(*call.args[1]), text_of(*call.args[2]),
                text_of(*call.args[3]), text_of(*call.args[4])));
        }
        std::vector<std::string> sources;
        for (size_t i = 3; i < call.args.size(); ++i) sources.push_back(text_of(*call.args[i]));
        return VectorPlan(std::make_unique<LabelJoinOperator>(
            std::move(inner), text_of(*call.args[1]), text_of(*call.args[2]), std::move(sources)));
    }

    VectorPlan sort_call(const CallExpr& call, Span where) {
        const FunctionId id = call.function->id;
        const bool descending = id == FunctionId::kSortDesc || id == FunctionId::kSortByLabelDesc;
        const bool by_label = id == FunctionId::kSortByLabel || id == FunctionId::kSortByLabelDesc;
        std::vector<std::string> labels;
        for (size_t i = 1; i < call.args.size(); ++i) labels.push_back(text_of(*call.args[i]));
        KW_TRY_ASSIGN(auto inner, vector(*call.args[0]));
        return VectorPlan(std::make_unique<SortOperator>(std::move(inner), descending, by_label,
                                                         std::move(labels), where));
    }

    VectorPlan special_call(const CallExpr& call, Span where) {
        switch (call.function->id) {
            case FunctionId::kAbsent: {
                KW_TRY_ASSIGN(auto inner, vector(*call.args[0], call.function->name));
                return VectorPlan(std::make_unique<AbsentOperator>(
                    std::move(inner), labels_of_absence(*call.args[0])));
            }
            case FunctionId::kAbsentOverTime: {
                KW_TRY_ASSIGN(auto over, range(*call.args[0], call.function->name));
                return VectorPlan(std::make_unique<AbsentOverTimeOperator>(
                    std::move(over), labels_of_absence(*call.args[0])));
            }
            case FunctionId::kVector: {
                KW_TRY_ASSIGN(auto inner, scalar(*call.args[0]));
                return VectorPlan(std::make_unique<VectorOfScalarOperator>(std::move(inner)));
            }
            case FunctionId::kStartTimestamp: {
                const Expr& arg = strip_parens(*call.args[0]);
                if (const auto* of = arg.as<VectorSelector>()) {
                    KW_TRY_ASSIGN(auto times,
                                  selector(*of, arg.span, SelectorOperator::Gives::kStartTimestamp,
                                           call.function->name));
                    return nameless(std::move(times));
                }
                // Only samples have a start; what is calculated has none.
                KW_TRY_ASSIGN(auto inner, vector(arg));
                return VectorPlan(std::make_unique<NothingOperator>(std::move(inner)));
            }
            case FunctionId::kLabelReplace:
            case FunctionId::kLabelJoin: return label_call(call);
            case FunctionId::kSort:
            case FunctionId::kSortDesc:
            case FunctionId::kSortByLabel:
            case FunctionId::kSortByLabelDesc: return sort_call(call, where);
            case FunctionId::kHistogramQuantile:
            case FunctionId::kHistogramQuantiles:
            case FunctionId::kHistogramFraction: return buckets_call(call);
            case FunctionId::kHistogramAvg:
            case FunctionId::kHistogramCount:
            case FunctionId::kHistogramSum:
            case FunctionId::kHistogramStddev:
            case FunctionId::kHistogramStdvar: {
                const FunctionId id = call.function->id;
                const bool is_total =
                    id != FunctionId::kHistogramStddev && id != FunctionId::kHistogramStdvar;
                Planner below(context_, grid_, pinned_, is_total);
                KW_TRY_ASSIGN(auto inner, below.vector(*call.args[0], call.function->name));
                return VectorPlan(
                    std::make_unique<HistogramValueOperator>(std::move(inner), call.function->id));
            }
            case FunctionId::kInfo: return info_call(call);
            default: return internal_error("no plan for {}()", call.function->name);
        }
    }

    VectorPlan info_call(const CallExpr& call) {
        KW_TRY_ASSIGN(auto inner, vector(*call.args[0]));
        std::vector<Matcher> matchers;
        if (call.args.size() > 1) {
            const auto* selector = strip_parens(*call.args[1]).as<VectorSelector>();
            KW_CHECK(selector != nullptr);
            matchers = selector->matchers;
        }
        return VectorPlan(std::make_unique<InfoOperator>(context_, info_grid(*call.args[0]),
                                                         std::move(inner), std::move(matchers),
                                                         call.args[0]->span));
    }

    // When info() looks for its info series: as its argument is moved by `@` and offset.
    Windows info_grid(const Expr& expr) const {
        const QuerySettings& settings = context_.settings();
        const Moved moved = moved_by(expr);
        return windows_of(grid_, settings.lookback_ms, moved.offset_ms, moved.at, settings.range);
    }

    struct Moved {
        int64_t offset_ms = 0;
        AtModifier at;
    };
    // The `@` and offset of the first selector in `expr`, with those of subqueries around it.
    static Moved moved_by(const Expr& expr) {
        if (const auto* paren = expr.as<ParenExpr>()) return moved_by(*paren->expr);
        if (const auto* unary = expr.as<UnaryExpr>()) return moved_by(*unary->expr);
        if (const auto* selector = expr.as<VectorSelector>())
            return {selector->offset.ms, selector->at};
        if (const auto* matrix = expr.as<MatrixSelector>()) return moved_by(*matrix->selector);
        if (const auto* aggregate = expr.as<AggregateExpr>()) return moved_by(*aggregate->expr);
        if (const auto* subquery = expr.as<SubqueryExpr>()) {
            Moved moved = moved_by(*subquery->expr);
            if (is_pinned(moved.at)) return moved;
            moved.offset_ms += subquery->offset.ms;
            moved.at = subquery->at;
            return moved;
        }
        if (const auto* call = expr.as<CallExpr>()) {
            for (const ExprPtr& arg : call->args) {
                if (arg->type == ValueType::kVector || arg->type == ValueType::kMatrix)
                    return moved_by(*arg);
            }
        }
        if (const auto* binary = expr.as<BinaryExpr>()) {
            return moved_by(binary->lhs->type == ValueType::kScalar ? *binary->rhs : *binary->lhs);
        }
        return {};
    }

    QueryContext& context_;
    const StepGrid grid_;
    const bool pinned_;
    const bool reads_totals_;
};

}  // namespace

VectorPlan plan_vector(QueryContext& context, const Expr& expr, const StepGrid& grid) {
    return Planner(context, grid).vector(expr);
}

ScalarPlan plan_scalar(QueryContext& context, const Expr& expr, const StepGrid& grid) {
    return Planner(context, grid).scalar(expr);
}

RangePlan plan_range(QueryContext& context, const Expr& expr, const StepGrid& grid) {
    return Planner(context, grid).range(expr, "");
}

}  // namespace kw::promql
