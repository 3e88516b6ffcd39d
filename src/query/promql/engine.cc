#include "promql/engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "base/interruptible_sort.h"
#include "base/metrics.h"
#include "promql/explain.h"
#include "promql/label_sets.h"
#include "promql/op_rollup.h"
#include "promql/plan.h"
#include "promql/profile.h"
#include "promql/push_matchers.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

// Times beyond this are no times of samples, and sums of a few of them fit int64.
constexpr int64_t kTimeMsMax = int64_t{1} << 60;

double seconds_between(int64_t from_ns, int64_t to_ns) {
    return static_cast<double>(to_ns - from_ns) / 1e9;
}

// What is marked to lose its name loses it, now that nobody needs it any more.
Result<void> remove_names(const QueryContext& context, StepVector& vector) {
    bool any = false;
    for (size_t i = 0; i < vector.series.size(); ++i) {
        KW_TRY(context.check_at(i));
        StepSeries& series = vector.series[i];
        if (!series.drop_name) continue;
        series.labels = without_name(series.labels);
        series.drop_name = false;
        any = true;
    }
    return any ? merge_same_labels(context, vector) : Result<void>();
}

// Puts the histograms of an answer in the place of their handles, which end with the query.
void take_histograms(ResultSeries& series) {
    for (size_t i = 0; i < series.values.size(); ++i) {
        double& value = series.values[i];
        if (!is_histogram(value)) continue;
        series.histograms.resize(series.values.size());
        series.histograms[i] = std::make_shared<const Histogram>(to_stored(histogram_at(value)));
        value = kAbsent;
    }
}

std::vector<ResultSeries> series_of(StepVector vector) {
    std::vector<ResultSeries> out;
    out.reserve(vector.series.size());
    for (StepSeries& series : vector.series) {
        out.push_back({std::move(series.labels), std::move(series.values), {}, {}});
    }
    return out;
}

// `x[5m]` as a query: the samples in the only window.
Result<std::vector<ResultSeries>> samples_of(QueryContext& context, const StepGrid& grid,
                                             const RangeOperator& range) {
    KW_TRY_ASSIGN(const std::unique_ptr<RangeStream> stream, range.open(context, grid));
    std::vector<ResultSeries> all(stream->size());
    std::vector<Hold> holds(stream->size());
    KW_TRY(
        for_each_series(context, stream->size(), [&](size_t i, Scratch& scratch) -> Result<void> {
            KW_TRY(stream->read(i, scratch));
            const SampleColumns& samples = scratch.samples;
            place_windows(samples.timestamps, stream->windows(), scratch.windows);
            const Window window = scratch.windows[0];
            KW_TRY(context.keep(holds[i], window.size(), window.size() * 16));
            context.count_samples(grid, window.size());
            context.count_samples(grid, 0, window.size());
            ResultSeries& out = all[i];
            out.labels =
                stream->drops_name(i) ? without_name(stream->labels(i)) : stream->labels(i);
            out.timestamps.assign(samples.timestamps.begin() + window.begin,
                                  samples.timestamps.begin() + window.end);
            out.values.assign(samples.values.begin() + window.begin,
                              samples.values.begin() + window.end);
            return {};
        }));
    std::erase_if(all, [](const ResultSeries& series) { return series.values.empty(); });
    return all;
}

// While the answer is gathered, what is not done by operators is the work of the topmost.
class Gathering final {
 public:
    explicit Gathering(QueryContext& context) {
        if (Profile* const profile = context.settings().profile; profile != nullptr)
            time_.emplace(profile->root());
    }

 private:
    std::optional<ChargedTime> time_;
};

Result<void> evaluate(QueryContext& context, const Expr& expr, const StepGrid& grid,
                      bool is_instant, QueryResult& result) {
    switch (expr.type) {
        case ValueType::kString: {
            const auto* literal = strip_parens(expr).as<StringLiteral>();
            KW_CHECK(literal != nullptr);
            result.string = literal->value;
            return {};
        }
        case ValueType::kScalar: {
            KW_TRY_ASSIGN(const auto scalar, plan_scalar(context, expr, grid));
            Hold hold;
            KW_TRY_ASSIGN(Column values, scalar->run(context, grid, hold));
            if (is_instant)
                result.scalar = values[0];
            else
                result.series.push_back({LabelSet(), std::move(values), {}, {}});
            return {};
        }
        case ValueType::kMatrix: {
            KW_TRY_ASSIGN(const auto range, plan_range(context, expr, grid));
            const Gathering gathering(context);
            KW_TRY_ASSIGN(result.series, samples_of(context, grid, *range));
            return {};
        }
        case ValueType::kVector: {
            KW_TRY_ASSIGN(const auto vector, plan_vector(context, expr, grid));
            const Gathering gathering(context);
            KW_TRY_ASSIGN(StepVector values, collect(context, grid, *vector));
            KW_TRY(remove_names(context, values));
            result.series = series_of(std::move(values));
            return {};
        }
        case ValueType::kNone: break;
    }
    return internal_error("an expression without a type");
}

