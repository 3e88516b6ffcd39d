#include "app/late_store.h"

namespace kw::app {
namespace {

Error not_open() { return unavailable("starting: the write-ahead log is being replayed"); }

}  // namespace

void LateStore::set(MetricStore& store, std::function<bool()> is_writable) {
    is_writable_ = std::move(is_writable);
    store_.store(&store, std::memory_order_release);
}

Result<MetricStore*> LateStore::get() const {
    MetricStore* const store = store_.load(std::memory_order_acquire);
    if (store == nullptr) return not_open();
    return store;
}

Result<SeriesRef> LateStore::ref_of(const LabelSet& labels) {
    KW_TRY_ASSIGN(MetricStore* const store, get());
    return store->ref_of(labels);
}

Result<AppendResult> LateStore::append(const SampleBatch& batch) {
    KW_TRY_ASSIGN(MetricStore* const store, get());
    return store->append(batch);
}

Result<std::unique_ptr<SelectedSeries>> LateStore::select(const std::vector<Matcher>& matchers,
                                                          const TimeRange& range,
                                                          const SelectHints& hints,
                                                          const CancelToken& cancel,
                                                          MemoryBudget& budget) {
    KW_TRY_ASSIGN(MetricStore* const store, get());
    return store->select(matchers, range, hints, cancel, budget);
}

Result<std::vector<std::string>> LateStore::label_names(const std::vector<Matcher>& matchers,
                                                        const TimeRange& range, uint64_t limit,
                                                        const CancelToken& cancel) {
    KW_TRY_ASSIGN(MetricStore* const store, get());
    return store->label_names(matchers, range, limit, cancel);
}

Result<std::vector<std::string>> LateStore::label_values(std::string_view name,
                                                         const std::vector<Matcher>& matchers,
                                                         const TimeRange& range, uint64_t limit,
                                                         const CancelToken& cancel) {
    KW_TRY_ASSIGN(MetricStore* const store, get());
    return store->label_values(name, matchers, range, limit, cancel);
}

Result<StoreStats> LateStore::stats(uint64_t limit) {
    KW_TRY_ASSIGN(MetricStore* const store, get());
    return store->stats(limit);
}

Result<ExemplarCounts> LateExemplars::append(std::vector<ExemplarSeries> batch,
                                             Durability durability) {
    ExemplarStore* const store = store_.load(std::memory_order_acquire);
    if (store == nullptr) return not_open();
    return store->append(std::move(batch), durability);
}

std::vector<ExemplarSeries> LateExemplars::select(
    const std::vector<std::vector<Matcher>>& selectors, const TimeRange& range) const {
    const ExemplarStore* const store = store_.load(std::memory_order_acquire);
    return store == nullptr ? std::vector<ExemplarSeries>() : store->select(selectors, range);
}

}  // namespace kw::app
