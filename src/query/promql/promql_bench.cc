// Speed of evaluation over a store in memory: what a query costs beside reading.
#include <benchmark/benchmark.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "contract/memory_store.h"
#include "promql/engine.h"

namespace kw::promql {
namespace {

constexpr int64_t kHourMs = 3'600'000;

// 1,000 counters with a sample every 15 s for two hours, in 20 jobs.
struct World {
    World()
        : pool("bench", 1),
          env{clock, files, log, metrics, pool},
          engine(env, store, EngineOptions()) {
        for (int series = 0; series < 1000; ++series) {
            const std::string job = std::to_string(series % 20);
            const std::string instance = std::to_string(series);
            const LabelSet labels{{"__name__", "x_total"}, {"instance", instance}, {"job", job}};
            double value = 0;
            for (int64_t t = 0; t <= 2 * kHourMs; t += 15'000) {
                store.add(labels, Millis{t}, value);
                value += static_cast<double>((t / 15'000 * 7 + series) % 13);
            }
        }
    }
    RealClock clock;
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool;
    Environment env;
    MemoryStore store;
    Engine engine;
};

void range_query(benchmark::State& state, const char* query) {
    static World world;
    const CancelToken cancel;
    uint64_t samples = 0;
    for (auto _ : state) {
        const auto result =
            world.engine.range(query, Millis{kHourMs}, Millis{2 * kHourMs}, 15'000, {}, cancel);
        if (!result.ok()) {
            state.SkipWithError(result.error().message.c_str());
            return;
        }
        samples += result->stats.samples_total;
    }
    state.counters["samples/s"] =
        benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(range_query, selector, "x_total")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(range_query, sum_rate, "sum by (job) (rate(x_total[5m]))")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(range_query, max_over_1h, "max(max_over_time(x_total[1h]))")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(range_query, avg_over_1h, "avg(avg_over_time(x_total[1h]))")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(range_query, quantile_5m, "max(quantile_over_time(0.9, x_total[5m]))")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(range_query, join, "x_total / on (job) group_left sum by (job) (x_total)")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(range_query, subquery, "sum(max_over_time(rate(x_total[1m])[10m:1m]))")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kw::promql
