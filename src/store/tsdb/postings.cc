#include "tsdb/postings.h"

#include <roaring/roaring.hh>

#include <algorithm>

#include "base/cancel.h"
#include "model/matcher.h"

namespace kw::tsdb {
namespace {

// Values between two looks at the CancelToken: a regular expression takes up to some microseconds for one, and the
// token looks at the clock every 64th time.
constexpr size_t kValuesPerCheck = 32;

// The values that a matcher names without being run: those of `=` and of an alternation of
// literals. Null: all distinct values must be visited.
const std::vector<std::string>* literals_of(const Matcher& matcher, std::vector<std::string>& one) {
    if (matcher.op() == MatchOp::kEqual || matcher.op() == MatchOp::kNotEqual) {
        one.assign(1, matcher.value());
        return &one;
    }
    const AnchoredRegex* regex = matcher.regex();
    return regex != nullptr && !regex->literals().empty() ? &regex->literals() : nullptr;
}

bool is_negated(const Matcher& matcher) {
    return matcher.op() == MatchOp::kNotEqual || matcher.op() == MatchOp::kNotRegex;
}

// Adds the series whose label has a value (not empty) that `matcher` accepts, or with `wanted`
// false one that it rejects.
Result<void> add_by_value(const PostingsSource& source, const Matcher& matcher, bool wanted,
                          const CancelToken& cancel, Roaring& into) {
    std::vector<std::string> one;
    const std::vector<std::string>* literals = literals_of(matcher, one);
    // Literals answer "equal to one of them": what `=` accepts, and what `!=` rejects.
    if (literals != nullptr && wanted != is_negated(matcher)) {
        for (const std::string& literal : *literals) {
            if (!literal.empty()) KW_TRY(source.add_pair(matcher.name(), literal, into));
        }
        return {};
    }
    // A prefix holds for what the expression itself matches only.
    const bool by_prefix = matcher.regex() != nullptr && wanted != is_negated(matcher);
    const std::string_view prefix =
        by_prefix ? std::string_view(matcher.regex()->prefix()) : std::string_view();
    size_t visited = 0;
    const auto accept = [&](std::string_view value) -> Result<bool> {
        if (++visited % kValuesPerCheck == 0) KW_TRY(cancel.check());
        return matcher.matches(value) == wanted;
    };
    return source.add_values(matcher.name(), prefix, accept, into);
}

// How many series a keeping matcher leaves at most: known for literals, unknown (huge) for the
// rest.
uint64_t estimate(const PostingsSource& source, const Matcher& matcher) {
    std::vector<std::string> one;
    const std::vector<std::string>* literals = literals_of(matcher, one);
    if (literals == nullptr || is_negated(matcher)) return UINT64_MAX;
    uint64_t count = 0;
    for (const std::string& literal : *literals)
        count += source.pair_count(matcher.name(), literal);
    return count;
}

}  // namespace

Result<void> PostingsSource::add_values(std::string_view name, std::string_view prefix,
                                        const std::function<Result<bool>(std::string_view)>& accept,
                                        Roaring& into) const {
    Result<void> failed;
    KW_TRY(visit_values(name, prefix, [&](std::string_view value) {
        Result<bool> accepted = accept(value);
        if (!accepted.ok()) {
            failed = std::move(accepted).error();
        } else if (accepted.value()) {
            failed = add_pair(name, value, into);
        }
        return failed.ok();
    }));
    return failed;
}

Result<Roaring> evaluate(const PostingsSource& source, const std::vector<Matcher>& matchers,
                         const CancelToken& cancel) {
    struct Keeping {
        const Matcher* matcher;
        uint64_t estimate;
    };
    std::vector<Keeping> keeping;
    std::vector<const Matcher*> dropping;
    for (const Matcher& matcher : matchers) {
        if (matcher.matches_empty()) {
            dropping.push_back(&matcher);
            continue;
        }
        keeping.push_back({&matcher, estimate(source, matcher)});
        if (keeping.back().estimate == 0) return Roaring();
    }
    std::sort(keeping.begin(), keeping.end(),
              [](const Keeping& lhs, const Keeping& rhs) { return lhs.estimate < rhs.estimate; });

    Roaring left;
    bool first = true;
    for (const Keeping& next : keeping) {
        KW_TRY(cancel.check());
        Roaring kept;
        KW_TRY(add_by_value(source, *next.matcher, true, cancel, kept));
        if (first) {
            left = std::move(kept);
            first = false;
        } else {
            left &= kept;
        }
        if (left.isEmpty()) return left;
    }
    if (first) KW_TRY(source.add_all(left));
    for (const Matcher* matcher : dropping) {
        KW_TRY(cancel.check());
        Roaring dropped;
        KW_TRY(add_by_value(source, *matcher, false, cancel, dropped));
        left -= dropped;
    }
    return left;
}

}  // namespace kw::tsdb
