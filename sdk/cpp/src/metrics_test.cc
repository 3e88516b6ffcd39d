#include "kilowatch/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "kilowatch/process_metrics.h"
#include "native_histogram.h"

namespace kilowatch {
namespace {

double value_of(const Registry& registry, std::string_view name, const Labels& labels = {}) {
    for (const FamilySnapshot& family : registry.snapshot())
        if (family.name == name)
            for (const SeriesSnapshot& series : family.series)
                if (series.labels == labels) return series.value;
    return std::numeric_limits<double>::quiet_NaN();
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Silence {  // of lines that a test provokes
 public:
    Silence() {
        set_diagnostics([this](std::string_view line) { lines.emplace_back(line); });
    }
    ~Silence() { set_diagnostics({}); }
    std::vector<std::string> lines;
};

TEST(Counter, AddsWhatThreadsCount) {
    Registry registry;
    Counter& counter = registry.counter("jobs_total", "Jobs.");
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int n = 0; n < 10'000; ++n) counter.increment();
            });
    }
    counter.add(0.5);
    EXPECT_EQ(counter.value(), 40'000.5);
}

TEST(Counter, IgnoresWhatWouldMakeItFall) {
    Counter counter;
    for (const double amount : {-1.0, 0.0, kNan, kInfinity, -kInfinity}) counter.add(amount);
    EXPECT_EQ(counter.value(), 0);
}

TEST(Gauge, GoesUpAndDown) {
    Gauge gauge;
    gauge.set(3);
    gauge.add(-5);
    gauge.increment();
    EXPECT_EQ(gauge.value(), -1);
    gauge.set_to_now();
    EXPECT_GT(gauge.value(), 1.7e9);
}

TEST(Histogram, PutsValuesIntoTheFirstBucketThatHoldsThem) {
    Histogram histogram({.bounds = {10, 1, 1, kNan, 5}});  // sorted, made unique
    for (const double value : {0.5, 1.0, 1.0001, 5.0, 10.0, 11.0}) histogram.observe(value);
    const HistogramValue value = histogram.value();
    EXPECT_THAT(value.bounds, testing::ElementsAre(1, 5, 10));
    EXPECT_THAT(value.counts, testing::ElementsAre(2, 2, 1, 1));
    EXPECT_EQ(value.count, 6u);
    EXPECT_DOUBLE_EQ(value.sum, 28.5001);
    EXPECT_FALSE(value.native);
    histogram.observe(kNan);
    EXPECT_EQ(histogram.value().counts.back(), 2u);
    EXPECT_TRUE(std::isnan(histogram.value().sum));
}

// The law of the buckets, against the definition: base^(i-1) < value <= base^i.
TEST(NativeHistogram, IndexHoldsTheValueBetweenItsBounds) {
    for (int schema = kNativeSchemaMin; schema <= kNativeSchemaMax; ++schema) {
        for (double value = 1e-6; value < 1e9; value *= 1.0371) {
            const int32_t index = native_bucket_index(value, schema);
            EXPECT_LE(value, native_bucket_bound(index, schema)) << value << " schema " << schema;
            EXPECT_GT(value, native_bucket_bound(index - 1, schema)) << value << " " << schema;
        }
        // A bound lies in the bucket that it ends.
        for (const double power : {0.25, 1.0, 16.0}) {
            const int32_t index = native_bucket_index(power, schema);
            EXPECT_LE(power, native_bucket_bound(index, schema));
            EXPECT_GT(power, native_bucket_bound(index - 1, schema));
        }
    }
    EXPECT_EQ(native_bucket_index(1.0, 3), 0);
    EXPECT_EQ(native_bucket_index(2.0, 3), 8);
    EXPECT_EQ(native_bucket_index(2.0, 0), 1);
    EXPECT_EQ(native_bucket_index(4.0, -1), 1);
}

uint64_t total(const NativeHistogramValue& value) {
    uint64_t sum = value.zero_count;
    for (const auto* buckets : {&value.positive, &value.negative})
        for (const uint64_t count : buckets->counts) sum += count;
    return sum;
}

TEST(NativeHistogram, JoinsNeighboursInsteadOfGrowing) {
    NativeHistogram histogram({.schema = 8, .buckets_max = 20});
    uint64_t observed = 0;
    for (double value = 1e-3; value < 1e3; value *= 1.5, observed += 2) {
        histogram.observe(value);
        histogram.observe(-value);
        EXPECT_LE(histogram.value().positive.counts.size(), 20u);
        EXPECT_LE(histogram.value().negative.counts.size(), 20u);
    }
    EXPECT_EQ(total(histogram.value()), observed);
    EXPECT_LT(histogram.value().schema, 2);
    // After joining, each value still lies in the bucket that its schema names.
    NativeHistogram direct({.schema = histogram.value().schema, .buckets_max = 1000});
    for (double value = 1e-3; value < 1e3; value *= 1.5) direct.observe(value);
    EXPECT_EQ(histogram.value().positive.first_index, direct.value().positive.first_index);
    EXPECT_EQ(histogram.value().positive.counts, direct.value().positive.counts);
}

TEST(NativeHistogram, TakesExtremes) {
    NativeHistogram histogram({.buckets_max = 4});
    for (const double value : {0.0, 5e-324, 1e-300, 1e300, kInfinity, -kInfinity})
        histogram.observe(value);
    histogram.observe(kNan);
    EXPECT_EQ(histogram.value().zero_count, 3u);  // at most 2^-128
    EXPECT_EQ(total(histogram.value()), 6u);
}

TEST(Histogram, HasBothFormsWhenAsked) {
    Histogram histogram({.bounds = {1, 2}, .native = NativeOptions{}});
    for (int i = 0; i < 10; ++i) histogram.observe(1.5);
    const HistogramValue value = histogram.value();
    EXPECT_THAT(value.counts, testing::ElementsAre(0, 10, 0));
    ASSERT_TRUE(value.native);
    EXPECT_EQ(total(*value.native), 10u);
    EXPECT_EQ(value.count, 10u);
}

TEST(Registry, GivesTheSameInstrumentForTheSameName) {
    Registry registry;
    EXPECT_EQ(&registry.counter("a_total", ""), &registry.counter("a_total", ""));
    EXPECT_EQ(&registry.counter("a", ""), &registry.counter("a_total", ""));  // _total is added
    auto& family = registry.counter_family("b_total", "", {"x", "y"});
    EXPECT_EQ(&family.with({"1", "2"}), &family.with({"1", "2"}));
    EXPECT_NE(&family.with({"12", ""}), &family.with({"1", "2"}));
}

TEST(Registry, RefusesWhatCannotBeExposedAndGoesOn) {
    struct Row {
        const char* why;
        std::function<Gauge&(Registry&)> make;
    };
    const auto labelled = [](std::vector<std::string> names) {
        return [names](Registry& r) -> Gauge& { return r.gauge_family("g", "", names).with({}); };
    };
    const Row rows[] = {
        {"empty name", [](Registry& r) -> Gauge& { return r.gauge("", ""); }},
        {"bad name", [](Registry& r) -> Gauge& { return r.gauge("a-b", ""); }},
        {"digit first", [](Registry& r) -> Gauge& { return r.gauge("1a", ""); }},
        {"another type", [](Registry& r) -> Gauge& { return r.gauge("taken_total", ""); }},
        {"bad label", labelled({"a-b"})},
        {"reserved label", labelled({"__a"})},
        {"label twice", labelled({"a", "a"})},
        {"too many labels", labelled(std::vector<std::string>(33, "a"))},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        Silence silence;
        Registry registry;
        registry.counter("taken_total", "").increment();
        const size_t before = registry.snapshot().size();
        row.make(registry).set(7);
        EXPECT_EQ(registry.snapshot().size(), before + 1);  // kilowatch_sdk_dropped_total
        EXPECT_EQ(value_of(registry, "kilowatch_sdk_dropped_total",
                           {{"kind", "metrics"}, {"reason", "invalid"}}),
                  1);
        EXPECT_EQ(silence.lines.size(), 1u);
    }
}

TEST(Family, SharesOneSeriesPastItsBound) {
    Registry registry;
    auto& family = registry.counter_family("requests_total", "", {"user"}, {.series_max = 2});
    family.with({"a"}).increment();
    family.with({"b"}).increment();
    family.with({"c"}).increment();
    family.with({"d"}).increment();
    family.with({"a"}).increment();
    EXPECT_EQ(value_of(registry, "requests_total", {{"user", "a"}}), 2);
    EXPECT_EQ(value_of(registry, "requests_total", {{"user", "__overflow__"}}), 2);
    EXPECT_EQ(value_of(registry, "kilowatch_sdk_dropped_total",
                       {{"kind", "series"}, {"reason", "series_max"}}),
              2);
    family.with({"a", "b"}).increment();  // not as many values as labels
    EXPECT_EQ(value_of(registry, "kilowatch_sdk_dropped_total",
                       {{"kind", "series"}, {"reason", "label_count"}}),
              1);
}

TEST(Family, MakesLabelValuesValid) {
    Registry registry;
    auto& family = registry.gauge_family("g", "", {"a"});
    family.with({"x\xff"}).set(1);
    family.with({"x\xfe"}).set(2);  // the same once it is valid: the same series
    EXPECT_EQ(value_of(registry, "g", {{"a", "x?"}}), 2);
    family.with({std::string(5000, 'y')}).set(3);
    EXPECT_EQ(value_of(registry, "g", {{"a", std::string(1024, 'y')}}), 3);
}

TEST(Family, ForgetsAndRevivesASeries) {
    Registry registry;
    auto& family = registry.gauge_family("model_version_info", "", {"version"});
    family.with({"1"}).set(1);
    EXPECT_TRUE(family.remove({"1"}));
    EXPECT_FALSE(family.remove({"1"}));
    EXPECT_FALSE(family.remove({"2"}));
    EXPECT_TRUE(std::isnan(value_of(registry, "model_version_info", {{"version", "1"}})));
    family.with({"1"}).set(1);
    EXPECT_EQ(value_of(registry, "model_version_info", {{"version", "1"}}), 1);
}

TEST(Registry, IsSafeFromManyThreads) {
    Registry registry;
    auto& counters = registry.counter_family("c_total", "", {"n"}, {.series_max = 50});
    auto& histogram = registry.histogram("h", "", {.native = NativeOptions{.buckets_max = 8}});
    constexpr int kRounds = 2000;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < kRounds; ++i) {
                    counters.with({std::to_string(i % 60)}).increment();
                    histogram.observe(0.001 * (i % 500) + t);
                    registry.gauge("g" + std::to_string(i % 20), "").add(1);
                    if (i % 100 == 0) counters.remove({std::to_string(i % 60)});
                }
            });
        for (int i = 0; i < 50; ++i) registry.snapshot();
    }
    EXPECT_EQ(histogram.value().count, 3 * kRounds);
    EXPECT_EQ(total(*histogram.value().native), 3 * kRounds);
    double counted = 0;
    double gauges = 0;
    for (int i = 0; i < 60; ++i) counters.with({std::to_string(i)}).increment(0);  // none forgotten
    for (const FamilySnapshot& family : registry.snapshot())
        for (const SeriesSnapshot& series : family.series) {
            if (family.name == "c_total") counted += series.value;
            if (family.name.starts_with("g")) gauges += series.value;
        }
    EXPECT_EQ(counted, 3 * kRounds);
    EXPECT_EQ(gauges, 3 * kRounds);
}

