// Postings: from matchers to the set of series that meet them, over any index.
//
// PostingsSource is what the head and a block have in common: ids of series (uint32, of that source
// only) by label pair. evaluate() is the one place that knows what matchers mean:
//   a matcher that the empty value fails   keeps the series of the values that match
//   a matcher that the empty value meets   drops the series of the values that do not
// Keeping matchers run from the smallest set upwards and stop when nothing is left; dropping ones
// come last. Regular expressions run over distinct values only: an alternation of literals is
// looked up, a literal prefix narrows the values that are visited.
// Threads: evaluate() may run on
// any thread; a source says for itself who may call it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"

class Roaring;

namespace kw {
class CancelToken;
class Matcher;
}  // namespace kw

namespace kw::tsdb {

class PostingsSource {
 public:
    virtual ~PostingsSource() = default;

    // Adds every series to `into`.
    virtual Result<void> add_all(Roaring& into) const = 0;
    // Adds the series with label `name` of exactly `value` (not empty) to `into`; an unknown pair
    // adds none.
    virtual Result<void> add_pair(std::string_view name, std::string_view value,
                                  Roaring& into) const = 0;
    // How many series add_pair() would add, or an upper estimate; 0 says surely none.
    virtual uint64_t pair_count(std::string_view name, std::string_view value) const = 0;
    // Calls `visit` with each distinct value of `name` that begins with `prefix` (any order, each
    // once; the view is valid for the call); stops when it returns false.
    virtual Result<void> visit_values(std::string_view name, std::string_view prefix,
                                      const std::function<bool(std::string_view)>& visit) const = 0;
    // Adds the series of every value of `name` that begins with `prefix` and that `accept` accepts.
    // Made of the two above; a source that finds the series of a value it stands on overrides it.
    // Errors: what `accept` returns ends the visit.
    virtual Result<void> add_values(std::string_view name, std::string_view prefix,
                                    const std::function<Result<bool>(std::string_view)>& accept,
                                    Roaring& into) const;
};

// The series that meet all of `matchers`; no matchers: all series.
// Errors: kCancelled, kTimeout of `cancel`; those of the source.
Result<Roaring> evaluate(const PostingsSource& source, const std::vector<Matcher>& matchers,
                         const CancelToken& cancel);

}  // namespace kw::tsdb
