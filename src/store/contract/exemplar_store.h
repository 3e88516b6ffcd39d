// ExemplarStore: what a store of exemplars promises to who writes and who reads.
//
// Laws
//   1. It holds the newest exemplars up to a bound over all series: one more pushes out the one that came first.
//   2. The exemplars of a series come in ascending time. The newest one again is nothing new; one that is older, or
//      as old with a lesser value (or the same value and lesser labels), is out of order and refused.
//   3. The labels of an exemplar have at most kExemplarLabelCharsMax characters, names and values together.
// Threads: all members from any thread. Source: https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars
#pragma once

#include <cstddef>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace kw {

// UTF-8 code points.
inline constexpr size_t kExemplarLabelCharsMax = 128;

enum class ExemplarVerdict : unsigned char {
    kStored,
    kSameAgain,      // it is the series' newest already: fine, nothing stored
    kOutOfOrder,     // before the series' newest
    kLabelsTooLong,  // over kExemplarLabelCharsMax
    kDisabled,       // the bound is 0
};

struct ExemplarSeries {
    LabelSet labels;
    std::vector<Exemplar> exemplars;  // ascending; at least one
};

class ExemplarStore {
 public:
    virtual ~ExemplarStore() = default;

    // `exemplar` has its timestamp, its own or its sample's.
    virtual ExemplarVerdict append(const LabelSet& series, Exemplar exemplar) = 0;

    // The series that meet all matchers of one of `selectors` and have exemplars in `range`, with those; sorted by
    // labels. As large as the store at most.
    virtual std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>& selectors,
                                               const TimeRange& range) const = 0;
};

}  // namespace kw
