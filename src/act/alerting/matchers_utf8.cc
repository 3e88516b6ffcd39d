// The UTF-8 syntax of matchers: a lexer and a parser by hand.
//
//   matchers := [ "{" ] [ matcher { "," matcher } [ "," ] ] [ "}" ]     both braces or none
//   matcher  := text ( "=" | "!=" | "=~" | "!~" ) text
//   text     := unquoted | "…" with Go's escapes
#include <fmt/core.h>

#include <optional>

#include "alerting/matcher_syntax.h"
#include "alerting/matchers.h"
#include "base/utf8.h"
#include "model/labels.h"

namespace kw::alerting {
namespace {

enum class TokenKind : unsigned char { kEnd, kOpen, kClose, kComma, kOperator, kText };

struct Token {
    TokenKind kind = TokenKind::kEnd;
    size_t offset = 0;
    MatchOp op = MatchOp::kEqual;
    std::string text;  // unquoted
};

std::optional<uint32_t> digit_value(char c, uint32_t base) {
    uint32_t value = base;
    if (c >= '0' && c <= '9') value = static_cast<uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') value = static_cast<uint32_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') value = static_cast<uint32_t>(c - 'A') + 10;
    return value < base ? std::optional(value) : std::nullopt;
}

// `digits` of `base` from the front of `text`.
std::optional<uint32_t> take_digits(std::string_view& text, size_t digits, uint32_t base) {
    if (text.size() < digits) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
        const std::optional<uint32_t> digit = digit_value(text[i], base);
        if (!digit) return std::nullopt;
        value = value * base + *digit;
    }
    text.remove_prefix(digits);
    return value;
}

// Undoes the escape after a backslash; false when it is none of Go's.
bool undo_escape(std::string_view& text, std::string& out) {
    constexpr std::string_view kLetters = "abfnrtv\\\"";
    constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\\"";
    if (text.empty()) return false;
    const char c = text.front();
    if (const size_t at = kLetters.find(c); at != std::string_view::npos) {
        out += kMeant[at];
        text.remove_prefix(1);
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        text.remove_prefix(1);
        const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        const std::optional<uint32_t> value = take_digits(text, digits, 16);
        if (!value) return false;
        if (c == 'x') {
            out += static_cast<char>(*value);
            return true;
        }
        if (*value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000)) return false;
        append_utf8(out, *value);
        return true;
    }
    const std::optional<uint32_t> value = take_digits(text, 3, 8);
    if (!value || *value > 0xff) return false;
    out += static_cast<char>(*value);
    return true;
}

class Lexer {
 public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<Token> next() {
        skip_white_space();
        Token token;
        token.offset = at_;
        if (at_ == text_.size()) return token;
        switch (text_[at_]) {
            case '{': return single(token, TokenKind::kOpen);
            case '}': return single(token, TokenKind::kClose);
            case ',': return single(token, TokenKind::kComma);
            case '=':
            case '!': return operator_token(token);
            case '"': return quoted_token(token);
            default: break;
        }
        if (is_reserved(first_character(text_.substr(at_)).code)) {
            return invalid("at byte {}: {} must be in double quotes", at_,
                           kw::quoted(text_.substr(at_, 1)));
        }
        return unquoted_token(token);
    }

 private:
    void skip_white_space() {
        while (at_ < text_.size()) {
            const Character character = first_character(text_.substr(at_));
            if (!is_white_space(character.code)) return;
            at_ += character.bytes;
        }
    }

    Result<Token> single(Token token, TokenKind kind) {
        token.kind = kind;
        ++at_;
        return token;
    }

    Result<Token> operator_token(Token token) {
        token.kind = TokenKind::kOperator;
        const bool is_negative = text_[at_++] == '!';
        const char second = at_ < text_.size() ? text_[at_] : '\0';
        if (is_negative) {
            if (second != '=' && second != '~') {
                return invalid("at byte {}: after ! one of = and ~ is wanted", at_);
            }
            ++at_;
            token.op = second == '=' ? MatchOp::kNotEqual : MatchOp::kNotRegex;
            return token;
        }
        if (second == '~') ++at_;
        token.op = second == '~' ? MatchOp::kRegex : MatchOp::kEqual;
        return token;
    }

    Result<Token> quoted_token(Token token) {
        token.kind = TokenKind::kText;
        ++at_;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] == '\n') {
                return invalid("at byte {}: a line feed in quotes; write \\n", at_);
            }
            if (text_[at_] != '\\') {
                token.text += text_[at_++];
                continue;
            }
            std::string_view rest = text_.substr(at_ + 1);
            if (!undo_escape(rest, token.text)) {
                return invalid("at byte {}: an unknown escape; write \\\\ for a backslash", at_);
            }
            at_ = text_.size() - rest.size();
        }
        if (at_ == text_.size()) {
            return invalid("at byte {}: the closing quote is missing", token.offset);
        }
        ++at_;
        if (!is_valid_utf8(token.text)) {
            return invalid("at byte {}: the text in quotes is not UTF-8", token.offset);
        }
        return token;
    }

    Result<Token> unquoted_token(Token token) {
        token.kind = TokenKind::kText;
        while (at_ < text_.size()) {
            const Character character = first_character(text_.substr(at_));
            if (is_reserved(character.code)) break;
            token.text += text_.substr(at_, character.bytes);
            at_ += character.bytes;
        }
        return token;
    }

    std::string_view text_;
    size_t at_ = 0;
};

class Parser {
 public:
    explicit Parser(std::string_view text) : lexer_(text) {}

    Result<Matchers> parse() {
        KW_TRY(advance());
        const bool has_brace = token_.kind == TokenKind::kOpen;
        if (has_brace) KW_TRY(advance());
        Matchers matchers;
        while (token_.kind != TokenKind::kEnd && token_.kind != TokenKind::kClose) {
            KW_TRY_ASSIGN(Matcher matcher, parse_one());
            matchers.push_back(std::move(matcher));
            if (matchers.size() > kMatchersMax) {
                return exhausted("over {} matchers", kMatchersMax);
            }
            if (token_.kind == TokenKind::kEnd || token_.kind == TokenKind::kClose) break;
            if (token_.kind != TokenKind::kComma) return want("a comma");
            KW_TRY(advance());
        }
        if (has_brace != (token_.kind == TokenKind::kClose)) {
            return want(has_brace ? "a closing brace" : "an opening brace before");
        }
        if (has_brace) KW_TRY(advance());
        if (token_.kind != TokenKind::kEnd) return want("the end");
        return matchers;
    }

 private:
    Result<void> advance() {
        KW_TRY_ASSIGN(token_, lexer_.next());
        return {};
    }

    Error want(std::string_view what) const {
        return invalid("at byte {}: {} is wanted", token_.offset, what);
    }

    Result<Matcher> parse_one() {
        if (token_.kind != TokenKind::kText) return want("a label name");
        const size_t offset = token_.offset;
        const std::string name = token_.text;
        if (name.empty()) return want("a label name that is not empty");
        KW_TRY(advance());
        if (token_.kind != TokenKind::kOperator) return want("one of =, !=, =~, !~");
        const MatchOp op = token_.op;
        KW_TRY(advance());
        if (token_.kind != TokenKind::kText) return want("a value");
        const std::string value = token_.text;
        KW_TRY(advance());
        return Matcher::make(op, name, value).with_context(fmt::format("at byte {}", offset));
    }

    Lexer lexer_;
    Token token_;
};

}  // namespace

Result<Matchers> parse_utf8_matchers(std::string_view text) {
    KW_TRY(check_matcher_text(text));
    return Parser(text).parse();
}

}  // namespace kw::alerting
