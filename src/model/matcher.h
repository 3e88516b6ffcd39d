// A condition on one label: =, !=, =~, !~. Regular expressions are RE2, anchored at both ends, with
// `.` matching newlines too, as in Prometheus 3. An absent label has the empty value.
//
// A regular expression is taken apart once, when made: a plain alternation of literals ("a|b|c") is
// answered by comparing, a literal prefix prunes before RE2 runs.
// Threads: immutable; copies share the compiled expression.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace kw {

enum class MatchOp : unsigned char { kEqual, kNotEqual, kRegex, kNotRegex };

// "=", "!=", "=~", "!~"
std::string_view match_op_text(MatchOp op);

// A regular expression of a matcher or a relabelling rule, anchored at both ends.
class AnchoredRegex {
 public:
    // The most memory RE2 may use for one expression's program and caches.
    static constexpr size_t kProgramBytesMax = 4 << 20;
    static constexpr size_t kPatternBytesMax = 64 << 10;

    // Errors: kInvalid with RE2's words; kExhausted over the limits above.
    static Result<AnchoredRegex> compile(std::string_view pattern);

    bool matches(std::string_view text) const;
    const std::string& pattern() const;
    // The texts it matches when it is nothing but an alternation of literals, else empty.
    // "" matches the empty pattern: one literal, the empty one.
    const std::vector<std::string>& literals() const;
    // What every match begins with; may be empty.
    const std::string& prefix() const;
    // Matches, and expands `replacement` with $1, ${1}, ${name} as Go's regexp does; an unknown
    // group is empty. Returns false when there is no match.
    bool expand(std::string_view text, std::string_view replacement, std::string& out) const;

 private:
    struct Program;
    explicit AnchoredRegex(std::shared_ptr<const Program> program);
    std::shared_ptr<const Program> program_;
};

class Matcher {
 public:
    // Errors: kInvalid, kExhausted, of the regular expression.
    static Result<Matcher> make(MatchOp op, std::string name, std::string value);
    // The two that cannot fail.
    static Matcher equal(std::string name, std::string value);
    static Matcher not_equal(std::string name, std::string value);

    MatchOp op() const { return op_; }
    const std::string& name() const { return name_; }
    const std::string& value() const { return value_; }
    // Whether a label of value `text` (empty when absent) meets the condition.
    bool matches(std::string_view text) const;
    bool matches_empty() const { return matches_empty_; }
    // Only for kRegex and kNotRegex, else null.
    const AnchoredRegex* regex() const { return regex_.empty() ? nullptr : &regex_.front(); }

    // name="value" as in PromQL.
    std::string to_string() const;
    bool operator==(const Matcher& other) const {
        return op_ == other.op_ && name_ == other.name_ && value_ == other.value_;
    }

 private:
    Matcher(MatchOp op, std::string name, std::string value)
        : op_(op), name_(std::move(name)), value_(std::move(value)) {}
    MatchOp op_;
    bool matches_empty_ = false;
    std::string name_;
    std::string value_;
    std::vector<AnchoredRegex> regex_;  // none or one
};

// Whether `labels` meets every one of `matchers`.
bool matches_all(const std::vector<Matcher>& matchers, const LabelSet& labels);

}  // namespace kw
