#include "templates/lexer.h"

#include <algorithm>

#include "base/utf8.h"
#include "templates/go_format.h"

namespace kw::templates {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
    return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
}

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The code point at the front of `text`; 0xfffd where it is none.
uint32_t code_point(std::string_view text, size_t& length) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    length = 1;
    if (byte(0) < 0x80) return byte(0);
    const size_t want = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc0 ? 2 : 0;
    if (want == 0 || text.size() < want) return 0xfffd;
    uint32_t point = byte(0) & (0xffu >> (want + 1));
    for (size_t i = 1; i < want; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0xfffd;
        point = point << 6 | (byte(i) & 0x3fu);
    }
    length = want;
    return point;
}

}  // namespace

Token Lexer::made(Token::Kind kind, std::string_view text) {
    Token token;
    token.kind = kind;
    token.text = std::string(text);
    token.offset = static_cast<uint32_t>(at_);
    at_ += text.size();
    token.end = static_cast<uint32_t>(at_);
    return token;
}

Result<Token> Lexer::next() { return inside_ ? next_inside() : next_text(); }

// Behind a comment that begins at `open`; false when there is none.
Result<bool> Lexer::skip_comment(size_t open) {
    size_t at = open + 2;
    if (text_.substr(at).starts_with("-") && at + 1 < text_.size() && is_space(text_[at + 1])) {
        ++at;
        while (at < text_.size() && is_space(text_[at])) ++at;
    }
    if (!text_.substr(at).starts_with("/*")) return false;
    const size_t end = text_.find("*/", at + 2);
    if (end == std::string_view::npos) return invalid("unclosed comment");
    at = end + 2;
    bool trims = false;
    if (at < text_.size() && is_space(text_[at])) {
        while (at < text_.size() && is_space(text_[at])) ++at;
        trims = text_.substr(at).starts_with("-}}");
        if (trims) ++at;
    }
    if (!text_.substr(at).starts_with("}}"))
        return invalid("comment ends before closing delimiter");
    at_ = at + 2;
    while (trims && at_ < text_.size() && is_space(text_[at_])) ++at_;
    return true;
}

Result<Token> Lexer::next_text() {
    const size_t open = text_.find("{{", at_);
    size_t end = std::min(open, text_.size());
    const bool trims = open != std::string_view::npos && text_.substr(open + 2).starts_with("-") &&
                       open + 3 < text_.size() && is_space(text_[open + 3]);
    size_t trimmed = end;
    while (trims && trimmed > at_ && is_space(text_[trimmed - 1])) --trimmed;
    if (trimmed > at_) {
        Token token = made(Token::Kind::kText, text_.substr(at_, trimmed - at_));
        at_ = end;
        return token;
    }
    at_ = end;
    if (open == std::string_view::npos) return made(Token::Kind::kEnd, {});
    KW_TRY_ASSIGN(const bool was_comment, skip_comment(open));
    if (was_comment) return next_text();
    Token token = made(Token::Kind::kOpen, "{{");
    if (trims) ++at_;
    inside_ = true;
    return token;
}

Result<void> Lexer::escape(std::string& out, char quote) {
    const auto digits = [&](size_t count, int base, uint32_t& value) {
        value = 0;
        for (size_t i = 0; i < count; ++i, ++at_) {
            const int digit = at_ < text_.size() ? hex_value(text_[at_]) : -1;
            if (digit < 0 || digit >= base) return false;
            value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
        }
        return true;
    };
    ++at_;
    if (at_ >= text_.size()) return invalid("unterminated quoted string");
    const char c = text_[at_++];
    uint32_t value = 0;
    switch (c) {
        case 'a': out += '\a'; return {};
        case 'b': out += '\b'; return {};
        case 'f': out += '\f'; return {};
        case 'n': out += '\n'; return {};
        case 'r': out += '\r'; return {};
        case 't': out += '\t'; return {};
        case 'v': out += '\v'; return {};
        case '\\': out += '\\'; return {};
        case 'x':
            if (!digits(2, 16, value)) return invalid("malformed escape in a string");
            out += static_cast<char>(value);
            return {};
        case 'u':
        case 'U':
            if (!digits(c == 'u' ? 4 : 8, 16, value) || value > 0x10ffff ||
                (value >= 0xd800 && value < 0xe000)) {
                return invalid("malformed escape in a string");
            }
            append_utf8(out, value);
            return {};
        default: break;
    }
    if (c == quote) {
        out += c;
        return {};
    }
    if (c >= '0' && c <= '7') {
        --at_;
        if (!digits(3, 8, value) || value > 255) return invalid("malformed escape in a string");
        out += static_cast<char>(value);
        return {};
    }
    return invalid("malformed escape in a string");
}

