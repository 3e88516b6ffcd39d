#include "promql/lexer.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "model/labels.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alpha_numeric(char c) { return is_alpha(c) || is_digit(c); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Keyword {
    std::string_view text;
    Token token;
    AggregateOp aggregate = AggregateOp::kSum;
};

constexpr Keyword kKeywords[] = {
    {"and", Token::kAnd},
    {"or", Token::kOr},
    {"unless", Token::kUnless},
    {"atan2", Token::kAtan2},
    {"sum", Token::kAggregate, AggregateOp::kSum},
    {"avg", Token::kAggregate, AggregateOp::kAvg},
    {"count", Token::kAggregate, AggregateOp::kCount},
    {"min", Token::kAggregate, AggregateOp::kMin},
    {"max", Token::kAggregate, AggregateOp::kMax},
    {"group", Token::kAggregate, AggregateOp::kGroup},
    {"stddev", Token::kAggregate, AggregateOp::kStddev},
    {"stdvar", Token::kAggregate, AggregateOp::kStdvar},
    {"topk", Token::kAggregate, AggregateOp::kTopk},
    {"bottomk", Token::kAggregate, AggregateOp::kBottomk},
    {"count_values", Token::kAggregate, AggregateOp::kCountValues},
    {"quantile", Token::kAggregate, AggregateOp::kQuantile},
    {"limitk", Token::kAggregate, AggregateOp::kLimitk},
    {"limit_ratio", Token::kAggregate, AggregateOp::kLimitRatio},
    {"bool", Token::kBool},
    {"by", Token::kBy},
    {"without", Token::kWithout},
    {"on", Token::kOn},
    {"ignoring", Token::kIgnoring},
    {"group_left", Token::kGroupLeft},
    {"group_right", Token::kGroupRight},
    {"offset", Token::kOffset},
    {"anchored", Token::kAnchored},
    {"smoothed", Token::kSmoothed},
    {"fill", Token::kFill},
    {"fill_left", Token::kFillLeft},
    {"fill_right", Token::kFillRight},
    {"start", Token::kStart},
    {"end", Token::kEndKeyword},
    {"step", Token::kStep},
    {"range", Token::kRange},
    {"min_of", Token::kMinOf},
    {"max_of", Token::kMaxOf},
    {"inf", Token::kNumber},
    {"nan", Token::kNumber},
};

const Keyword* find_keyword(std::string_view word) {
    for (const Keyword& keyword : kKeywords) {
        if (equal_ignoring_case(keyword.text, word)) return &keyword;
    }
    return nullptr;
}

}  // namespace

Error parse_error(std::string_view query, uint32_t offset, std::string_view message) {
    return invalid("{}: parse error: {}", position_text(query, offset), message);
}

LexedToken Lexer::make(Token token) const {
    LexedToken made;
    made.token = token;
    made.span = {static_cast<uint32_t>(start_), static_cast<uint32_t>(at_)};
    made.text = text_.substr(start_, at_ - start_);
    return made;
}

Error Lexer::fail(std::string_view message) const {
    return parse_error(text_, static_cast<uint32_t>(start_), message);
}

bool Lexer::accept(std::string_view any_of) {
    if (at_end() || any_of.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
}

void Lexer::skip_space_and_comments() {
    while (!at_end()) {
        if (is_space(peek())) {
            ++at_;
        } else if (peek() == '#') {
            while (!at_end() && peek() != '\n' && peek() != '\r') ++at_;
        } else {
            return;
        }
    }
}

Result<LexedToken> Lexer::next() {
    skip_space_and_comments();
    start_ = at_;
    if (in_braces_) return next_in_braces();
    if (in_brackets_) return next_in_brackets();
    return next_outside();
}

Result<LexedToken> Lexer::next_outside() {
    if (at_end()) {
        if (paren_depth_ != 0) return fail("unclosed left parenthesis");
        return make(Token::kEnd);
    }
    const char c = text_[at_++];
    switch (c) {
        case ',': return make(Token::kComma);
        case '*': return make(Token::kMul);
        case '/': return make(Token::kDiv);
        case '%': return make(Token::kMod);
        case '+': return make(Token::kAdd);
        case '-': return make(Token::kSub);
        case '^': return make(Token::kPow);
        case '@': return make(Token::kAt);
        case '=':
            if (accept("=")) return make(Token::kEqualEqual);
            if (peek() == '~') return fail("unexpected character after '=': '~'");
            return make(Token::kEqual);
        case '!':
            if (accept("=")) return make(Token::kNotEqual);
            return fail("unexpected character after '!': " + quoted_rune(text_, at_));
        case '<':
            if (accept("=")) return make(Token::kLessEqual);
            if (accept("/")) return make(Token::kTrimUpper);
            return make(Token::kLess);
        case '>':
            if (accept("=")) return make(Token::kGreaterEqual);
            if (accept("/")) return make(Token::kTrimLower);
            return make(Token::kGreater);
        case '"':
        case '\'': return quoted_string(c);
        case '`': return raw_string();
        case '(': ++paren_depth_; return make(Token::kLeftParen);
        case ')':
            if (paren_depth_ == 0) return fail("unexpected right parenthesis ')'");
            --paren_depth_;
            return make(Token::kRightParen);
        case '{': in_braces_ = true; return make(Token::kLeftBrace);
        case '[':
            in_brackets_ = true;
            got_colon_ = false;
            return make(Token::kLeftBracket);
        case ']': return fail("unexpected right bracket ']'");
        default: break;
    }
    --at_;
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        return number_or_duration();
    }
    if (is_alpha(c) || c == ':') return word();
    return fail("unexpected character: " + quoted_rune(text_, at_));
}

