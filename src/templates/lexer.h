// Text of a template to tokens: literal text, and the words inside of {{ }}. Comments and the white space that
// `{{-` and `-}}` trim are gone here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kw::templates {

struct Token {
    enum class Kind : unsigned char {
        kEnd,
        kText,      // outside of actions
        kOpen,      // {{
        kClose,     // }}
        kSpace,     // between operands: it separates `.a .b` from `.a.b`
        kWord,      // an identifier, keywords too
        kField,     // .name, `text` without the dot
        kDot,       // .
        kVariable,  // $, $name
        kNumber,
        kString,   // unquoted already
        kChar,     // 'a', unquoted already: `text` is the code point in decimal
        kPipe,     // |
        kDeclare,  // :=
        kAssign,   // =
        kComma,
        kLeft,   // (
        kRight,  // )
    };
    Kind kind = Kind::kEnd;
    std::string text;
    uint32_t offset = 0;
    uint32_t end = 0;
};

class Lexer final {
 public:
    explicit Lexer(std::string_view text) : text_(text) {}

    // Errors: kInvalid, about the byte at offset().
    Result<Token> next();
    uint32_t offset() const { return static_cast<uint32_t>(at_); }

 private:
    Result<Token> next_text();
    Result<Token> next_inside();
    Result<bool> skip_comment(size_t open);
    Result<Token> quoted_string();
    Result<Token> raw_string();
    Result<Token> character();
    Token number();
    Token made(Token::Kind kind, std::string_view text);
    Result<void> escape(std::string& out, char quote);

    const std::string_view text_;
    size_t at_ = 0;
    bool inside_ = false;
};

}  // namespace kw::templates