Result<Token> Lexer::quoted_string() {
    Token token;
    token.kind = Token::Kind::kString;
    token.offset = static_cast<uint32_t>(at_++);
    while (true) {
        if (at_ >= text_.size() || text_[at_] == '\n') return invalid("unterminated quoted string");
        if (text_[at_] == '"') break;
        if (text_[at_] == '\\') {
            KW_TRY(escape(token.text, '"'));
        } else {
            token.text += text_[at_++];
        }
    }
    token.end = static_cast<uint32_t>(++at_);
    return token;
}

Result<Token> Lexer::raw_string() {
    const size_t close = text_.find('`', at_ + 1);
    if (close == std::string_view::npos) return invalid("unterminated raw quoted string");
    Token token;
    token.kind = Token::Kind::kString;
    token.offset = static_cast<uint32_t>(at_);
    for (const char c : text_.substr(at_ + 1, close - at_ - 1)) {
        if (c != '\r') token.text += c;
    }
    at_ = close + 1;
    token.end = static_cast<uint32_t>(at_);
    return token;
}

Result<Token> Lexer::character() {
    Token token;
    token.kind = Token::Kind::kChar;
    token.offset = static_cast<uint32_t>(at_++);
    std::string content;
    if (at_ < text_.size() && text_[at_] == '\\') {
        KW_TRY(escape(content, '\''));
    } else if (at_ < text_.size() && text_[at_] != '\'' && text_[at_] != '\n') {
        size_t length = 1;
        code_point(text_.substr(at_), length);
        content = std::string(text_.substr(at_, length));
        at_ += length;
    }
    if (content.empty() || at_ >= text_.size() || text_[at_] != '\'') {
        return invalid("malformed character constant");
    }
    size_t length = 0;
    token.text = std::to_string(code_point(content, length));
    token.end = static_cast<uint32_t>(++at_);
    return token;
}

Token Lexer::number() {
    size_t end = at_;
    if (text_[end] == '+' || text_[end] == '-') ++end;
    const bool is_hex = text_.substr(end).starts_with("0x") || text_.substr(end).starts_with("0X");
    while (end < text_.size()) {
        const char c = text_[end];
        const bool is_sign = (c == '+' || c == '-') && end > at_ &&
                             (is_hex ? text_[end - 1] == 'p' || text_[end - 1] == 'P'
                                     : text_[end - 1] == 'e' || text_[end - 1] == 'E');
        if (!is_word(c) && c != '.' && !is_sign) break;
        ++end;
    }
    return made(Token::Kind::kNumber, text_.substr(at_, end - at_));
}

Result<Token> Lexer::next_inside() {
    const std::string_view rest = text_.substr(at_);
    if (rest.empty()) return invalid("unclosed action");
    size_t spaces = 0;
    while (spaces < rest.size() && is_space(rest[spaces])) ++spaces;
    const bool trims = spaces > 0 && rest.substr(spaces).starts_with("-}}");
    if (trims || rest.starts_with("}}")) {
        if (trims) at_ += spaces + 1;
        Token token = made(Token::Kind::kClose, "}}");
        while (trims && at_ < text_.size() && is_space(text_[at_])) ++at_;
        inside_ = false;
        return token;
    }
    if (spaces > 0) return made(Token::Kind::kSpace, rest.substr(0, spaces));
    const char c = rest[0];
    const auto word_end = [&](size_t from) {
        while (from < rest.size() && is_word(rest[from])) ++from;
        return from;
    };
    switch (c) {
        case '"': return quoted_string();
        case '`': return raw_string();
        case '\'': return character();
        case '|': return made(Token::Kind::kPipe, rest.substr(0, 1));
        case ',': return made(Token::Kind::kComma, rest.substr(0, 1));
        case '(': return made(Token::Kind::kLeft, rest.substr(0, 1));
        case ')': return made(Token::Kind::kRight, rest.substr(0, 1));
        case '=': return made(Token::Kind::kAssign, rest.substr(0, 1));
        case ':':
            if (!rest.starts_with(":=")) return invalid("expected :=");
            return made(Token::Kind::kDeclare, rest.substr(0, 2));
        case '$': return made(Token::Kind::kVariable, rest.substr(0, word_end(1)));
        case '.': {
            if (rest.size() > 1 && is_digit(rest[1])) return number();
            const size_t end = word_end(1);
            if (end == 1) return made(Token::Kind::kDot, rest.substr(0, 1));
            Token token = made(Token::Kind::kField, rest.substr(0, end));
            token.text.erase(0, 1);
            return token;
        }
        default: break;
    }
    if (is_digit(c) ||
        ((c == '+' || c == '-') && rest.size() > 1 && (is_digit(rest[1]) || rest[1] == '.'))) {
        return number();
    }
    if (is_word(c)) return made(Token::Kind::kWord, rest.substr(0, word_end(0)));
    return invalid("unexpected character {} in an action", go_quoted(rest.substr(0, 1)));
}

}  // namespace kw::templates
