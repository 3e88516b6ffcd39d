// Values of duration expressions, once the query's time range is known.
#include <algorithm>
#include <cmath>

#include "promql/ast.h"
#include "promql/lexer.h"

namespace kw::promql {
namespace {

class Resolver final {
 public:
    Resolver(const QueryRange& range, std::string_view query) : range_(range), query_(query) {}

    Result<void> resolve(Expr& expr) {
        return std::visit([&](auto& node) { return resolve_node(node); }, expr.node);
    }

 private:
    using Op = DurationExpr::Op;

    Result<void> resolve_node(NumberLiteral&) { return {}; }
    Result<void> resolve_node(StringLiteral&) { return {}; }
    Result<void> resolve_node(VectorSelector& node) { return set(node.offset, false); }
    Result<void> resolve_node(MatrixSelector& node) {
        KW_TRY(set(node.range, true));
        return resolve(*node.selector);
    }
    Result<void> resolve_node(SubqueryExpr& node) {
        KW_TRY(set(node.range, true));
        if (node.step) KW_TRY(set(*node.step, true));
        KW_TRY(set(node.offset, false));
        return resolve(*node.expr);
    }
    Result<void> resolve_node(ParenExpr& node) { return resolve(*node.expr); }
    Result<void> resolve_node(UnaryExpr& node) { return resolve(*node.expr); }
    Result<void> resolve_node(BinaryExpr& node) {
        KW_TRY(resolve(*node.lhs));
        return resolve(*node.rhs);
    }
    Result<void> resolve_node(AggregateExpr& node) {
        if (node.param) KW_TRY(resolve(*node.param));
        return resolve(*node.expr);
    }
    Result<void> resolve_node(CallExpr& node) {
        for (ExprPtr& arg : node.args) KW_TRY(resolve(*arg));
        return {};
    }

    Result<void> set(Duration& duration, bool must_be_positive) {
        if (!duration.expr) return {};
        KW_TRY_ASSIGN(const double seconds, seconds_of(*duration.expr));
        if (must_be_positive && !(seconds > 0))
            return fail(*duration.expr, "duration must be greater than 0");
        // As Go's time.Duration: nanoseconds in 63 bits.
        if (!(std::fabs(seconds) < 0x1p63 / 1e9))
            return fail(*duration.expr, "duration is out of range");
        duration.ms = static_cast<int64_t>(seconds * 1000);
        if (must_be_positive && duration.ms == 0)
            return fail(*duration.expr, "duration must be at least 1ms");
        return {};
    }

    Result<double> seconds_of(const DurationExpr& expr) {
        switch (expr.op) {
            case Op::kNumber: return expr.value;
            case Op::kStep: return static_cast<double>(range_.step_ms) / 1000;
            case Op::kRange: return static_cast<double>(range_.end - range_.start) / 1000;
            case Op::kParen: return seconds_of(*expr.lhs);
            case Op::kNegate: {
                KW_TRY_ASSIGN(const double operand, seconds_of(*expr.lhs));
                return -operand;
            }
            default: break;
        }
        KW_TRY_ASSIGN(const double lhs, seconds_of(*expr.lhs));
        KW_TRY_ASSIGN(const double rhs, seconds_of(*expr.rhs));
        switch (expr.op) {
            case Op::kAdd: return lhs + rhs;
            case Op::kSub: return lhs - rhs;
            case Op::kMul: return lhs * rhs;
            case Op::kDiv:
                if (rhs == 0) return fail(expr, "division by zero");
                return lhs / rhs;
            case Op::kMod:
                if (rhs == 0) return fail(expr, "modulo by zero");
                return std::fmod(lhs, rhs);
            case Op::kPow: return std::pow(lhs, rhs);
            case Op::kMinOf: return std::min(lhs, rhs);
            default: return std::max(lhs, rhs);
        }
    }

    Error fail(const DurationExpr& expr, std::string_view message) const {
        return parse_error(query_, expr.span.start, message);
    }

    const QueryRange& range_;
    std::string_view query_;
};

}  // namespace

Result<void> resolve_durations(Expr& expr, const QueryRange& range, std::string_view query) {
    return Resolver(range, query).resolve(expr);
}

}  // namespace kw::promql