// Plans what evaluate() would, for the profile's sake.
Result<void> plan_only(QueryContext& context, const Expr& expr, const StepGrid& grid) {
    switch (expr.type) {
        case ValueType::kScalar: KW_TRY(plan_scalar(context, expr, grid)); break;
        case ValueType::kMatrix: KW_TRY(plan_range(context, expr, grid)); break;
        case ValueType::kVector: KW_TRY(plan_vector(context, expr, grid)); break;
        case ValueType::kString:
        case ValueType::kNone: break;
    }
    return {};
}

bool by_labels(const ResultSeries& a, const ResultSeries& b) { return a.labels < b.labels; }

}  // namespace

// A running query's place among max_concurrency.
class Engine::Slot final {
 public:
    explicit Slot(Engine& engine) : engine_(engine) { engine_.running_gauge_.add(1); }
    ~Slot() {
        engine_.running_gauge_.add(-1);
        {
            MutexLock lock(engine_.mutex_);
            --engine_.running_;
        }
        engine_.slot_free_.notify_one();
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

 private:
    Engine& engine_;
};

Engine::Engine(Environment& env, MetricStore& store, const EngineOptions& options)
    : env_(env),
      store_(store),
      options_(options),
      memory_(options.memory_bytes),
      queries_total_(env.metrics.counter("prometheus_engine_queries_total", "Queries evaluated.")),
      samples_total_(env.metrics.counter("prometheus_engine_query_samples_total",
                                         "The total number of samples loaded by all queries.")),
      eval_seconds_(env.metrics.histogram(
          "kilowatch_engine_query_duration_seconds", "Duration of queries.",
          {.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, {{"slice", "inner_eval"}})),
      running_gauge_(env.metrics.gauge("prometheus_engine_queries",
                                       "The current number of queries being executed.")) {
    env.metrics
        .gauge("prometheus_engine_queries_concurrent_max", "The max number of concurrent queries.")
        .set(static_cast<double>(options_.max_concurrency));
}

Result<void> Engine::wait_for_slot(const CancelToken& cancel) {
    MutexLock lock(mutex_);
    while (running_ >= options_.max_concurrency) {
        Result<void> going = cancel.check();
        if (!going.ok()) {
            if (going.error().code == Code::kTimeout)
                return timed_out("query timed out in query queue");
            return cancelled("query was canceled in query queue");
        }
        // Woken when a query ends; looks for a cancel meanwhile.
        slot_free_.wait_for(mutex_, std::chrono::milliseconds(50));
    }
    ++running_;
    return {};
}

Result<QueryResult> Engine::instant(std::string_view text, Millis at, const QueryOptions& options,
                                    const CancelToken& cancel) {
    return run(text, {at, at, 0}, options, cancel);
}

Result<QueryResult> Engine::range(std::string_view text, Millis start, Millis end, int64_t step_ms,
                                  const QueryOptions& options, const CancelToken& cancel) {
    if (step_ms <= 0) return invalid("a range query needs a positive step, not {} ms", step_ms);
    return run(text, {start, end, step_ms}, options, cancel);
}

Result<Explanation> Engine::explain(std::string_view text, const QueryRange& range, bool analyze,
                                    const QueryOptions& options, const CancelToken& cancel) {
    Explanation explanation;
    explanation.is_analyzed = analyze;
    KW_TRY_ASSIGN(explanation.result, run(text, range, options, cancel, &explanation));
    explanation.series_count = explanation.result.series.size();
    return explanation;
}

Result<StepGrid> Engine::grid_of(const QueryRange& range) const {
    if (range.end < range.start) return invalid("end timestamp must not be before start time");
    if (range.start.count < -kTimeMsMax || range.end.count > kTimeMsMax)
        return invalid("time is out of range");
    if (range.step_ms < 0)
        return invalid("a range query needs a positive step, not {} ms", range.step_ms);
    if (range.step_ms == 0) return StepGrid{range.start, 1, 1, true};
    const uint64_t count = static_cast<uint64_t>((range.end - range.start) / range.step_ms) + 1;
    if (count > options_.max_steps) {
        return exhausted("the range has {} steps, more than the limit of {}: choose a longer step",
                         count, options_.max_steps);
    }
    return StepGrid{range.start, range.step_ms, count, true};
}

Result<QueryResult> Engine::run(std::string_view text, const QueryRange& range,
                                const QueryOptions& options, const CancelToken& cancel,
                                Explanation* explanation) {
    KW_TRY_ASSIGN(const StepGrid grid, grid_of(range));
    const int64_t began_ns = env_.clock.steady_ns();
    const auto began = std::chrono::steady_clock::now();
    const int64_t timeout_ms =
        std::min(options.timeout_ms.value_or(options_.timeout_ms), options_.timeout_ms);
    const CancelToken within(cancel, std::chrono::milliseconds(std::max<int64_t>(timeout_ms, 0)));
    KW_TRY(wait_for_slot(within));
    const Slot slot(*this);
    queries_total_.add();

    QueryResult result;
    const int64_t parse_ns = env_.clock.steady_ns();
    result.stats.queue_s = seconds_between(began_ns, parse_ns);
    KW_TRY_ASSIGN(const ExprPtr expr, parse(text, options_.features));
    KW_TRY(resolve_durations(*expr, range, text));
    push_matchers(*expr, options_.has_aliases);
    const bool is_instant = range.step_ms == 0;
    if (!is_instant && expr->type != ValueType::kVector && expr->type != ValueType::kScalar) {
        return invalid(
            "invalid expression type {} for range query, must be Scalar or instant Vector",
            expr->type == ValueType::kString ? "\"string\"" : "\"range vector\"");
    }
    result.grid = grid;
    result.type = is_instant ? expr->type : ValueType::kMatrix;

    MemoryBudget memory(options_.query_memory_bytes, &memory_);
    QuerySettings settings;
    settings.text = text;
    settings.range = range;
    settings.lookback_ms = options.lookback_ms.value_or(options_.lookback_ms);
    settings.subquery_step_ms = options_.subquery_step_ms;
    settings.max_samples = options_.max_samples;
    settings.max_series = options_.max_series;
    settings.deadline = began + std::chrono::milliseconds(std::max<int64_t>(timeout_ms, 0));
    settings.delayed_name_removal = options_.delayed_name_removal;
    settings.per_step_stats = options.per_step_stats;
    Profile profile;
    if (explanation != nullptr) settings.profile = &profile;
    const int64_t eval_ns = env_.clock.steady_ns();
    result.stats.prepare_s = seconds_between(parse_ns, eval_ns);
    QueryContext context(store_, env_.pool, within, memory, settings, grid.count);
    if (explanation != nullptr && !explanation->is_analyzed) {
        KW_TRY(plan_only(context, *expr, grid));
    } else {
        KW_TRY(evaluate(context, *expr, grid, is_instant, result));
    }
    if (context.has_histograms()) {
        for (ResultSeries& series : result.series) take_histograms(series);
    }
    if (!is_instant || expr->type == ValueType::kMatrix) {
        if (!interruptible_sort(result.series, within, by_labels).ok()) KW_TRY(context.check());
    }
    const int64_t end_ns = env_.clock.steady_ns();
    if (explanation != nullptr) {
        // A literal has no operator.
        if (profile.root() == nullptr) PlanScope(&profile, strip_parens(*expr), grid, true);
        KW_TRY(explain_into(context, profile, *explanation));
        explanation->bytes_peak = memory.peak_bytes();
    }

    result.warnings = context.annotations().warnings();
    result.infos = context.annotations().infos();
    result.stats.eval_s = seconds_between(eval_ns, end_ns);
    result.stats.total_s = seconds_between(began_ns, end_ns);
    result.stats.samples_total = context.samples_total();
    result.stats.samples_peak = context.samples_peak();
    result.stats.samples_per_step = context.samples_per_step();
    samples_total_.add(result.stats.samples_total);
    eval_seconds_.observe(result.stats.eval_s);
    return result;
}

}  // namespace kw::promql
