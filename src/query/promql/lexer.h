// Cuts a query into tokens, one at a time: next() is called by the parser as it goes, so that of
// two errors the one further left is reported.
//
// What a character means depends on where it stands, so the lexer keeps three states: outside
// (keywords and operators), inside braces (label names are never keywords) and inside brackets
// (durations). Words are keywords in any case. `fill`, `start`, `step` and the like are words of
// the language only where the parser expects them. Limits: the caller bounds the text; a token is a
// view of it. Source: https://prometheus.io/docs/prometheus/latest/querying/basics/
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "promql/ast.h"

namespace kw::promql {

enum class Token : unsigned char {
    kEnd,
    kIdentifier,        // a word without a colon that is no keyword; any word inside braces
    kMetricIdentifier,  // a word with a colon
    kNumber,
    kDuration,
    kString,  // with its quotes
    kLeftParen,
    kRightParen,
    kLeftBrace,
    kRightBrace,
    kLeftBracket,
    kRightBracket,
    kComma,
    kColon,
    kEqual,     // =  in a matcher
    kNotEqual,  // != in a matcher and between vectors
    kRegex,     // =~
    kNotRegex,  // !~
    kAt,
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kEqualEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kTrimUpper,
    kTrimLower,
    // Keywords: operators
    kAnd,
    kOr,
    kUnless,
    kAtan2,
    // Keywords: aggregations
    kAggregate,  // LexedToken::aggregate says which
    // Keywords: the rest
    kBool,
    kBy,
    kWithout,
    kOn,
    kIgnoring,
    kGroupLeft,
    kGroupRight,
    kOffset,
    kAnchored,
    kSmoothed,
    kFill,
    kFillLeft,
    kFillRight,
    kStart,
    kEndKeyword,
    kStep,
    kRange,
    kMinOf,  // inside brackets and after offset; elsewhere an identifier
    kMaxOf,
};

struct LexedToken {
    Token token = Token::kEnd;
    AggregateOp aggregate = AggregateOp::kSum;  // of kAggregate
    Span span;
    std::string_view text;
};

class Lexer final {
 public:
    explicit Lexer(std::string_view text) : text_(text) {}

    // kEnd for ever once the text is used up. Errors: kInvalid, with the position.
    Result<LexedToken> next();

 private:
    Result<LexedToken> next_outside();
    Result<LexedToken> next_in_braces();
    Result<LexedToken> next_in_brackets();
    Result<LexedToken> number_or_duration();
    Result<LexedToken> quoted_string(char quote);
    Result<LexedToken> raw_string();
    LexedToken word();
    LexedToken make(Token token) const;
    Error fail(std::string_view message) const;

    bool scan_number();
    bool scan_duration();
    void skip_space_and_comments();
    bool at_end() const { return at_ >= text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    bool accept(std::string_view any_of);

    std::string_view text_;
    size_t start_ = 0;  // of the token being made
    size_t at_ = 0;
    uint32_t paren_depth_ = 0;
    bool in_braces_ = false;
    bool in_brackets_ = false;
    bool got_colon_ = false;  // inside the brackets
};

// A token as error messages name it: `<op:+>`, `identifier "foo"`, `"}"`, `end of input`.
std::string describe(const LexedToken& token);

// The text that a string token stands for. Errors: kInvalid with Prometheus' words, without
// position.
Result<std::string> unquote(std::string_view token);

// A character as Go's %q prints it: 'x', with escapes.
std::string quoted_rune(std::string_view text, size_t at);

// "1:5: parse error: message": how every error about a place in a query begins.
Error parse_error(std::string_view query, uint32_t offset, std::string_view message);

}  // namespace kw::promql
