// The parser proper: recursive descent over the lexer's tokens, precedence climbing for operators.
// Used by parser.cc (expressions), parser_selector.cc (selectors and what follows them) and
// parser_duration.cc.
//
// Invariants
//   1. now_ is the next token that nobody has taken.
//   2. Every recursion passes through a DepthGuard, and every node through made(), so that neither
//   the stack
//      nor the tree's height passes ParseOptions::tree_height_max.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "promql/ast.h"
#include "promql/lexer.h"
#include "promql/parser.h"

namespace kw::promql {

// An expression and the height of its tree.
struct Parsed {
    ExprPtr expr;
    size_t height = 0;
};

class Parser final {
 public:
    Parser(std::string_view text, const ParseOptions& options)
        : text_(text), options_(options), lexer_(text) {}

    // The whole text as one expression, untyped.
    Result<ExprPtr> query();
    // The whole text as one selector.
    Result<std::vector<Matcher>> selector();

 private:
    struct BinaryModifiers {
        bool return_bool = false;
        VectorMatching matching;
    };
    struct ParsedDuration {
        std::unique_ptr<DurationExpr> expr;
        // A literal, perhaps with a sign: no experimental syntax.
        bool is_plain() const { return expr->op == DurationExpr::Op::kNumber; }
    };

    // parser.cc: expressions
    Result<Parsed> binary(int precedence_min);
    Result<Parsed> unary();
    Result<Parsed> postfix();
    Result<Parsed> primary();
    Result<Parsed> number();
    Result<Parsed> string();
    Result<Parsed> parenthesised();
    Result<Parsed> call();
    Result<Parsed> aggregate();
    Result<std::vector<Parsed>> arguments();
    Result<BinaryModifiers> binary_modifiers();
    Result<void> fill_modifiers(VectorMatching& matching);
    Result<double> fill_value();
    Result<std::vector<std::string>> grouping_labels();
    Result<std::string> grouping_label();
    Result<double> number_value(const LexedToken& token);
    Result<double> duration_seconds(const LexedToken& token);

    // parser_selector.cc: selectors and their modifiers
    Result<Parsed> vector_selector();
    Result<void> matchers(VectorSelector& selector);
    Result<void> matcher(VectorSelector& selector);
    Result<Parsed> brackets(Parsed inner);
    Result<void> offset(Expr& expr);
    Result<void> at(Expr& expr);
    Result<void> extension(Expr& expr);

    // parser_duration.cc
    Result<Duration> bracket_duration(std::string_view context, std::string_view expected);
    Result<Duration> offset_duration();
    Result<Duration> to_duration(ParsedDuration parsed, bool must_be_positive);
    Result<ParsedDuration> duration_binary(int precedence_min);
    Result<ParsedDuration> duration_unary(bool alone);
    Result<ParsedDuration> duration_primary();
    Result<ParsedDuration> duration_call();

    Result<void> advance();
    // The token after now_.
    Result<Token> peek();
    Result<void> expect(Token token, std::string_view context, std::string_view expected);
    bool is(Token token) const { return now_.token == token; }

    Error error_at(uint32_t offset_bytes, std::string_view message) const;
    // "unexpected <now_> in context, expected …"
    Error unexpected(std::string_view context = {}, std::string_view expected = {}) const;
    Result<Parsed> made(Expr::Node node, Span span, size_t height_below) const;
    Error too_deep(uint32_t offset_bytes) const;

    class DepthGuard {
     public:
        explicit DepthGuard(size_t& depth) : depth_(depth) { ++depth_; }
        ~DepthGuard() { --depth_; }
        DepthGuard(const DepthGuard&) = delete;
        DepthGuard& operator=(const DepthGuard&) = delete;

     private:
        size_t& depth_;
    };

    std::string_view text_;
    const ParseOptions& options_;
    Lexer lexer_;
    LexedToken now_;
    std::optional<LexedToken> after_;
    uint32_t last_end_ = 0;  // of the token taken last
    size_t depth_ = 0;
    size_t regex_count_ = 0;
};

}  // namespace kw::promql
