// Selectors and what may follow them: matchers, ranges and subqueries, offset, @, anchored and
// smoothed.
#include <cmath>

#include "model/labels.h"
#include "promql/parser_impl.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

// The selector or subquery that a modifier behind `expr` is about; both null when there is none.
struct Modified {
    VectorSelector* selector = nullptr;
    SubqueryExpr* subquery = nullptr;

    explicit Modified(Expr& expr) {
        selector = expr.as<VectorSelector>();
        subquery = expr.as<SubqueryExpr>();
        if (auto* matrix = expr.as<MatrixSelector>())
            selector = matrix->selector->as<VectorSelector>();
    }
    Duration* offset() const {
        return selector != nullptr   ? &selector->offset
               : subquery != nullptr ? &subquery->offset
                                     : nullptr;
    }
    AtModifier* at() const {
        return selector != nullptr ? &selector->at : subquery != nullptr ? &subquery->at : nullptr;
    }
};

bool is_set(const Duration& duration) { return duration.ms != 0 || duration.expr != nullptr; }

}  // namespace

Result<Parsed> Parser::vector_selector() {
    const uint32_t start = now_.span.start;
    VectorSelector node;
    bool has_name_outside = false;
    if (!is(Token::kLeftBrace)) {
        node.name = std::string(now_.text);
        has_name_outside = true;
        KW_TRY(advance());
    }
    if (is(Token::kLeftBrace)) KW_TRY(matchers(node));
    if (has_name_outside)
        node.matchers.push_back(Matcher::equal(std::string(kMetricName), node.name));
    return made(std::move(node), {start, last_end_}, 0);
}

Result<void> Parser::matchers(VectorSelector& selector) {
    KW_TRY(advance());
    while (!is(Token::kRightBrace)) {
        KW_TRY(matcher(selector));
        if (is(Token::kRightBrace)) break;
        KW_TRY(expect(Token::kComma, "label matching", "\",\" or \"}\""));
    }
    return advance();
}

// `name="value"`, `"quoted name"=~"value"`, or the quoted name of the metric alone.
Result<void> Parser::matcher(VectorSelector& selector) {
    const LexedToken first = now_;
    std::string name;
    if (first.token == Token::kIdentifier) {
        name = std::string(first.text);
    } else if (first.token == Token::kString) {
        Result<std::string> unquoted = unquote(first.text);
        if (!unquoted.ok()) return error_at(first.span.start, unquoted.error().message);
        name = std::move(unquoted).value();
    } else {
        return unexpected("label matching", "identifier or \"}\"");
    }
    KW_TRY(advance());

    MatchOp op = MatchOp::kEqual;
    switch (now_.token) {
        case Token::kEqual: op = MatchOp::kEqual; break;
        case Token::kNotEqual: op = MatchOp::kNotEqual; break;
        case Token::kRegex: op = MatchOp::kRegex; break;
        case Token::kNotRegex: op = MatchOp::kNotRegex; break;
        case Token::kComma:
        case Token::kRightBrace:
            if (first.token == Token::kString) {
                if (!selector.name.empty()) {
                    return error_at(first.span.start,
                                    fmt::format("metric name must not be set twice: {} or {}",
                                                go_quoted(selector.name), go_quoted(name)));
                }
                if (name.empty() || !is_valid_utf8(name)) {
                    return error_at(first.span.start, "invalid metric name: " + go_quoted(name));
                }
                selector.matchers.push_back(Matcher::equal(std::string(kMetricName), name));
                selector.name = std::move(name);
                return {};
            }
            [[fallthrough]];
        default: return unexpected("label matching", "label matching operator");
    }
    KW_TRY(advance());

    if (!is(Token::kString)) return unexpected("label matching", "string");
    Result<std::string> value = unquote(now_.text);
    if (!value.ok()) return error_at(now_.span.start, value.error().message);
    if (name.empty() || !is_valid_utf8(name)) {
        return error_at(first.span.start, "invalid label name: " + go_quoted(name));
    }
    const bool is_regex = op == MatchOp::kRegex || op == MatchOp::kNotRegex;
    if (is_regex && ++regex_count_ > options_.regex_count_max) {
        Error error = error_at(first.span.start, fmt::format("more than {} regular expressions",
                                                             options_.regex_count_max));
        error.code = Code::kExhausted;
        return error;
    }
    Result<Matcher> made_matcher = Matcher::make(op, std::move(name), std::move(value).value());
    if (!made_matcher.ok()) {
        Error error = error_at(first.span.start, made_matcher.error().message);
        error.code = made_matcher.error().code;
        return error;
    }
    selector.matchers.push_back(std::move(made_matcher).value());
    return advance();
}

