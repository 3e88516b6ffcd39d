// Stores of samples and of exemplars that are not open yet: what stands on them can be built and asked while the
// write-ahead log is replayed. Until set(), every call says kUnavailable; afterwards it is the store itself.
// Threads: all members from any thread; set() once.
#pragma once

#include <atomic>
#include <functional>

#include "contract/exemplar_store.h"
#include "contract/metric_store.h"

namespace kw::app {

class LateStore final : public MetricStore {
 public:
    // `store` outlives this. `is_writable`: whether its disk takes what is appended; from any thread.
    void set(MetricStore& store, std::function<bool()> is_writable);
    bool is_set() const { return store_.load(std::memory_order_acquire) != nullptr; }

    // Once it is set.
    bool is_writable() const { return is_set() && is_writable_(); }

    Result<SeriesRef> ref_of(const LabelSet& labels) override;
    Result<AppendResult> append(const SampleBatch& batch) override;
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, const SelectHints& hints,
                                                   const CancelToken& cancel,
                                                   MemoryBudget& budget) override;
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                 const TimeRange& range, uint64_t limit,
                                                 const CancelToken& cancel) override;
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const std::vector<Matcher>& matchers,
                                                  const TimeRange& range, uint64_t limit,
                                                  const CancelToken& cancel) override;
    Result<StoreStats> stats(uint64_t limit) override;

 private:
    Result<MetricStore*> get() const;
    std::function<bool()> is_writable_;  // written before store_ is
    std::atomic<MetricStore*> store_{nullptr};
};

class LateExemplars final : public ExemplarStore {
 public:
    // `store` outlives this.
    void set(ExemplarStore& store) { store_.store(&store, std::memory_order_release); }

    Result<ExemplarCounts> append(std::vector<ExemplarSeries> batch,
                                  Durability durability) override;
    // None until it is set.
    std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>& selectors,
                                       const TimeRange& range) const override;

 private:
    std::atomic<ExemplarStore*> store_{nullptr};
};

}  // namespace kw::app