Result<LexedToken> Lexer::next_in_braces() {
    if (at_end()) return fail("unexpected end of input inside braces");
    const char c = text_[at_++];
    switch (c) {
        case ',': return make(Token::kComma);
        case '"':
        case '\'': return quoted_string(c);
        case '`': return raw_string();
        case '=': return make(accept("~") ? Token::kRegex : Token::kEqual);
        case '!':
            if (accept("~")) return make(Token::kNotRegex);
            if (accept("=")) return make(Token::kNotEqual);
            return fail("unexpected character after '!' inside braces: " + quoted_rune(text_, at_));
        case '{': return fail("unexpected left brace '{'");
        case '}': in_braces_ = false; return make(Token::kRightBrace);
        default: break;
    }
    --at_;
    if (is_alpha(c)) {
        while (!at_end() && is_alpha_numeric(peek())) ++at_;
        return make(Token::kIdentifier);
    }
    return fail("unexpected character inside braces: " + quoted_rune(text_, at_));
}

Result<LexedToken> Lexer::next_in_brackets() {
    if (at_end()) return fail("unexpected end of input in duration expression");
    const char c = text_[at_++];
    switch (c) {
        case ',': return make(Token::kComma);
        case '*': return make(Token::kMul);
        case '/': return make(Token::kDiv);
        case '%': return make(Token::kMod);
        case '+': return make(Token::kAdd);
        case '-': return make(Token::kSub);
        case '^': return make(Token::kPow);
        case '(': ++paren_depth_; return make(Token::kLeftParen);
        case ')':
            if (paren_depth_ == 0) return fail("unexpected right parenthesis ')'");
            --paren_depth_;
            return make(Token::kRightParen);
        case '[': return fail("unexpected left bracket '['");
        case ']': in_brackets_ = false; return make(Token::kRightBracket);
        case ':':
            if (got_colon_) return fail("unexpected colon ':'");
            got_colon_ = true;
            return make(Token::kColon);
        default: break;
    }
    --at_;
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        return number_or_duration();
    }
    if (is_alpha(c)) {
        const LexedToken found = word();
        switch (found.token) {
            case Token::kStep:
            case Token::kRange:
            case Token::kMinOf:
            case Token::kMaxOf:
            case Token::kNumber: return found;
            case Token::kAggregate:  // min and max are older spellings of min_of and max_of
                if (found.aggregate == AggregateOp::kMin || found.aggregate == AggregateOp::kMax)
                    return found;
                break;
            default: break;
        }
        at_ = start_;
    }
    return fail("unexpected character in duration expression: " + quoted_rune(text_, at_));
}

LexedToken Lexer::word() {
    while (!at_end() && (is_alpha_numeric(peek()) || (peek() == ':' && !in_brackets_))) ++at_;
    const std::string_view text = text_.substr(start_, at_ - start_);
    if (const Keyword* keyword = find_keyword(text)) {
        LexedToken made = make(keyword->token);
        made.aggregate = keyword->aggregate;
        return made;
    }
    return make(text.find(':') == std::string_view::npos ? Token::kIdentifier
                                                         : Token::kMetricIdentifier);
}

// A number: hexadecimal, or digits with at most one dot and one exponent; `_` between digits.
bool Lexer::scan_number() {
    if (peek() == '0' && at_ + 1 < text_.size() &&
        (text_[at_ + 1] == 'x' || text_[at_ + 1] == 'X')) {
        at_ += 2;
        const size_t digits_start = at_;
        while (accept("0123456789abcdefABCDEF") ||
               (peek() == '_' && at_ + 1 < text_.size() && is_alpha_numeric(text_[at_ + 1]) &&
                accept("_"))) {
        }
        return at_ > digits_start && !is_alpha_numeric(peek());
    }
    const auto scan_digits = [&] {
        const size_t digits_start = at_;
        while (accept("0123456789") ||
               (at_ > digits_start && peek() == '_' && at_ + 1 < text_.size() &&
                is_digit(text_[at_ + 1]) && accept("_"))) {
        }
    };
    scan_digits();
    if (accept(".")) scan_digits();
    // The exponent belongs to the number only when it is whole: `1e` is not one.
    if (peek() == 'e' || peek() == 'E') {
        size_t after = at_ + 1;
        if (after < text_.size() && (text_[after] == '+' || text_[after] == '-')) ++after;
        if (after < text_.size() && is_digit(text_[after])) {
            at_ = after;
            scan_digits();
        }
    }
    return !is_alpha_numeric(peek());
}

