#include "promql/ast.h"

#include <algorithm>

namespace kw::promql {
namespace {

std::unique_ptr<DurationExpr> clone(const std::unique_ptr<DurationExpr>& expr) {
    if (!expr) return nullptr;
    auto copy = std::make_unique<DurationExpr>();
    copy->op = expr->op;
    copy->span = expr->span;
    copy->value = expr->value;
    copy->is_duration = expr->is_duration;
    copy->lhs = clone(expr->lhs);
    copy->rhs = clone(expr->rhs);
    return copy;
}

Duration clone(const Duration& duration) { return {duration.ms, clone(duration.expr)}; }

ExprPtr clone_if(const ExprPtr& expr) { return expr ? clone(*expr) : nullptr; }

struct CloneNode {
    Expr::Node operator()(const NumberLiteral& node) const { return node; }
    Expr::Node operator()(const StringLiteral& node) const { return node; }
    Expr::Node operator()(const VectorSelector& node) const {
        return VectorSelector{node.name, node.matchers,  clone(node.offset),
                              node.at,   node.extension, node.may_match_empty};
    }
    Expr::Node operator()(const MatrixSelector& node) const {
        return MatrixSelector{clone_if(node.selector), clone(node.range)};
    }
    Expr::Node operator()(const SubqueryExpr& node) const {
        SubqueryExpr copy{clone_if(node.expr), clone(node.range), std::nullopt, clone(node.offset),
                          node.at};
        if (node.step) copy.step = clone(*node.step);
        return copy;
    }
    Expr::Node operator()(const ParenExpr& node) const { return ParenExpr{clone_if(node.expr)}; }
    Expr::Node operator()(const UnaryExpr& node) const {
        return UnaryExpr{node.negate, clone_if(node.expr)};
    }
    Expr::Node operator()(const BinaryExpr& node) const {
        return BinaryExpr{
            node.op,      node.op_span, node.return_bool, clone_if(node.lhs), clone_if(node.rhs),
            node.matching};
    }
    Expr::Node operator()(const AggregateExpr& node) const {
        return AggregateExpr{node.op, node.without, node.grouping, clone_if(node.param),
                             clone_if(node.expr)};
    }
    Expr::Node operator()(const CallExpr& node) const {
        CallExpr copy{node.function, {}};
        copy.args.reserve(node.args.size());
        for (const ExprPtr& arg : node.args) copy.args.push_back(clone_if(arg));
        return copy;
    }
};

}  // namespace

std::string_view value_type_name(ValueType type) {
    switch (type) {
        case ValueType::kNone: return "none";
        case ValueType::kScalar: return "scalar";
        case ValueType::kVector: return "vector";
        case ValueType::kMatrix: return "matrix";
        case ValueType::kString: return "string";
    }
    return "none";
}

std::string_view value_type_words(ValueType type) {
    switch (type) {
        case ValueType::kVector: return "instant vector";
        case ValueType::kMatrix: return "range vector";
        default: return value_type_name(type);
    }
}

std::string_view binary_op_text(BinaryOp op) {
    switch (op) {
        case BinaryOp::kAdd: return "+";
        case BinaryOp::kSub: return "-";
        case BinaryOp::kMul: return "*";
        case BinaryOp::kDiv: return "/";
        case BinaryOp::kMod: return "%";
        case BinaryOp::kPow: return "^";
        case BinaryOp::kAtan2: return "atan2";
        case BinaryOp::kEqual: return "==";
        case BinaryOp::kNotEqual: return "!=";
        case BinaryOp::kLess: return "<";
        case BinaryOp::kLessEqual: return "<=";
        case BinaryOp::kGreater: return ">";
        case BinaryOp::kGreaterEqual: return ">=";
        case BinaryOp::kTrimUpper: return "</";
        case BinaryOp::kTrimLower: return ">/";
        case BinaryOp::kAnd: return "and";
        case BinaryOp::kOr: return "or";
        case BinaryOp::kUnless: return "unless";
    }
    return "";
}

bool is_comparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterEqual; }

bool is_set_operator(BinaryOp op) { return op >= BinaryOp::kAnd; }

std::string_view aggregate_op_text(AggregateOp op) {
    switch (op) {
        case AggregateOp::kSum: return "sum";
        case AggregateOp::kAvg: return "avg";
        case AggregateOp::kCount: return "count";
        case AggregateOp::kMin: return "min";
        case AggregateOp::kMax: return "max";
        case AggregateOp::kGroup: return "group";
        case AggregateOp::kStddev: return "stddev";
        case AggregateOp::kStdvar: return "stdvar";
        case AggregateOp::kTopk: return "topk";
        case AggregateOp::kBottomk: return "bottomk";
        case AggregateOp::kCountValues: return "count_values";
        case AggregateOp::kQuantile: return "quantile";
        case AggregateOp::kLimitk: return "limitk";
        case AggregateOp::kLimitRatio: return "limit_ratio";
    }
    return "";
}

bool takes_parameter(AggregateOp op) { return op >= AggregateOp::kTopk; }

std::string_view cardinality_name(Cardinality cardinality) {
    switch (cardinality) {
        case Cardinality::kOneToOne: return "one-to-one";
        case Cardinality::kManyToOne: return "many-to-one";
        case Cardinality::kOneToMany: return "one-to-many";
        case Cardinality::kManyToMany: return "many-to-many";
    }
    return "";
}

const Expr& strip_parens(const Expr& expr) {
    const Expr* inner = &expr;
    while (const auto* paren = inner->as<ParenExpr>()) inner = paren->expr.get();
    return *inner;
}

ExprPtr clone(const Expr& expr) {
    auto copy = std::make_unique<Expr>();
    copy->node = std::visit(CloneNode{}, expr.node);
    copy->span = expr.span;
    copy->type = expr.type;
    return copy;
}

std::string position_text(std::string_view query, uint32_t offset) {
    const std::string_view before = query.substr(0, std::min<size_t>(offset, query.size()));
    const auto lines_before = std::count(before.begin(), before.end(), '\n');
    const size_t last_break = before.rfind('\n');
    const size_t line_start = last_break == std::string_view::npos ? 0 : last_break + 1;
    return fmt::format("{}:{}", lines_before + 1, before.size() - line_start + 1);
}

}  // namespace kw::promql
