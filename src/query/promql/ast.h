// The tree of a PromQL query: what the parser builds, the type checker completes, the printer
// prints and the planner reads. One closed set of nodes; nothing else can stand in a tree.
//
//   text ──lexer──▶ tokens ──parser──▶ Expr (untyped) ──check_types()──▶ Expr (typed) ──▶ plan,
//   print, JSON
//
// Invariants of a tree that parse() returned
//   1. Every ExprPtr is set, except AggregateExpr::param where the aggregation takes none.
//   2. Expr::type is the type that the language gives the expression; operands have types that fit.
//   3. The height is at most ParseOptions::tree_height_max: recursion over a tree is safe.
//   4. VectorSelector::matchers has the metric name, if one was written, as `__name__="…"` like any
//   other.
// Durations may be expressions (`[5m + step()]`); they get their value with the query's time range,
// by resolve_durations(), before anybody plans. Threads: a tree belongs to one thread; const access
// from any. Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ and operators.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/matcher.h"

namespace kw::promql {

// A place in the query's text: byte offsets, [start, end).
struct Span {
    uint32_t start = 0;
    uint32_t end = 0;
    bool operator==(const Span&) const = default;
};

enum class ValueType : unsigned char { kNone, kScalar, kVector, kMatrix, kString };
// "none", "scalar", "vector", "matrix", "string": as in JSON answers.
std::string_view value_type_name(ValueType type);
// "scalar", "instant vector", "range vector", "string": as in error messages.
std::string_view value_type_words(ValueType type);

enum class BinaryOp : unsigned char {
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kAtan2,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kTrimUpper,  // `</`: cuts a histogram's observations above
    kTrimLower,  // `>/`: cuts those below
    kAnd,
    kOr,
    kUnless,
};
std::string_view binary_op_text(BinaryOp op);
bool is_comparison(BinaryOp op);    // == != < <= > >=
bool is_set_operator(BinaryOp op);  // and or unless

enum class AggregateOp : unsigned char {
    kSum,
    kAvg,
    kCount,
    kMin,
    kMax,
    kGroup,
    kStddev,
    kStdvar,
    kTopk,
    kBottomk,
    kCountValues,
    kQuantile,
    kLimitk,
    kLimitRatio,
};
std::string_view aggregate_op_text(AggregateOp op);
bool takes_parameter(AggregateOp op);  // topk, bottomk, count_values, quantile, limitk, limit_ratio

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Function;  // functions.h

// Arithmetic over durations, in seconds.
struct DurationExpr {
    enum class Op : unsigned char {
        kNumber,  // `value`, no operands
        kStep,    // step(), no operands
        kRange,   // range(), no operands
        kNegate,  // lhs only; `+x` is not kept
        kParen,   // lhs only
        kAdd,
        kSub,
        kMul,
        kDiv,
        kMod,
        kPow,
        kMinOf,  // min_of(lhs, rhs)
        kMaxOf,
    };
    Op op = Op::kNumber;
    Span span;
    double value = 0;          // kNumber: seconds
    bool is_duration = false;  // kNumber: written with units
    std::unique_ptr<DurationExpr> lhs;
    std::unique_ptr<DurationExpr> rhs;
};

// A range, an offset, a subquery's step. Without `expr` ms is the value; with it, ms is 0 until
// resolve_durations().
struct Duration {
    int64_t ms = 0;
    std::unique_ptr<DurationExpr> expr;
};

// `@`: the evaluation time of a selector or subquery.
struct AtModifier {
    enum class Kind : unsigned char { kNone, kTimestamp, kStart, kEnd };
    Kind kind = Kind::kNone;
    Millis timestamp;  // kTimestamp
};

struct NumberLiteral {
    double value = 0;
    bool is_duration = false;  // written as one (`5m` is 300): printed as one
};

struct StringLiteral {
    std::string value;
};

struct VectorSelector {
    enum class Extension : unsigned char { kNone, kAnchored, kSmoothed };
    std::string name;  // as written before or inside the braces; empty when none was
    std::vector<Matcher> matchers;
    Duration offset;  // may be negative
    AtModifier at;
    Extension extension = Extension::kNone;
    // The second argument of info(): label matchers that need not select anything by themselves.
    bool may_match_empty = false;
};

// `selector[range]`. The inner expression is a VectorSelector, which has the offset and `@` of the
// whole.
struct MatrixSelector {
    ExprPtr selector;
    Duration range;  // positive
};

struct SubqueryExpr {
    ExprPtr expr;                  // an instant vector
    Duration range;                // positive
    std::optional<Duration> step;  // nullopt: the engine's default
    Duration offset;
    AtModifier at;
};

struct ParenExpr {
    ExprPtr expr;
};

struct UnaryExpr {
    bool negate = false;  // false: `+`
    ExprPtr expr;
};

enum class Cardinality : unsigned char { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
// "one-to-one", …
std::string_view cardinality_name(Cardinality cardinality);

struct VectorMatching {
    Cardinality cardinality = Cardinality::kOneToOne;  // kManyToMany for set operators
    bool on = false;                                   // `on(labels)`, else `ignoring(labels)`
    std::vector<std::string> labels;
    std::vector<std::string> include;  // of group_left, group_right
    std::optional<double> fill_left;   // what stands in for a missing left (right) side
    std::optional<double> fill_right;
};

struct BinaryExpr {
    BinaryOp op = BinaryOp::kAdd;
    Span op_span;
    bool return_bool = false;
    ExprPtr lhs;
    ExprPtr rhs;
    std::optional<VectorMatching> matching;  // set exactly when both sides are vectors
};

struct AggregateExpr {
    AggregateOp op = AggregateOp::kSum;
    bool without = false;
    std::vector<std::string> grouping;  // as written; may repeat
    ExprPtr param;                      // null unless takes_parameter(op)
    ExprPtr expr;
};

struct CallExpr {
    const Function* function = nullptr;  // of the table in functions.h
    std::vector<ExprPtr> args;
};

struct Expr {
    using Node =
        std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, SubqueryExpr,
                     ParenExpr, UnaryExpr, BinaryExpr, AggregateExpr, CallExpr>;
    Node node;
    Span span;
    ValueType type = ValueType::kNone;

    template <typename T>
    const T* as() const {
        return std::get_if<T>(&node);
    }
    template <typename T>
    T* as() {
        return std::get_if<T>(&node);
    }
};

// The expression inside any number of parentheses.
const Expr& strip_parens(const Expr& expr);

// A copy that shares nothing but compiled regular expressions.
ExprPtr clone(const Expr& expr);

// Line and column, from 1, of a byte of the query; columns count bytes. "3:14".
std::string position_text(std::string_view query, uint32_t offset);

// The time range of a query, for step() and range().
struct QueryRange {
    Millis start;
    Millis end;
    int64_t step_ms = 0;  // 0: an instant query
};

// Gives every Duration of the tree that is an expression its value. Errors: kInvalid, in
// Prometheus' words
// ("1:13: parse error: duration must be greater than 0"), where it divides by zero, leaves the
// range of durations, or a range or step is not positive. `query` is the text for the position.
Result<void> resolve_durations(Expr& expr, const QueryRange& range, std::string_view query);

}  // namespace kw::promql
