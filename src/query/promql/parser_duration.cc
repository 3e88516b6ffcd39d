// Durations: literals, and the arithmetic over them that brackets and `offset` allow.
#include <cmath>
#include <limits>

#include "promql/parser_impl.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

using DurationOp = DurationExpr::Op;

constexpr int kLowestDurationPrecedence = 1;
constexpr int kPowDurationPrecedence = 3;

struct DurationOperator {
    DurationOp op;
    int precedence;
};

std::optional<DurationOperator> duration_operator(Token token) {
    switch (token) {
        case Token::kAdd: return DurationOperator{DurationOp::kAdd, 1};
        case Token::kSub: return DurationOperator{DurationOp::kSub, 1};
        case Token::kMul: return DurationOperator{DurationOp::kMul, 2};
        case Token::kDiv: return DurationOperator{DurationOp::kDiv, 2};
        case Token::kMod: return DurationOperator{DurationOp::kMod, 2};
        case Token::kPow: return DurationOperator{DurationOp::kPow, kPowDurationPrecedence};
        default: return std::nullopt;
    }
}

std::unique_ptr<DurationExpr> node(DurationOp op, Span span,
                                   std::unique_ptr<DurationExpr> lhs = nullptr,
                                   std::unique_ptr<DurationExpr> rhs = nullptr) {
    auto made = std::make_unique<DurationExpr>();
    made->op = op;
    made->span = span;
    made->lhs = std::move(lhs);
    made->rhs = std::move(rhs);
    return made;
}

constexpr std::string_view kDurationContext = "duration expression";
constexpr std::string_view kDurationExpected = "number, duration, step(), or range()";

}  // namespace

Result<Duration> Parser::bracket_duration(std::string_view context, std::string_view expected) {
    switch (now_.token) {
        case Token::kNumber:
        case Token::kDuration:
        case Token::kAdd:
        case Token::kSub:
        case Token::kLeftParen:
        case Token::kStep:
        case Token::kRange:
        case Token::kMinOf:
        case Token::kMaxOf:
        case Token::kAggregate: break;
        default: return unexpected(context, expected);
    }
    KW_TRY_ASSIGN(ParsedDuration parsed, duration_binary(kLowestDurationPrecedence));
    return to_duration(std::move(parsed), true);
}

// One operand, perhaps with a sign: what follows belongs to the expression around (`x offset 2 ^ 2`
// is
// `(x offset 2) ^ 2`).
Result<Duration> Parser::offset_duration() {
    const bool is_min_or_max = is(Token::kAggregate) && (now_.aggregate == AggregateOp::kMin ||
                                                         now_.aggregate == AggregateOp::kMax);
    switch (now_.token) {
        case Token::kNumber:
        case Token::kDuration:
        case Token::kAdd:
        case Token::kSub:
        case Token::kLeftParen:
        case Token::kStep:
        case Token::kRange:
        case Token::kMinOf:
        case Token::kMaxOf: break;
        default:
            if (!is_min_or_max) return unexpected("offset", kDurationExpected);
    }
    KW_TRY_ASSIGN(ParsedDuration parsed, duration_unary(true));
    return to_duration(std::move(parsed), false);
}

Result<Duration> Parser::to_duration(ParsedDuration parsed, bool must_be_positive) {
    const uint32_t start = parsed.expr->span.start;
    if (!parsed.is_plain()) {
        if (!options_.duration_expressions) {
            return error_at(start, "experimental duration expression is not enabled");
        }
        return Duration{0, std::move(parsed.expr)};
    }
    const double seconds = parsed.expr->value;
    if (must_be_positive && !(seconds > 0))
        return error_at(start, "duration must be greater than 0");
    // As Go's time.Duration: nanoseconds in 63 bits.
    const double ns = std::round(seconds * 1e9);
    if (!(ns > -0x1p63 && ns < 0x1p63)) return error_at(start, "duration out of range");
    Duration duration{static_cast<int64_t>(ns) / 1'000'000, nullptr};
    if (must_be_positive && duration.ms == 0)
        return error_at(start, "duration must be at least 1ms");
    return duration;
}

