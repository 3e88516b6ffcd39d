#include "promql/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "model/sample.h"
#include "promql/functions.h"
#include "promql/parser_impl.h"
#include "promql/text.h"
#include "promql/type_check.h"

namespace kw::promql {
namespace {

constexpr int kLowestPrecedence = 1;
constexpr int kPowPrecedence = 6;

struct Operator {
    BinaryOp op;
    int precedence;
};

// All associate to the left but `^`.
std::optional<Operator> binary_operator(Token token) {
    switch (token) {
        case Token::kOr: return Operator{BinaryOp::kOr, 1};
        case Token::kAnd: return Operator{BinaryOp::kAnd, 2};
        case Token::kUnless: return Operator{BinaryOp::kUnless, 2};
        case Token::kEqualEqual: return Operator{BinaryOp::kEqual, 3};
        case Token::kNotEqual: return Operator{BinaryOp::kNotEqual, 3};
        case Token::kLess: return Operator{BinaryOp::kLess, 3};
        case Token::kLessEqual: return Operator{BinaryOp::kLessEqual, 3};
        case Token::kGreater: return Operator{BinaryOp::kGreater, 3};
        case Token::kGreaterEqual: return Operator{BinaryOp::kGreaterEqual, 3};
        case Token::kTrimUpper: return Operator{BinaryOp::kTrimUpper, 3};
        case Token::kTrimLower: return Operator{BinaryOp::kTrimLower, 3};
        case Token::kAdd: return Operator{BinaryOp::kAdd, 4};
        case Token::kSub: return Operator{BinaryOp::kSub, 4};
        case Token::kMul: return Operator{BinaryOp::kMul, 5};
        case Token::kDiv: return Operator{BinaryOp::kDiv, 5};
        case Token::kMod: return Operator{BinaryOp::kMod, 5};
        case Token::kAtan2: return Operator{BinaryOp::kAtan2, 5};
        case Token::kPow: return Operator{BinaryOp::kPow, kPowPrecedence};
        default: return std::nullopt;
    }
}

// A word that the language uses, followed by "(", that is the name of a function.
bool may_be_function(Token token) {
    switch (token) {
        case Token::kIdentifier:
        case Token::kStart:
        case Token::kEndKeyword:
        case Token::kStep:
        case Token::kRange:
        case Token::kMinOf:
        case Token::kMaxOf: return true;
        default: return false;
    }
}

// A word that may stand for a metric although the language uses it. `bool`, `on`, `ignoring`,
// `group_left`, `group_right` and `atan2` may not.
bool may_be_metric(Token token) {
    switch (token) {
        case Token::kIdentifier:
        case Token::kMetricIdentifier:
        case Token::kAggregate:
        case Token::kAnd:
        case Token::kOr:
        case Token::kUnless:
        case Token::kBy:
        case Token::kWithout:
        case Token::kOffset:
        case Token::kAnchored:
        case Token::kSmoothed:
        case Token::kFill:
        case Token::kFillLeft:
        case Token::kFillRight:
        case Token::kStart:
        case Token::kEndKeyword:
        case Token::kStep:
        case Token::kRange:
        case Token::kMinOf:
        case Token::kMaxOf: return true;
        default: return false;
    }
}

size_t height_of(const std::vector<Parsed>& parsed) {
    size_t height = 0;
    for (const Parsed& one : parsed) height = std::max(height, one.height);
    return height;
}

}  // namespace

Error Parser::error_at(uint32_t offset_bytes, std::string_view message) const {
    return parse_error(text_, offset_bytes, message);
}

Error Parser::unexpected(std::string_view context, std::string_view expected) const {
    std::string message = "unexpected " + describe(now_);
    if (!context.empty()) message += fmt::format(" in {}", context);
    if (!expected.empty()) message += fmt::format(", expected {}", expected);
    return error_at(now_.span.start, message);
}

Error Parser::too_deep(uint32_t offset_bytes) const {
    Error error = error_at(offset_bytes, fmt::format("expression nests deeper than {} levels",
                                                     options_.tree_height_max));
    error.code = Code::kExhausted;
    return error;
}

Result<void> Parser::advance() {
    last_end_ = now_.span.end;
    if (after_) {
        now_ = *after_;
        after_.reset();
        return {};
    }
    KW_TRY_ASSIGN(now_, lexer_.next());
    return {};
}

Result<Token> Parser::peek() {
    if (!after_) {
        KW_TRY_ASSIGN(after_, lexer_.next());
    }
    return after_->token;
}

Result<void> Parser::expect(Token token, std::string_view context, std::string_view expected) {
    if (!is(token)) return unexpected(context, expected);
    return advance();
}

Result<Parsed> Parser::made(Expr::Node node, Span span, size_t height_below) const {
    if (height_below >= options_.tree_height_max) return too_deep(span.start);
    Parsed parsed{std::make_unique<Expr>(), height_below + 1};
    parsed.expr->node = std::move(node);
    parsed.expr->span = span;
    return parsed;
}

Result<ExprPtr> Parser::query() {
    KW_TRY(advance());
    if (is(Token::kEnd)) return error_at(0, "no expression found in input");
    KW_TRY_ASSIGN(Parsed parsed, binary(kLowestPrecedence));
    if (!is(Token::kEnd)) return unexpected();
    return std::move(parsed.expr);
}

Result<std::vector<Matcher>> Parser::selector() {
    KW_TRY(advance());
    if (!is(Token::kLeftBrace) && !may_be_metric(now_.token)) return unexpected();
    KW_TRY_ASSIGN(Parsed parsed, vector_selector());
    if (!is(Token::kEnd)) return unexpected();
    return std::move(parsed.expr->as<VectorSelector>()->matchers);
}

Result<Parsed> Parser::binary(int precedence_min) {
    const DepthGuard guard(depth_);
    if (depth_ > options_.tree_height_max) return too_deep(now_.span.start);
    KW_TRY_ASSIGN(Parsed lhs, unary());
    for (;;) {
        const std::optional<Operator> op = binary_operator(now_.token);
        if (!op || op->precedence < precedence_min) return lhs;
        const Span op_span = now_.span;
        KW_TRY(advance());
        KW_TRY_ASSIGN(BinaryModifiers modifiers, binary_modifiers());
        const bool to_the_right = op->op == BinaryOp::kPow;
        KW_TRY_ASSIGN(Parsed rhs, binary(to_the_right ? op->precedence : op->precedence + 1));
        const Span span{lhs.expr->span.start, rhs.expr->span.end};
        const size_t height = std::max(lhs.height, rhs.height);
        BinaryExpr node;
        node.op = op->op;
        node.op_span = op_span;
        node.return_bool = modifiers.return_bool;
        node.matching = std::move(modifiers.matching);
        node.lhs = std::move(lhs.expr);
        node.rhs = std::move(rhs.expr);
        KW_TRY_ASSIGN(lhs, made(std::move(node), span, height));
    }
}

// A sign binds weaker than `^` and tighter than `*`.
Result<Parsed> Parser::unary() {
    if (!is(Token::kAdd) && !is(Token::kSub)) return postfix();
    const bool negate = is(Token::kSub);
    const uint32_t start = now_.span.start;
    KW_TRY(advance());
    KW_TRY_ASSIGN(Parsed operand, binary(kPowPrecedence));
    if (auto* literal = operand.expr->as<NumberLiteral>()) {
        if (negate) literal->value = -literal->value;
        operand.expr->span.start = start;
        return operand;
    }
    const Span span{start, operand.expr->span.end};
    return made(UnaryExpr{negate, std::move(operand.expr)}, span, operand.height);
}

Result<Parsed> Parser::postfix() {
    KW_TRY_ASSIGN(Parsed parsed, primary());
    for (;;) {
        switch (now_.token) {
            case Token::kLeftBracket: {
                KW_TRY_ASSIGN(parsed, brackets(std::move(parsed)));
                break;
            }
            case Token::kOffset: KW_TRY(offset(*parsed.expr)); break;
            case Token::kAt: KW_TRY(at(*parsed.expr)); break;
            case Token::kAnchored:
            case Token::kSmoothed: KW_TRY(extension(*parsed.expr)); break;
            default: return parsed;
        }
    }
}

Result<Parsed> Parser::primary() {
    switch (now_.token) {
        case Token::kNumber:
        case Token::kDuration: return number();
        case Token::kString: return string();
        case Token::kLeftParen: return parenthesised();
        case Token::kLeftBrace: return vector_selector();
        default: break;
    }
    if (!may_be_metric(now_.token)) return unexpected();
    KW_TRY_ASSIGN(const Token following, peek());
    if (is(Token::kAggregate) && (following == Token::kLeftParen || following == Token::kBy ||
                                  following == Token::kWithout)) {
        return aggregate();
    }
    if (following == Token::kLeftParen && may_be_function(now_.token)) return call();
    return vector_selector();
}

Result<Parsed> Parser::number() {
    const LexedToken token = now_;
    const bool is_duration = is(Token::kDuration);
    Result<double> value = is_duration ? duration_seconds(token) : number_value(token);
    if (!value.ok()) return std::move(value).error();
    KW_TRY(advance());
    return made(NumberLiteral{*value, is_duration}, token.span, 0);
}

Result<Parsed> Parser::string() {
    const LexedToken token = now_;
    Result<std::string> value = unquote(token.text);
    if (!value.ok()) return error_at(token.span.start, value.error().message);
    KW_TRY(advance());
    return made(StringLiteral{std::move(value).value()}, token.span, 0);
}

Result<Parsed> Parser::parenthesised() {
    const uint32_t start = now_.span.start;
    KW_TRY(advance());
    KW_TRY_ASSIGN(Parsed inner, binary(kLowestPrecedence));
    KW_TRY(expect(Token::kRightParen, {}, {}));
    return made(ParenExpr{std::move(inner.expr)}, {start, last_end_}, inner.height);
}

Result<Parsed> Parser::call() {
    const LexedToken name = now_;
    std::string lower(name.text);
    if (name.token != Token::kIdentifier) {
        std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
    }
    const Function* function = find_function(lower);
    if (function == nullptr) {
        return error_at(name.span.start, "unknown function with name " + go_quoted(name.text));
    }
    if (function->experimental && !options_.experimental_functions) {
        return error_at(name.span.start,
                        "function " + go_quoted(function->name) + " is not enabled");
    }
    KW_TRY(advance());
    KW_TRY_ASSIGN(std::vector<Parsed> args, arguments());
    const size_t height = height_of(args);
    CallExpr node;
    node.function = function;
    node.args.reserve(args.size());
    for (Parsed& arg : args) node.args.push_back(std::move(arg.expr));
    return made(std::move(node), {name.span.start, last_end_}, height);
}

Result<std::vector<Parsed>> Parser::arguments() {
    KW_TRY(expect(Token::kLeftParen, {}, {}));
    std::vector<Parsed> args;
    if (!is(Token::kRightParen)) {
        for (;;) {
            KW_TRY_ASSIGN(Parsed arg, binary(kLowestPrecedence));
            args.push_back(std::move(arg));
            if (!is(Token::kComma)) break;
            const uint32_t comma = now_.span.start;
            KW_TRY(advance());
            if (is(Token::kRightParen)) {
                return error_at(comma, "trailing commas not allowed in function call args");
            }
        }
    }
    KW_TRY(expect(Token::kRightParen, {}, {}));
    return args;
}

Result<Parsed> Parser::aggregate() {
    const LexedToken op = now_;
    const bool experimental =
        op.aggregate == AggregateOp::kLimitk || op.aggregate == AggregateOp::kLimitRatio;
    if (experimental && !options_.experimental_functions) {
        return error_at(op.span.start, fmt::format("{}() is experimental and must be enabled with "
                                                   "--enable-feature=promql-experimental-functions",
                                                   aggregate_op_text(op.aggregate)));
    }
    AggregateExpr node;
    node.op = op.aggregate;
    KW_TRY(advance());
    const auto modifier = [&]() -> Result<bool> {
        if (!is(Token::kBy) && !is(Token::kWithout)) return false;
        node.without = is(Token::kWithout);
        KW_TRY(advance());
        KW_TRY_ASSIGN(node.grouping, grouping_labels());
        return true;
    };
    KW_TRY_ASSIGN(const bool modifier_first, modifier());
    if (!is(Token::kLeftParen)) return unexpected("aggregation");
    KW_TRY_ASSIGN(std::vector<Parsed> args, arguments());
    if (!modifier_first) {
        KW_TRY(modifier());
    }
    const Span span{op.span.start, last_end_};
    const size_t wanted = takes_parameter(node.op) ? 2 : 1;
    if (args.empty()) return error_at(span.start, "no arguments for aggregate expression provided");
    if (args.size() != wanted) {
        return error_at(span.start,
                        fmt::format("wrong number of arguments for aggregate expression provided, "
                                    "expected {}, got {}",
                                    wanted, args.size()));
    }
    const size_t height = height_of(args);
    if (wanted == 2) node.param = std::move(args.front().expr);
    node.expr = std::move(args.back().expr);
    return made(std::move(node), span, height);
}

Result<Parser::BinaryModifiers> Parser::binary_modifiers() {
    BinaryModifiers modifiers;
    VectorMatching& matching = modifiers.matching;
    if (is(Token::kBool)) {
        modifiers.return_bool = true;
        KW_TRY(advance());
    }
    if (is(Token::kOn) || is(Token::kIgnoring)) {
        matching.on = is(Token::kOn);
        KW_TRY(advance());
        KW_TRY_ASSIGN(matching.labels, grouping_labels());
        if (is(Token::kGroupLeft) || is(Token::kGroupRight)) {
            matching.cardinality =
                is(Token::kGroupLeft) ? Cardinality::kManyToOne : Cardinality::kOneToMany;
            KW_TRY(advance());
            if (is(Token::kLeftParen)) {
                KW_TRY_ASSIGN(matching.include, grouping_labels());
            }
        }
    }
    KW_TRY(fill_modifiers(matching));
    return modifiers;
}

// `fill(1)`, or `fill_left(1)` and `fill_right(2)` in any order. Without "(" they are metric names.
Result<void> Parser::fill_modifiers(VectorMatching& matching) {
    while (is(Token::kFill) || is(Token::kFillLeft) || is(Token::kFillRight)) {
        KW_TRY_ASSIGN(const Token following, peek());
        if (following != Token::kLeftParen) return {};
        const LexedToken fill = now_;
        const bool left = fill.token != Token::kFillRight;
        const bool right = fill.token != Token::kFillLeft;
        if ((left && matching.fill_left) || (right && matching.fill_right)) return unexpected();
        if (!options_.fill_modifiers) {
            return error_at(fill.span.start,
                            "binop fill modifiers are experimental and not enabled");
        }
        KW_TRY(advance());
        KW_TRY_ASSIGN(const double value, fill_value());
        if (left) matching.fill_left = value;
        if (right) matching.fill_right = value;
    }
    return {};
}

Result<double> Parser::fill_value() {
    KW_TRY(expect(Token::kLeftParen, "fill modifier", "\"(\""));
    double sign = 1;
    if (is(Token::kAdd) || is(Token::kSub)) {
        if (is(Token::kSub)) sign = -1;
        KW_TRY(advance());
    }
    if (!is(Token::kNumber) && !is(Token::kDuration)) return unexpected("fill modifier", "number");
    Result<double> value = is(Token::kDuration) ? duration_seconds(now_) : number_value(now_);
    if (!value.ok()) return std::move(value).error();
    KW_TRY(advance());
    KW_TRY(expect(Token::kRightParen, "fill modifier", "\")\""));
    return sign * *value;
}

Result<std::vector<std::string>> Parser::grouping_labels() {
    KW_TRY(expect(Token::kLeftParen, "grouping opts", "\"(\""));
    std::vector<std::string> labels;
    while (!is(Token::kRightParen)) {
        KW_TRY_ASSIGN(std::string label, grouping_label());
        labels.push_back(std::move(label));
        if (is(Token::kRightParen)) break;
        KW_TRY(expect(Token::kComma, "grouping opts", "\",\" or \")\""));
    }
    KW_TRY(advance());
    return labels;
}

// Any word, keywords included, or a quoted name.
Result<std::string> Parser::grouping_label() {
    std::string label;
    if (is(Token::kString)) {
        Result<std::string> unquoted = unquote(now_.text);
        if (!unquoted.ok()) return error_at(now_.span.start, unquoted.error().message);
        label = std::move(unquoted).value();
        if (label.empty() || !is_valid_utf8(label)) {
            return error_at(now_.span.start,
                            "invalid label name for grouping: " + go_quoted(label));
        }
    } else {
        label = std::string(now_.text);
        if (!is_classic_label_name(label)) return unexpected("grouping opts", "label");
    }
    KW_TRY(advance());
    return label;
}

Result<double> Parser::number_value(const LexedToken& token) {
    std::string text;
    std::copy_if(token.text.begin(), token.text.end(), std::back_inserter(text),
                 [](char c) { return c != '_'; });
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const bool octal = !hexadecimal && text.size() > 1 && text.front() == '0' &&
                       text.find_first_not_of("01234567") == std::string::npos;
    if (hexadecimal || octal) {
        const int base = hexadecimal ? 16 : 8;
        int64_t integer = 0;
        const char* const first = text.data() + (hexadecimal ? 2 : 1);
        const char* const last = text.data() + text.size();
        const auto [end, failure] = std::from_chars(first, last, integer, base);
        if (failure == std::errc() && end == last) return static_cast<double>(integer);
    }
    Result<double> value = parse_value(text);
    if (!value.ok() || (std::isinf(*value) && text.find_first_of("iI") == std::string::npos)) {
        return error_at(
            token.span.start,
            fmt::format("error parsing number: strconv.ParseFloat: parsing {}: value out of range",
                        go_quoted(token.text)));
    }
    return value;
}

Result<double> Parser::duration_seconds(const LexedToken& token) {
    // What Go's time.Duration can hold, in milliseconds: 292 years.
    constexpr int64_t kDurationMsMax = std::numeric_limits<int64_t>::max() / 1'000'000;
    const Result<int64_t> ms = parse_duration_ms(token.text);
    if (!ms.ok()) {
        return error_at(token.span.start, "not a valid duration string: " + go_quoted(token.text));
    }
    if (*ms > kDurationMsMax) return error_at(token.span.start, "duration out of range");
    return static_cast<double>(*ms) / 1000;
}

namespace {

Result<void> check_size(std::string_view text, const ParseOptions& options) {
    if (text.size() <= options.text_bytes_max) return {};
    return exhausted("query of {} bytes, at most {} are allowed", text.size(),
                     options.text_bytes_max);
}

}  // namespace

Result<ExprPtr> parse(std::string_view text, const ParseOptions& options) {
    KW_TRY(check_size(text, options));
    KW_TRY_ASSIGN(ExprPtr expr, Parser(text, options).query());
    KW_TRY(check_types(*expr, text));
    return expr;
}

Result<std::vector<Matcher>> parse_selector(std::string_view text, const ParseOptions& options) {
    KW_TRY(check_size(text, options));
    return Parser(text, options).selector();
}

}  // namespace kw::promql
