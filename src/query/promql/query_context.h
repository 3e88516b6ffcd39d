// What the operators of one running query share: the store, the pool, limits, annotations, statistics, and
// the selections that were made.
//
// Limits. Samples held at once are counted against max_samples, as Prometheus counts them: what a selector
// decoded while its series is worked on, and every value of a column that is kept. Bytes of columns are
// counted against the query's memory budget. Both end the query with an error, and the first check that
// fails after a cancel or the deadline does too.
// Threads: all members from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/result.h"
#include "contract/metric_store.h"
#include "model/native_histogram.h"
#include "promql/annotations.h"
#include "promql/ast.h"
#include "promql/profile.h"
#include "promql/value.h"

namespace kw {
class ThreadPool;
}

namespace kw::promql {

// How a query is evaluated; the same for all its operators.
struct QuerySettings {
    std::string_view text;
    QueryRange range;
    int64_t lookback_ms = 300'000;
    int64_t subquery_step_ms = 60'000;  // of a subquery that names none
    uint64_t max_samples = 50'000'000;
    uint64_t max_series = 2'000'000;  // that one selector matches
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    bool delayed_name_removal = false;
    bool per_step_stats = false;
    Profile* profile = nullptr;  // set: the plan and what its operators do is recorded there
};

// One selection of series that some selectors of the query share.
struct Fetch {
    std::vector<Matcher> matchers;
    TimeRange range;
    SelectHints hints;
    Span where;  // of the first selector that asks for it
};

class QueryContext final {
 public:
    QueryContext(MetricStore& store, ThreadPool& pool, const CancelToken& cancel,
                 MemoryBudget& budget, const QuerySettings& settings, size_t step_count);
    QueryContext(const QueryContext&) = delete;
    QueryContext& operator=(const QueryContext&) = delete;

    const QuerySettings& settings() const { return settings_; }
    ThreadPool& pool() { return pool_; }
    Annotations& annotations() { return annotations_; }
    MemoryBudget& budget() { return budget_; }
    MetricStore& store() { return store_; }
    const CancelToken& cancel() const { return cancel_; }

    // Errors: kCancelled, kTimeout, in Prometheus' words.
    Result<void> check() const;

    // check(), once in a while: in a loop over series that does little with each, every time it is asked for a multiple
    // of 128.
    Result<void> check_at(size_t index) const {
        return index % 128 == 0 ? check() : Result<void>();
    }

    // Refuses at once what would not fit into the memory that is left: `bytes` are sure to be asked for by and by.
    // Errors: kExhausted.
    Result<void> expect_room(uint64_t bytes);
    // Counts what `hold` will keep, in addition to what it keeps. Errors: kExhausted.
    Result<void> keep(Hold& hold, uint64_t samples, uint64_t bytes);

    // Announces a selection before any is made; selectors with the same matchers and times that overlap share
    // one. Returns its number.
    size_t plan_fetch(const std::vector<Matcher>& matchers, const TimeRange& range,
                      const SelectHints& hints, Span where);
    // The series of a planned selection, selected when first asked for. Valid as long as this.
    Result<const SelectedSeries*> fetch(size_t number) KW_EXCLUDES(mutex_);

    // Fixed once the first fetch() is made.
    const std::vector<Fetch>& fetches() const { return fetches_; }
    bool is_fetched(size_t number) KW_EXCLUDES(mutex_);

    // Keeps a histogram for the rest of the query and gives the handle that stands for it in columns. Errors:
    // kExhausted when the query has no memory left for it.
    Result<double> put_histogram(NativeHistogram histogram) KW_EXCLUDES(histograms_mutex_);
    // Whether any histogram was put: before that no column of this query has a handle. Whoever got a column by
    // compute() sees it set when the column has one.
    bool has_histograms() const { return has_histograms_.load(std::memory_order_relaxed); }

    // Counts samples that step `step` of the query read.
    void count_samples(const StepGrid& grid, size_t step, uint64_t samples) {
        if (per_step_.empty() || !grid.is_query) return;
        per_step_[step].fetch_add(samples, std::memory_order_relaxed);
    }
    void count_samples(const StepGrid& grid, uint64_t samples) {
        if (grid.is_query) samples_total_.fetch_add(samples, std::memory_order_relaxed);
    }

    // Says that the operator that works on this thread decoded samples of the store.
    void note_decoded(uint64_t samples) {
        if (ProfileNode* const node = working_node(); node != nullptr)
            node->samples.fetch_add(samples, std::memory_order_relaxed);
    }

    uint64_t samples_total() const { return samples_total_.load(std::memory_order_relaxed); }
    uint64_t samples_peak() const { return samples_peak_.load(std::memory_order_relaxed); }
    std::vector<uint64_t> samples_per_step() const;

    // The text of `where`, cut to a readable length, for messages.
    std::string excerpt(Span where) const;

 private:
    friend class Hold;
    // The node whose operator works on this thread; null where the query is not profiled.
    ProfileNode* working_node() const;
    Error no_room(uint64_t bytes, std::string_view how) KW_EXCLUDES(mutex_);
    // What a refusal says of the selector that has the most series, and how to narrow it. Empty without one.
    std::string largest_selector() KW_EXCLUDES(mutex_);
    Result<void> count(Hold& hold, uint64_t samples, uint64_t bytes);
    size_t share_or_add_fetch(const std::vector<Matcher>& matchers, const TimeRange& range,
                              const SelectHints& hints, Span where);
    void give_back(uint64_t samples, uint64_t bytes, ProfileNode* node);

    MetricStore& store_;
    ThreadPool& pool_;
    const CancelToken& cancel_;
    MemoryBudget& budget_;
    const QuerySettings settings_;
    Annotations annotations_;
    std::atomic<uint64_t> samples_now_{0};
    std::atomic<uint64_t> samples_peak_{0};
    std::atomic<uint64_t> samples_total_{0};
    std::vector<std::atomic<uint64_t>> per_step_;  // empty unless asked for
    std::vector<Fetch> fetches_;                   // fixed once the first fetch() is made
    std::atomic<bool> has_histograms_{false};
    Mutex histograms_mutex_;
    std::deque<NativeHistogram> histograms_ KW_GUARDED_BY(histograms_mutex_);  // addresses stay
    Hold histograms_hold_ KW_GUARDED_BY(histograms_mutex_);
    Mutex mutex_;
    std::vector<std::unique_ptr<SelectedSeries>> selected_
        KW_GUARDED_BY(mutex_);  // one a fetch, or null
};

}  // namespace kw::promql