Result<Parser::ParsedDuration> Parser::duration_binary(int precedence_min) {
    const DepthGuard guard(depth_);
    if (depth_ > options_.tree_height_max) return too_deep(now_.span.start);
    KW_TRY_ASSIGN(ParsedDuration lhs, duration_unary(false));
    for (size_t chain = 0;; ++chain) {
        const std::optional<DurationOperator> op = duration_operator(now_.token);
        if (!op || op->precedence < precedence_min) return lhs;
        if (chain + depth_ > options_.tree_height_max) return too_deep(now_.span.start);
        KW_TRY(advance());
        KW_TRY_ASSIGN(
            ParsedDuration rhs,
            duration_binary(op->op == DurationOp::kPow ? op->precedence : op->precedence + 1));
        const Span span{lhs.expr->span.start, rhs.expr->span.end};
        lhs.expr = node(op->op, span, std::move(lhs.expr), std::move(rhs.expr));
    }
}

// A sign binds weaker than `^`; directly after `offset` (`alone`), where no operator may follow, it
// takes the operand alone.
Result<Parser::ParsedDuration> Parser::duration_unary(bool alone) {
    if (!is(Token::kAdd) && !is(Token::kSub)) return duration_primary();
    const bool negate = is(Token::kSub);
    const uint32_t start = now_.span.start;
    KW_TRY(advance());
    KW_TRY_ASSIGN(ParsedDuration operand,
                  alone ? duration_primary() : duration_binary(kPowDurationPrecedence));
    operand.expr->span.start = start;
    if (operand.is_plain()) {
        if (negate) operand.expr->value = -operand.expr->value;
        return operand;
    }
    if (negate) {
        const Span span = operand.expr->span;
        operand.expr = node(DurationOp::kNegate, span, std::move(operand.expr));
    }
    return operand;
}

Result<Parser::ParsedDuration> Parser::duration_primary() {
    switch (now_.token) {
        case Token::kNumber:
        case Token::kDuration: {
            const LexedToken token = now_;
            ParsedDuration parsed{node(DurationOp::kNumber, token.span)};
            parsed.expr->is_duration = is(Token::kDuration);
            KW_TRY_ASSIGN(parsed.expr->value,
                          parsed.expr->is_duration ? duration_seconds(token) : number_value(token));
            KW_TRY(advance());
            return parsed;
        }
        case Token::kLeftParen: {
            const uint32_t start = now_.span.start;
            KW_TRY(advance());
            KW_TRY_ASSIGN(ParsedDuration inner, duration_binary(kLowestDurationPrecedence));
            KW_TRY(expect(Token::kRightParen, kDurationContext, "\")\""));
            return ParsedDuration{
                node(DurationOp::kParen, {start, last_end_}, std::move(inner.expr))};
        }
        default: return duration_call();
    }
}

// step(), range(), min_of(a, b), max_of(a, b); min and max are older spellings of the last two.
Result<Parser::ParsedDuration> Parser::duration_call() {
    const LexedToken name = now_;
    const bool older_spelling = is(Token::kAggregate);
    const bool is_min =
        is(Token::kMinOf) || (older_spelling && name.aggregate == AggregateOp::kMin);
    const bool is_max =
        is(Token::kMaxOf) || (older_spelling && name.aggregate == AggregateOp::kMax);
    if (!is(Token::kStep) && !is(Token::kRange) && !is_min && !is_max) {
        return unexpected(kDurationContext, kDurationExpected);
    }
    KW_TRY(advance());
    KW_TRY(expect(Token::kLeftParen, kDurationContext, "\"(\""));
    ParsedDuration parsed;
    if (is_min || is_max) {
        KW_TRY_ASSIGN(ParsedDuration lhs, duration_binary(kLowestDurationPrecedence));
        KW_TRY(expect(Token::kComma, kDurationContext, "\",\""));
        KW_TRY_ASSIGN(ParsedDuration rhs, duration_binary(kLowestDurationPrecedence));
        parsed.expr = node(is_min ? DurationOp::kMinOf : DurationOp::kMaxOf, {},
                           std::move(lhs.expr), std::move(rhs.expr));
    } else {
        parsed.expr = node(name.token == Token::kStep ? DurationOp::kStep : DurationOp::kRange, {});
    }
    KW_TRY(expect(Token::kRightParen, kDurationContext, "\")\""));
    parsed.expr->span = {name.span.start, last_end_};
    return parsed;
}

}  // namespace kw::promql
