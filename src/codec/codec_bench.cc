// Size and speed of columns on what exporters send: 480 samples a column, two hours at 15 s; the
// rows with 120 samples are chunks of the head. `bytes_per_sample` is the column alone.
#include <benchmark/benchmark.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>

#include "codec/bit_packing.h"
#include "codec/compress.h"
#include "codec/timestamps.h"
#include "codec/values.h"

namespace kw::codec {
namespace {

enum class Shape : int {
    kConstant,         // limits, build info, most labels' zeros
    kCounterInteger,   // requests: Poisson, some 40 a scrape
    kCounterSlow,      // errors: one in 20 scrapes
    kCounterDecimal,   // CPU seconds: 2 digits
    kCounterBytes,     // network bytes, bursts
    kGaugeDecimal,     // load, 2 digits
    kGaugeBytes,       // memory, pages of 4096
    kHistogramBucket,  // mostly unchanged, then in bursts
    kCounterReset,     // two restarts
    kSumOfSeconds,     // of durations in nanoseconds
    kDouble,           // 17 digits: recording rules
    kCount
};

constexpr std::array<const char*, static_cast<size_t>(Shape::kCount)> kNames = {
    "constant",      "counter_integer", "counter_slow", "counter_decimal",
    "counter_bytes", "gauge_decimal",   "gauge_bytes",  "histogram_bucket",
    "counter_reset", "sum_of_seconds",  "double"};

std::vector<double> generate(Shape shape, size_t count, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::poisson_distribution<int> requests(40);
    std::normal_distribution<double> normal;
    std::exponential_distribution<double> bursts(1.0 / 2e5);
    std::vector<double> values;
    double state = static_cast<double>(random() % 1'000'000);
    for (size_t i = 0; i < count; ++i) {
        switch (shape) {
            case Shape::kConstant: break;
            case Shape::kCounterInteger: state += requests(random); break;
            case Shape::kCounterSlow: state += random() % 20 == 0 ? 1 : 0; break;
            case Shape::kCounterDecimal: state += static_cast<double>(1300 + random() % 150); break;
            case Shape::kCounterBytes: state += std::floor(bursts(random)); break;
            case Shape::kGaugeDecimal:
                state = std::abs(std::round(state * 0.9 + normal(random) * 5));
                break;
            case Shape::kGaugeBytes:
                state = std::max(0.0, state + std::round(normal(random) * 30));
                break;
            case Shape::kHistogramBucket:
                if (i % 64 > 50) state += static_cast<double>(random() % 4);
                break;
            case Shape::kCounterReset:
                state = i == 100 || i == 333 ? 0 : state + requests(random);
                break;
            case Shape::kSumOfSeconds:
                for (int n = 0; n < 10; ++n) {
                    state += static_cast<double>(random() % 50'000'000) / 1e9;
                }
                break;
            case Shape::kDouble: state += normal(random); break;
            case Shape::kCount: break;
        }
        const bool hundredths = shape == Shape::kCounterDecimal || shape == Shape::kGaugeDecimal;
        values.push_back(hundredths                    ? state / 100
                         : shape == Shape::kGaugeBytes ? state * 4096
                                                       : state);
    }
    return values;
}

void encode(benchmark::State& state) {
    const auto shape = static_cast<Shape>(state.range(0));
    const auto values = generate(shape, static_cast<size_t>(state.range(1)), 1);
    Bytes bytes;
    for (auto _ : state) {
        bytes.clear();
        encode_values(values, bytes);
        benchmark::DoNotOptimize(bytes.data());
    }
    state.SetLabel(kNames[static_cast<size_t>(shape)]);
    state.SetItemsProcessed(static_cast<int64_t>(values.size() * state.iterations()));
    state.counters["bytes_per_sample"] =
        static_cast<double>(bytes.size()) / static_cast<double>(values.size());
}

void decode(benchmark::State& state) {
    const auto shape = static_cast<Shape>(state.range(0));
    const auto values = generate(shape, static_cast<size_t>(state.range(1)), 1);
    Bytes bytes;
    encode_values(values, bytes);
    std::vector<double> out(values.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(decode_values(bytes, out).ok());
        benchmark::DoNotOptimize(out.data());
    }
    state.SetLabel(kNames[static_cast<size_t>(shape)]);
    state.SetItemsProcessed(static_cast<int64_t>(values.size() * state.iterations()));
}

void unpack(benchmark::State& state) {
    const auto width = static_cast<unsigned>(state.range(0));
    std::mt19937_64 random(1);
    std::array<uint64_t, kPackValuesMax> values;
    for (uint64_t& value : values) value = random();
    Bytes bytes;
    pack_bits(values.data(), values.size(), width, bytes);
    bytes.resize(bytes.size() + kUnpackSlackBytes);
    for (auto _ : state) {
        unpack_bits(bytes.data(), values.size(), width, values.data());
        benchmark::DoNotOptimize(values.data());
    }
    state.SetItemsProcessed(static_cast<int64_t>(values.size() * state.iterations()));
}

// What zstd still finds in pages of 64 neighbouring columns of one shape, as a block has them.
void compress_pages(benchmark::State& state) {
    const auto shape = static_cast<Shape>(state.range(0));
    Bytes page, compressed;
    for (uint64_t series = 0; series < 64; ++series) {
        encode_values(generate(shape, 480, series), page);
    }
    for (auto _ : state) {
        compressed.clear();
        compress(page, 3, compressed);
        benchmark::DoNotOptimize(compressed.data());
    }
    state.SetLabel(kNames[static_cast<size_t>(shape)]);
    state.counters["bytes_per_sample"] = static_cast<double>(page.size()) / (64 * 480);
    state.counters["compressed"] = static_cast<double>(compressed.size()) / (64 * 480);
}

void all_shapes(benchmark::internal::Benchmark* bench) {
    for (int shape = 0; shape < static_cast<int>(Shape::kCount); ++shape) {
        for (const int count : {120, 480}) bench->Args({shape, count});
    }
}

BENCHMARK(encode)->Apply(all_shapes);
BENCHMARK(decode)->Apply(all_shapes);
BENCHMARK(unpack)->Arg(1)->Arg(7)->Arg(13)->Arg(31)->Arg(57)->Arg(61);
BENCHMARK(compress_pages)->DenseRange(0, static_cast<int>(Shape::kCount) - 1);

}  // namespace
}  // namespace kw::codec