// What follows the digits of a duration: units, each but the first after digits. Their order is
// checked where the duration is read.
bool Lexer::scan_duration() {
    if (!accept("smhdwy")) return false;
    accept("s");
    while (accept("0123456789")) {
        while (accept("0123456789")) {
        }
        if (!accept("smhdw")) return false;
        accept("s");
    }
    if (!is_alpha_numeric(peek())) return true;
    ++at_;
    return false;
}

Result<LexedToken> Lexer::number_or_duration() {
    if (scan_number()) return make(Token::kNumber);
    if (scan_duration()) return make(Token::kDuration);
    if (at_ == start_) ++at_;
    return fail("bad number or duration syntax: " + go_quoted(text_.substr(start_, at_ - start_)));
}

Result<LexedToken> Lexer::quoted_string(char quote) {
    while (!at_end() && peek() != '\n') {
        const char c = text_[at_];
        if (c == quote) {
            ++at_;
            return make(Token::kString);
        }
        if (c == '\\') {
            if (at_ + 1 >= text_.size()) return fail("escape sequence not terminated");
            std::string ignored;
            size_t after = at_;
            if (auto escape = unescape(text_, after, quote, ignored); !escape.ok()) {
                return fail(std::move(escape).error().message);
            }
            at_ = after;
            continue;
        }
        const size_t length = utf8_length(text_, at_);
        if (length == 0) return fail("invalid UTF-8 rune");
        at_ += length;
    }
    return fail("unterminated quoted string");
}

Result<LexedToken> Lexer::raw_string() {
    while (!at_end()) {
        if (peek() == '`') {
            ++at_;
            return make(Token::kString);
        }
        const size_t length = utf8_length(text_, at_);
        if (length == 0) return fail("invalid UTF-8 rune");
        at_ += length;
    }
    return fail("unterminated raw string");
}

Result<std::string> unquote(std::string_view token) {
    const char quote = token.front();
    const std::string_view inside = token.substr(1, token.size() - 2);
    if (quote == '`') return std::string(inside);
    std::string out;
    out.reserve(inside.size());
    for (size_t at = 0; at < inside.size();) {
        if (inside[at] == '\\') {
            KW_TRY(unescape(inside, at, quote, out));
        } else {
            out += inside[at++];
        }
    }
    return out;
}

std::string quoted_rune(std::string_view text, size_t at) {
    if (at >= text.size()) return "end of input";
    const size_t length = std::max<size_t>(utf8_length(text, at), 1);
    const std::string_view rune = text.substr(at, length);
    if (rune == "'") return "'\\''";
    if (rune == "\"") return "'\"'";
    std::string quoted = go_quoted(rune);
    quoted.front() = '\'';
    quoted.back() = '\'';
    return quoted;
}

std::string describe(const LexedToken& token) {
    switch (token.token) {
        case Token::kEnd: return "end of input";
        case Token::kIdentifier: return "identifier " + go_quoted(token.text);
        case Token::kMetricIdentifier: return "metric identifier " + go_quoted(token.text);
        case Token::kNumber:
        case Token::kDuration:
        case Token::kString: {
            const char* const kind = token.token == Token::kNumber     ? "number "
                                     : token.token == Token::kDuration ? "duration "
                                                                       : "string ";
            // Long literals are cut: the position says where they stand.
            constexpr size_t kShownBytesMax = 10;
            if (token.text.size() <= kShownBytesMax) return kind + go_quoted(token.text);
            size_t cut = 0;
            for (size_t runes = 0; runes < kShownBytesMax && cut < token.text.size(); ++runes) {
                cut += std::max<size_t>(utf8_length(token.text, cut), 1);
            }
            return kind + go_quoted(token.text.substr(0, cut)) + "...";
        }
        case Token::kLeftParen:
        case Token::kRightParen:
        case Token::kLeftBrace:
        case Token::kRightBrace:
        case Token::kLeftBracket:
        case Token::kRightBracket:
        case Token::kComma:
        case Token::kColon:
        case Token::kEqual: return go_quoted(token.text);
        case Token::kAggregate: return "<aggr:" + std::string(token.text) + ">";
        case Token::kNotEqual:
        case Token::kRegex:
        case Token::kNotRegex:
        case Token::kAdd:
        case Token::kSub:
        case Token::kMul:
        case Token::kDiv:
        case Token::kMod:
        case Token::kPow:
        case Token::kEqualEqual:
        case Token::kLess:
        case Token::kLessEqual:
        case Token::kGreater:
        case Token::kGreaterEqual:
        case Token::kTrimUpper:
        case Token::kTrimLower:
        case Token::kAt:
        case Token::kAnd:
        case Token::kOr:
        case Token::kUnless:
        case Token::kAtan2: return "<op:" + std::string(token.text) + ">";
        default: return "<" + std::string(token.text) + ">";
    }
}

}  // namespace kw::promql
