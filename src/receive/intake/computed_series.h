// Series that the server computes itself, rules and the like: rows come in as labels and values or native histograms,
// all of one time.
//
//   rows ──▶ limits ──▶ ref known? ──yes──▶ one append(), kSoon, with staleness markers for the series that the
//                          └─no──▶ ref_of()                      write before had and this one has not
//
// One object stands for what one rule writes, as a ScrapeTarget for what one target does.
// Threads: one at a time; the report is the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "contract/metric_store.h"
#include "intake/series_limits.h"
#include "model/labels.h"

namespace kw::intake {

struct ComputedRow {
    LabelSet labels;
    double value = 0;
    std::shared_ptr<const Histogram> histogram = nullptr;  // null: a float
};

struct ComputedReport {
    uint64_t stored = 0;
    uint64_t conflicts = 0;  // another value stands at this time
    uint64_t too_old = 0;
    uint64_t refused =
        0;  // all others: over a limit, too far ahead, the store's limit of series, a histogram that is
            // not sound
    std::string first_error;  // of those, empty when there are none
};

class ComputedSeries final {
 public:
    // Far above what anybody needs, and low enough that no expression fills the memory with one series.
    static constexpr SeriesLimits kLimits = {
        .labels_max = 512, .label_name_bytes_max = 1 << 10, .label_value_bytes_max = 64 << 10};

    // `store` outlives it.
    explicit ComputedSeries(MetricStore& store) : store_(store) {}
    ComputedSeries(const ComputedSeries&) = delete;
    ComputedSeries& operator=(const ComputedSeries&) = delete;

    // Writes `rows`, whose label sets differ from each other, at `time`, and markers for the series that are gone.
    // Errors: kUnavailable, of the store: then nothing is promised, and the next write ends the series of both.
    Result<ComputedReport> write(Millis time, const std::vector<ComputedRow>& rows);
    // Markers for all series but those that `is_kept`, which others write now.
    // Errors: kUnavailable, of the store.
    Result<void> end(Millis time, const std::function<bool(const LabelSet&)>& is_kept = {});

    // Of the last write.
    bool has(const LabelSet& labels) const { return series_.contains(labels); }
    size_t size() const { return series_.size(); }

 private:
    struct Entry {
        SeriesRef ref;
        uint64_t round = 0;  // the write that had it last
    };
    using Series = std::unordered_map<LabelSet, Entry, LabelSetHash>;
    struct Batch;
    Result<void> append(Millis time, Batch& batch, ComputedReport& report);

    MetricStore& store_;
    Series series_;
    uint64_t round_ = 0;
};

}  // namespace kw::intake
