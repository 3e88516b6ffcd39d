// What the SDK costs where it is used. Promised: a counter under 50 ns, a span under 1 µs; the
// profiler's share is BM_Work with and without it (under 2 % at 100 Hz).
#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>

#include "kilowatch/sdk.h"

namespace kilowatch {
namespace {

void BM_Counter(benchmark::State& state) {
    static Registry registry;
    Counter& counter = registry.counter("bench_total", "");
    for (auto _ : state) counter.increment();
}
BENCHMARK(BM_Counter)->Threads(1)->Threads(2);

void BM_FamilyLookUp(benchmark::State& state) {
    static Registry registry;
    auto& family = registry.counter_family("bench_total", "", {"method", "status"});
    for (auto _ : state) family.with({"GET", "200"}).increment();
}
BENCHMARK(BM_FamilyLookUp)->Threads(1)->Threads(2);

void BM_HistogramClassic(benchmark::State& state) {
    Histogram histogram({});
    for (auto _ : state) histogram.observe(0.07);
}
BENCHMARK(BM_HistogramClassic);

void BM_HistogramBothForms(benchmark::State& state) {
    Histogram histogram({.native = NativeOptions{}});
    double value = 0.001;
    for (auto _ : state) {
        histogram.observe(value);
        value = value > 10 ? 0.001 : value * 1.1;
    }
}
BENCHMARK(BM_HistogramBothForms);

// Like the exporter's take(), with a queue that is emptied now and then.
class Queue final : public SpanSink {
 public:
    bool take(std::unique_ptr<SpanData> span) override {
        spans_.push_back(std::move(span));
        if (spans_.size() == 512) spans_.clear();
        return true;
    }

 private:
    std::vector<std::unique_ptr<SpanData>> spans_;
};

void BM_Span(benchmark::State& state) {
    Queue queue;
    Tracer tracer(queue, {.environment = "production"});
    for (auto _ : state) benchmark::DoNotOptimize(tracer.start_scoped("GET /forecast"));
}
BENCHMARK(BM_Span);

void BM_SpanWithTagsAndAttributes(benchmark::State& state) {
    Queue queue;
    Tracer tracer(queue, {.environment = "production"});
    ScopedSpan root = tracer.start_scoped("root");
    root.set_tags({.request_id = "0af76519", .user_id = "user-1", .model_version = "2024-12"});
    for (auto _ : state) {
        ScopedSpan span = tracer.start_scoped("SELECT forecasts", {.kind = SpanKind::kClient});
        span->set_attribute("db.rows", 48);
        span->set_attribute("db.system", "postgresql");
    }
}
BENCHMARK(BM_SpanWithTagsAndAttributes);

void BM_SpanNotSampled(benchmark::State& state) {
    Queue queue;
    Tracer tracer(queue, {.sample_ratio = 0});
    for (auto _ : state) benchmark::DoNotOptimize(tracer.start_scoped("GET /forecast"));
}
BENCHMARK(BM_SpanNotSampled);

void BM_SpanIntoExporter(benchmark::State& state) {
    Registry registry;
    set_diagnostics({});
    OtlpOptions options{.endpoint = "http://127.0.0.1:1", .metrics = false};
    options.shutdown_timeout = std::chrono::milliseconds(0);
    OtlpExporter exporter(Resource{}, options, registry);
    Tracer tracer(exporter, {});
    for (auto _ : state) benchmark::DoNotOptimize(tracer.start_scoped("GET /forecast"));
}
BENCHMARK(BM_SpanIntoExporter);

void BM_LogLine(benchmark::State& state) {
    Registry registry;
    Logger log({.service = "api", .path = "/dev/null"}, registry);
    for (auto _ : state)
        log.info("Request processed", {{"endpoint", "/forecast"}, {"duration_ms", 45}});
}
BENCHMARK(BM_LogLine);

void BM_ProfileScope(benchmark::State& state) {
    for (auto _ : state) {
        KW_PROFILE_CPU("bench");
        benchmark::ClobberMemory();
    }
}
BENCHMARK(BM_ProfileScope);

// Some depth of stack, memory and arithmetic, as a host has it.
[[gnu::noinline]] double work(int depth, std::vector<double>& values) {
    if (depth > 0) return work(depth - 1, values) + 1;
    double sum = 0;
    for (double& value : values) {
        value = value * 1.0000001 + 1e-9;
        sum += value;
    }
    return sum;
}

// Arguments: samples a second, 0 without a profiler. Compare CPU times of long runs:
// --benchmark_min_time=5.
void BM_Work(benchmark::State& state) {
    Registry registry;
    CpuProfiler profiler({.hertz = static_cast<uint32_t>(std::max<int64_t>(state.range(0), 1))},
                         registry);
    if (state.range(0) > 0 && !profiler.start()) state.SkipWithError("no profiler");
    std::vector<double> values(20'000, 1.0);
    for (auto _ : state) benchmark::DoNotOptimize(work(30, values));
}
BENCHMARK(BM_Work)->Arg(0)->Arg(100)->Arg(1000)->MeasureProcessCPUTime()->UseRealTime();

void BM_Exposition(benchmark::State& state) {
    Registry registry;
    auto& family = registry.histogram_family("bench_seconds", "", {"path"});
    for (int i = 0; i < 1000; ++i) family.with({std::to_string(i)}).observe(i * 0.01);
    for (auto _ : state) benchmark::DoNotOptimize(expose(registry, "application/openmetrics-text"));
}
BENCHMARK(BM_Exposition)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kilowatch