// `[range]` makes a range selector, `[range:step]` a subquery.
Result<Parsed> Parser::brackets(Parsed inner) {
    const uint32_t bracket = now_.span.start;
    KW_TRY(advance());
    KW_TRY_ASSIGN(Duration range, bracket_duration("subquery or range selector",
                                                   "number, duration, step(), or range()"));
    const uint32_t start = inner.expr->span.start;
    if (is(Token::kColon)) {
        KW_TRY(advance());
        SubqueryExpr node;
        node.range = std::move(range);
        if (!is(Token::kRightBracket)) {
            KW_TRY_ASSIGN(node.step,
                          bracket_duration("subquery selector",
                                           "number, duration, step(), range(), or \"]\""));
        }
        KW_TRY(expect(Token::kRightBracket, "subquery selector", "\"]\""));
        node.expr = std::move(inner.expr);
        return made(std::move(node), {start, last_end_}, inner.height);
    }
    KW_TRY(expect(Token::kRightBracket, "subquery or range", "\":\" or \"]\""));
    const auto* selector = inner.expr->as<VectorSelector>();
    if (selector == nullptr) return error_at(bracket, "ranges only allowed for vector selectors");
    if (is_set(selector->offset))
        return error_at(bracket, "no offset modifiers allowed before range");
    if (selector->at.kind != AtModifier::Kind::kNone) {
        return error_at(bracket, "no @ modifiers allowed before range");
    }
    MatrixSelector node;
    node.selector = std::move(inner.expr);
    node.range = std::move(range);
    return made(std::move(node), {start, last_end_}, inner.height);
}

Result<void> Parser::offset(Expr& expr) {
    KW_TRY(advance());
    KW_TRY_ASSIGN(Duration duration, offset_duration());
    Duration* const target = Modified(expr).offset();
    if (target == nullptr) {
        return error_at(
            expr.span.start,
            "offset modifier must be preceded by an instant vector selector or range vector "
            "selector or a subquery");
    }
    if (is_set(*target)) return error_at(expr.span.start, "offset may not be set multiple times");
    *target = std::move(duration);
    expr.span.end = last_end_;
    return {};
}

Result<void> Parser::at(Expr& expr) {
    const LexedToken sign_of_at = now_;
    KW_TRY(advance());
    AtModifier modifier;
    if (is(Token::kStart) || is(Token::kEndKeyword)) {
        modifier.kind = is(Token::kStart) ? AtModifier::Kind::kStart : AtModifier::Kind::kEnd;
        KW_TRY(advance());
        KW_TRY(expect(Token::kLeftParen, "@", "timestamp"));
        KW_TRY(expect(Token::kRightParen, "@", "timestamp"));
    } else {
        double sign = 1;
        if (is(Token::kAdd) || is(Token::kSub)) {
            if (is(Token::kSub)) sign = -1;
            KW_TRY(advance());
        }
        if (!is(Token::kNumber) && !is(Token::kDuration)) return unexpected("@", "timestamp");
        KW_TRY_ASSIGN(double seconds,
                      is(Token::kDuration) ? duration_seconds(now_) : number_value(now_));
        seconds *= sign;
        const double ms = std::round(seconds * 1000);
        // 2^63 itself does not fit; NaN compares false.
        if (!(ms > -0x1p63 && ms < 0x1p63)) {
            return error_at(sign_of_at.span.start,
                            "timestamp out of bounds for @ modifier: " + go_number(seconds));
        }
        modifier.kind = AtModifier::Kind::kTimestamp;
        modifier.timestamp = {static_cast<int64_t>(ms)};
        KW_TRY(advance());
    }
    AtModifier* const target = Modified(expr).at();
    if (target == nullptr) {
        return error_at(
            expr.span.start,
            "@ modifier must be preceded by an instant vector selector or range vector selector "
            "or a subquery");
    }
    if (target->kind != AtModifier::Kind::kNone) {
        return error_at(expr.span.start, "@ <timestamp> may not be set multiple times");
    }
    *target = modifier;
    expr.span.end = last_end_;
    return {};
}

Result<void> Parser::extension(Expr& expr) {
    const bool anchored = is(Token::kAnchored);
    const std::string_view name = anchored ? "anchored" : "smoothed";
    if (!options_.extended_range_selectors) {
        return error_at(now_.span.start,
                        fmt::format("{} modifier is experimental and not enabled", name));
    }
    KW_TRY(advance());
    const Modified modified(expr);
    if (modified.subquery != nullptr) {
        return error_at(expr.span.start,
                        fmt::format("{} modifier is not supported for subqueries", name));
    }
    if (modified.selector == nullptr) {
        return error_at(
            expr.span.start,
            fmt::format(
                "{} modifier must be preceded by an instant vector selector or range vector "
                "selector",
                name));
    }
    const auto wanted =
        anchored ? VectorSelector::Extension::kAnchored : VectorSelector::Extension::kSmoothed;
    if (modified.selector->extension != VectorSelector::Extension::kNone &&
        modified.selector->extension != wanted) {
        return error_at(expr.span.start, "anchored and smoothed modifiers cannot be used together");
    }
    modified.selector->extension = wanted;
    expr.span.end = last_end_;
    return {};
}

}  // namespace kw::promql
