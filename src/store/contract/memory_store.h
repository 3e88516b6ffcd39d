// The plainest MetricStore: a map from label set to samples under one mutex. The reference that engines
// are compared with, and the store of tests of what stands above a store. It holds all of the laws of
// metric_store.h but survives nothing: there is no disk under it.
// Threads: all members from any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "contract/metric_store.h"

namespace kw {

class MemoryStore final : public MetricStore {
 public:
    Result<SeriesRef> ref_of(const LabelSet& labels) override KW_EXCLUDES(mutex_);
    Result<AppendResult> append(const SampleBatch& batch) override KW_EXCLUDES(mutex_);
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, const SelectHints& hints,
                                                   const CancelToken& cancel,
                                                   MemoryBudget& budget) override
        KW_EXCLUDES(mutex_);
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                 const TimeRange& range, uint64_t limit,
                                                 const CancelToken& cancel) override
        KW_EXCLUDES(mutex_);
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const std::vector<Matcher>& matchers,
                                                  const TimeRange& range, uint64_t limit,
                                                  const CancelToken& cancel) override
        KW_EXCLUDES(mutex_);
    Result<StoreStats> stats(uint64_t limit) override KW_EXCLUDES(mutex_);

    // Appends one sample, for tests: a float, or a histogram where `histogram` is set. As append() does, it
    // refuses a second value for one time.
    RowVerdict add(const LabelSet& labels, Millis t, double value, Millis start = kNoStart,
                   std::shared_ptr<const Histogram> histogram = nullptr) KW_EXCLUDES(mutex_);
    void clear() KW_EXCLUDES(mutex_);

 private:
    struct Point {
        double value = 0;
        Millis start;
        std::shared_ptr<const Histogram> histogram;
    };
    using Points = std::map<Millis, Point>;

    SeriesRef ref_locked(const LabelSet& labels) KW_REQUIRES(mutex_);
    static RowVerdict add_point(Points& points, Millis t, Point point);
    // Series that match and have a point in `range`, by labels.
    std::vector<const std::pair<const LabelSet, uint64_t>*> matching(
        const std::vector<Matcher>& matchers, const TimeRange& range) const KW_REQUIRES(mutex_);

    mutable Mutex mutex_;
    std::map<LabelSet, uint64_t> ids_ KW_GUARDED_BY(mutex_);
    std::vector<Points> series_ KW_GUARDED_BY(mutex_);  // of id i at i - 1
};

}  // namespace kw