TEST(Registry, InfoIsOneWithItsLabels) {
    Registry registry;
    registry.info("build_info", "Build.", {{"version", "3"}, {"commit", "abc"}});
    EXPECT_EQ(value_of(registry, "build_info", {{"version", "3"}, {"commit", "abc"}}), 1);
}

TEST(Collector, IsReadAtEverySnapshotUntilItsHandleGoes) {
    Registry registry;
    int calls = 0;
    CollectorHandle handle = registry.add_collector([&](CollectorSink& sink) {
        sink.gauge("pool_free", "Free.", {{"pool", "a"}}, ++calls);
        sink.gauge("pool_free", "Free.", {{"pool", "b"}}, 5);
    });
    EXPECT_EQ(value_of(registry, "pool_free", {{"pool", "a"}}), 1);
    EXPECT_EQ(value_of(registry, "pool_free", {{"pool", "a"}}), 2);
    handle.reset();
    EXPECT_TRUE(std::isnan(value_of(registry, "pool_free", {{"pool", "a"}})));
    EXPECT_EQ(calls, 2);
}

TEST(Collector, CannotHarmTheRest) {
    Registry registry;
    registry.counter("a_total", "").increment();
    const auto throwing = registry.add_collector([](CollectorSink&) { throw 1; });
    const auto contradicting = registry.add_collector([](CollectorSink& sink) {
        sink.gauge("a_total", "", {}, 9);  // an instrument's name
        sink.gauge("no-name", "", {}, 9);
        sink.gauge("g", "", {{"x", "1"}}, 1);
        sink.gauge("g", "", {{"x", "1"}}, 9);  // the same series twice
        sink.counter("g", "", {{"x", "2"}}, 9);
    });
    EXPECT_EQ(value_of(registry, "a_total"), 1);
    EXPECT_EQ(value_of(registry, "g", {{"x", "1"}}), 1);
    EXPECT_EQ(value_of(registry, "kilowatch_sdk_dropped_total",
                       {{"kind", "metrics"}, {"reason", "collector_failed"}}),
              2);
    EXPECT_EQ(value_of(registry, "kilowatch_sdk_dropped_total",
                       {{"kind", "metrics"}, {"reason", "collector_refused"}}),
              12);  // of the three snapshots before
}

TEST(Collector, MayOutliveItsRegistry) {
    CollectorHandle handle;
    {
        Registry registry;
        handle = registry.add_collector([](CollectorSink&) {});
    }
    handle.reset();
}

TEST(ProcessMetrics, ArePlausible) {
    Registry registry;
    const auto handle = add_process_metrics(registry);
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_GE(value_of(registry, "process_cpu_seconds_total"), 0);
    EXPECT_GT(value_of(registry, "process_resident_memory_bytes"), 1e6);
    EXPECT_GT(value_of(registry, "process_virtual_memory_bytes"),
              value_of(registry, "process_resident_memory_bytes"));
    EXPECT_GE(value_of(registry, "process_open_fds"), 3);
    EXPECT_GE(value_of(registry, "process_max_fds"), value_of(registry, "process_open_fds"));
    EXPECT_GE(value_of(registry, "process_threads"), 1);
    EXPECT_NEAR(value_of(registry, "process_start_time_seconds"), now, 3600);
}

}  // namespace
}  // namespace kilowatch
