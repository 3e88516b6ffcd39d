// The engine: evaluates a PromQL query over a MetricStore, at one time or for all steps of a range.
//
//   text ─parse()─▶ tree ─plan_*()─▶ operators ─open(), collect()─▶ columns ─▶ QueryResult
//
// The calling thread works, together with the pool. Bounded: queries at a time, samples and bytes a query and
// bytes of all queries, time. Every limit ends the query with an ordinary error.
// Threads: instant() and range() from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/environment.h"
#include "base/memory_budget.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "contract/metric_store.h"
#include "promql/ast.h"
#include "promql/parser.h"
#include "promql/value.h"

namespace kw::promql {

struct EngineOptions {
    int64_t lookback_ms = 300'000;
    int64_t timeout_ms = 120'000;
    // As Prometheus counts: samples held at once, decoded or calculated.
    uint64_t max_samples = 50'000'000;
    size_t max_concurrency = 20;  // queries that run; more wait, within their timeout
    // Columns are 8 bytes a value: 1 GiB is 11,000 steps of 12,000 series.
    uint64_t query_memory_bytes = uint64_t{1} << 30;
    uint64_t memory_bytes = uint64_t{4} << 30;  // of all queries together
    int64_t subquery_step_ms = 60'000;          // of a subquery that names none
    uint64_t max_steps = 1'000'000;   // of a range query; who answers people asks for less
    uint64_t max_series = 2'000'000;  // that one selector matches
    // Experimental features of the language, and whether metric names go only at the end.
    ParseOptions features;
    bool delayed_name_removal = false;
    // Whether the store may find series by a matcher on this label that do not have it so: then what a selector asks of it
    // says nothing of its series. Unset: never.
    std::function<bool(std::string_view label)> has_aliases{};
};

struct QueryOptions {
    std::optional<int64_t> lookback_ms;
    std::optional<int64_t> timeout_ms;  // the engine's is the most
    bool per_step_stats = false;
};

// A series of an answer. With a vector or matrix of steps: one value a step, kAbsent where there is none.
// For a range selector as an instant query (`x[5m]`): `timestamps` beside the values.
struct ResultSeries {
    LabelSet labels;
    Column values;
    std::vector<int64_t> timestamps;  // milliseconds; empty: the result's steps
    // Empty, or one a value: where set the value is this, and `values` has kAbsent.
    std::vector<std::shared_ptr<const Histogram>> histograms;

    Millis time_of(size_t i, const StepGrid& grid) const {
        return timestamps.empty() ? grid.at(i) : Millis{timestamps[i]};
    }
};

// Durations in seconds, counts as Prometheus' `stats` has them.
struct QueryStats {
    double queue_s = 0;
    double prepare_s = 0;  // parsing and planning
    double eval_s = 0;
    double total_s = 0;
    uint64_t samples_total = 0;
    uint64_t samples_peak = 0;
    std::vector<uint64_t> samples_per_step;  // with per_step_stats
};

struct QueryResult {
    ValueType type = ValueType::kVector;
    StepGrid grid;
    std::vector<ResultSeries> series;  // kVector, kMatrix
    double scalar = 0;                 // kScalar
    std::string string;                // kString
    std::vector<std::string> warnings;
    std::vector<std::string> infos;
    QueryStats stats;

    // Calls f(Millis, double) for every number of `series`.
    template <typename F>
    void each_point(const ResultSeries& one, F f) const {
        for (size_t i = 0; i < one.values.size(); ++i) {
            if (!is_absent(one.values[i])) f(one.time_of(i, grid), one.values[i]);
        }
    }
    // Calls f(Millis, const Histogram&) for every native histogram of `series`.
    template <typename F>
    void each_histogram(const ResultSeries& one, F f) const {
        for (size_t i = 0; i < one.histograms.size(); ++i) {
            if (one.histograms[i]) f(one.time_of(i, grid), *one.histograms[i]);
        }
    }
};

struct Explanation;  // explain.h

class Engine final {
 public:
    Engine(Environment& env, MetricStore& store, const EngineOptions& options);

    // The value at one time. Series are in the order of evaluation: sort() and topk() decide it.
    // Errors: kInvalid (the query, in Prometheus' words), kExhausted (a limit), kTimeout, kCancelled,
    // kUnsupported, and the store's.
    Result<QueryResult> instant(std::string_view text, Millis at, const QueryOptions& options,
                                const CancelToken& cancel);
    // The values at start, start + step_ms, … up to end. Scalars and vectors become a matrix, in the order of
    // labels. Errors: as above; kInvalid also for a step that is not positive and an end before the start.
    Result<QueryResult> range(std::string_view text, Millis start, Millis end, int64_t step_ms,
                              const QueryOptions& options, const CancelToken& cancel);

    // The plan of a query, over `range` or, without a step, at its start: as a tree, with what the index says of the
    // series that it reads. With `analyze` the query is evaluated, and the tree has what each operator did.
    // Errors: as above.
    Result<Explanation> explain(std::string_view text, const QueryRange& range, bool analyze,
                                const QueryOptions& options, const CancelToken& cancel);

    const EngineOptions& options() const { return options_; }

 private:
    class Slot;
    // The steps of `range`. Errors: kInvalid, kExhausted.
    Result<StepGrid> grid_of(const QueryRange& range) const;
    // With `explanation` the plan goes there, and the query is evaluated only when that is to be analysed.
    Result<QueryResult> run(std::string_view text, const QueryRange& range,
                            const QueryOptions& options, const CancelToken& cancel,
                            Explanation* explanation = nullptr) KW_EXCLUDES(mutex_);
    Result<void> wait_for_slot(const CancelToken& cancel) KW_EXCLUDES(mutex_);

    Environment& env_;
    MetricStore& store_;
    const EngineOptions options_;
    MemoryBudget memory_;
    Counter& queries_total_;
    Counter& samples_total_;
    HistogramMetric& eval_seconds_;
    Gauge& running_gauge_;
    Mutex mutex_;
    CondVar slot_free_;
    size_t running_ KW_GUARDED_BY(mutex_) = 0;
};

}  // namespace kw::promql
