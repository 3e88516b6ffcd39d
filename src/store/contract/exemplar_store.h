// ExemplarStore: what a store of exemplars promises to who writes and who reads.
//
// Laws
//   1. It holds the newest exemplars up to a bound over all series: one more pushes out the one that came first.
//   2. The exemplars of a series come in ascending time. The newest one again is nothing new; one that is older, or
//      as old with a lesser value (or the same value and lesser labels), is out of order and refused.
//   3. The labels of an exemplar have at most kExemplarLabelCharsMax characters, names and values together.
//   4. What append() acknowledged is there after any crash, and what select() returned after one of the process, up to
//      law 1. What was appended with kSoon is acknowledged by the next append with kAcked, be it of exemplars or of
//      samples: a store of both has one log.
// Threads: all members from any thread. Source: https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "contract/metric_store.h"
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

// How many exemplars met which verdict.
class ExemplarCounts final {
 public:
    void add(ExemplarVerdict verdict) { ++counts_[static_cast<size_t>(verdict)]; }
    uint64_t operator[](ExemplarVerdict verdict) const {
        return counts_[static_cast<size_t>(verdict)];
    }

 private:
    std::array<uint64_t, static_cast<size_t>(ExemplarVerdict::kDisabled) + 1> counts_{};
};

struct ExemplarSeries {
    LabelSet labels;
    std::vector<Exemplar> exemplars;
};

class ExemplarStore {
 public:
    virtual ~ExemplarStore() = default;

    // In the order in which they stand in `batch`. They have their timestamps, their own or their samples'; their
    // series have labels, and may be there twice. An empty batch acknowledges what came before it.
    // Errors: kUnavailable (the disk): some may be stored; those that are sent again meet kSameAgain or kOutOfOrder.
    virtual Result<ExemplarCounts> append(std::vector<ExemplarSeries> batch,
                                          Durability durability) = 0;

    // The series that meet all matchers of one of `selectors` and have exemplars in `range`, with those, ascending; at
    // least one each; sorted by labels. As large as the store at most.
    virtual std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>& selectors,
                                               const TimeRange& range) const = 0;
};

}  // namespace kw
