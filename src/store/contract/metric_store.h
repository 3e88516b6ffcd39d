// MetricStore: what a store of samples promises to who writes and who reads.
//
// Laws (contract/metric_store_suite.h checks them on every implementation)
//   1. What append() returned as stored is seen by every select() that starts afterwards.
//   2. The rows of one append that carry one timestamp and belong to one (job, instance) become
//   visible
//      together: no select() sees some of them only.
//   3. With Durability::kAcked, append() returns after its rows would survive a power cut; with
//   kSoon they
//      survive a crash of the process at once, and a power cut within 100 ms and one flush.
//   4. select() returns for each series its samples in ascending time, one a timestamp. Of two
//   different
//      values for one time the first stored wins; the second's verdict is kConflict where the store
//      sees it.
//   5. Late and out-of-order samples are ordinary, for the whole retention.
//   6. A SeriesRef is never given to a second label set. Its series may be dropped when it has no
//   samples
//      left or has been idle; a row that names it then gets kUnknownSeries, and the writer asks
//      ref_of() again.
//   7. Every error is a Result; nothing throws.
//   8. A native histogram that is no gauge comes back with the counter reset hint that its place in the selection gives:
//      kReset where the counter restarted or the writer said so, kNotReset where it went on from the
//      sample before; where that is no histogram of a counter, or not in the selection, what the writer said or what
//      the store knew when it was written.
// Threads: all members from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace kw {

// A store's handle of a series; 0 is none.
struct SeriesRef {
    uint64_t id = 0;
    auto operator<=>(const SeriesRef&) const = default;
    explicit operator bool() const { return id != 0; }
};

// What became of one row.
enum class RowVerdict : unsigned char {
    kStored,
    kSameAgain,      // the same value at the same time was there already: fine, nothing stored
    kConflict,       // another value stands at this time
    kTooOld,         // before the retention
    kTooFarAhead,    // further in the future than the store accepts
    kUnknownSeries,  // the ref is not (any more) known: ask ref_of() again
};

enum class Durability : unsigned char {
    kAcked,  // somebody waits for the acknowledgement: a push
    kSoon,   // nobody waits: scrapes, collectors, rules
};

// Rows as columns. `series` and `values` have one entry a row; `timestamps` has one a row, or a
// single one for all rows (a scrape). `starts` is empty, or has one a row (kNoStart where not
// known). `histograms` is empty, or has one a row: null where the row is a float; where it is not, the value is not
// looked at. They are sound (model/stored_histogram.h, check_histogram). All views are the caller's and need only last
// for the call; histograms may be kept.
struct SampleBatch {
    std::span<const SeriesRef> series;
    std::span<const Millis> timestamps;
    std::span<const double> values;
    std::span<const Millis> starts;
    Durability durability = Durability::kSoon;
    std::span<const std::shared_ptr<const Histogram>> histograms = {};
};

struct AppendResult {
    uint64_t stored = 0;
    uint64_t same_again = 0;
    // Rows that were neither stored nor there already: (row index, verdict), ascending.
    std::vector<std::pair<uint32_t, RowVerdict>> refused;
};

// Samples of one series as columns. Capacity is kept between uses.
struct SampleColumns {
    std::vector<int64_t> timestamps;  // milliseconds, ascending, unique
    std::vector<double> values;       // one a timestamp; where a histogram stands, not meaningful
    std::vector<int64_t> starts;      // empty, or one a timestamp (0 where not known)
    // Empty, or one a timestamp: null where the sample is a float.
    std::vector<std::shared_ptr<const Histogram>> histograms;

    size_t size() const { return timestamps.size(); }
    void clear() {
        timestamps.clear();
        values.clear();
        starts.clear();
        histograms.clear();
    }
};

// What the reader will do with the samples: an implementation may use it, never must.
struct SelectHints {
    int64_t step_ms = 0;        // 0: an instant
    int64_t range_ms = 0;       // of a range selector, 0: none
    std::string function;       // the rollup or aggregation right above, may be empty
    uint64_t series_limit = 0;  // the reader refuses more than this many; 0: no limit
};

// The series that a select() matched, with a snapshot of their samples in its range: what is
// written later does not show. Sorted by labels. Threads: const members from any thread at once.
class SelectedSeries {
 public:
    virtual ~SelectedSeries() = default;
    virtual size_t size() const = 0;
    // Valid as long as this lives.
    virtual const LabelSet& labels(size_t index) const = 0;
    // Replaces `out` by the samples of series `index` in the selected range.
    // Errors: kCorrupt, kUnavailable.
    virtual Result<void> read(size_t index, SampleColumns& out) const = 0;
    // An upper estimate of the samples that read() of all would give.
    virtual uint64_t samples_estimate() const = 0;
};

struct NameCount {
    std::string name;
    uint64_t count = 0;
};

// What the store holds, for status pages. The lists are the top ones, descending.
struct StoreStats {
    uint64_t series_count = 0;      // in the head
    uint64_t label_pair_count = 0;  // distinct
    uint64_t chunk_count = 0;       // in the head
    TimeRange head_range;           // empty range when the head is
    std::vector<NameCount> series_by_metric;
    std::vector<NameCount> values_by_label;
    std::vector<NameCount> bytes_by_label;
    std::vector<NameCount> series_by_label_pair;  // name is `label=value`
};

class MetricStore {
 public:
    virtual ~MetricStore() = default;

    // The handle of `labels`' series, made when it is new.
    // Errors: kExhausted at the store's limit of series, kUnavailable while shutting down.
    virtual Result<SeriesRef> ref_of(const LabelSet& labels) = 0;

    // Appends all rows, whatever becomes of single ones. Errors are about the whole batch, of which
    // then nothing is promised: kUnavailable (the log could not be written: disk full, I/O), kInvalid (columns that do
    // not fit together, a histogram that is not sound), kExhausted (more than the store takes at once).
    virtual Result<AppendResult> append(const SampleBatch& batch) = 0;

    // The series that meet all of `matchers` (at least one) and have samples in `range`; perhaps also some that missed
    // just the scrapes in it, which read() then shows as empty.
    // Errors: kCancelled, kTimeout, kExhausted (over hints.series_limit or the budget), kCorrupt,
    // kUnavailable.
    virtual Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                           const TimeRange& range,
                                                           const SelectHints& hints,
                                                           const CancelToken& cancel,
                                                           MemoryBudget& budget) = 0;

    // Sorted. `matchers` may be empty: all series. `limit` 0: no limit.
    virtual Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                         const TimeRange& range, uint64_t limit,
                                                         const CancelToken& cancel) = 0;
    virtual Result<std::vector<std::string>> label_values(std::string_view name,
                                                          const std::vector<Matcher>& matchers,
                                                          const TimeRange& range, uint64_t limit,
                                                          const CancelToken& cancel) = 0;

    // `limit` bounds each list.
    virtual Result<StoreStats> stats(uint64_t limit) = 0;
};

}  // namespace kw
