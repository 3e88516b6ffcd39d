// Size and speed of blocks of two hours at 15 s, of series mixed as a node_exporter and an application have
// them: half never change, the rest are counters, gauges and histograms. Counters give bytes a sample of
// the whole block and of its index, and, for reading, nanoseconds a sample.
#include <benchmark/benchmark.h>

#include <roaring/roaring.hh>

#include <random>

#include "base/cancel.h"
#include "base/fs/memory.h"
#include "contract/metric_store.h"
#include "model/matcher.h"
#include "tsdb/block_reader.h"
#include "tsdb/block_writer.h"

namespace kw::tsdb {
namespace {

constexpr int64_t kStart = 1'732'204'800'000;
constexpr size_t kScrapes = 480;
constexpr size_t kMetrics = 500;

// Series in label order, made one after the other.
class Exporters final : public SeriesSource {
 public:
    explicit Exporters(size_t targets) : targets_(targets) {}

    Result<bool> next(LabelSet& labels, SampleColumns& samples) override {
        if (index_ == kMetrics * targets_) return false;
        const size_t metric = index_ / targets_;
        const size_t target = index_ % targets_;
        ++index_;
        const std::string name = fmt::format("node_subsystem_{:03}_total", metric / 4);
        const std::string device = fmt::format("device{}", metric % 4);
        const std::string instance = fmt::format("host-{:05}.example.org:9100", target);
        // Labels sort by name, so the four devices of a metric follow each other for each target.
        labels = LabelSet{{"__name__", fmt::format("{}_{}", name, metric % 4)},
                          {"device", device},
                          {"instance", instance},
                          {"job", "node"}};
        samples.clear();
        std::mt19937_64 random(metric * 1'000'003 + target);
        std::poisson_distribution<int> events(40);
        std::normal_distribution<double> normal;
        double state = static_cast<double>(random() % 1'000'000);
        for (size_t i = 0; i < kScrapes; ++i) {
            samples.timestamps.push_back(kStart +
                                         static_cast<int64_t>(target * 7919 % 15'000 + i * 15'000));
            switch (metric % 20) {
                case 0: state += events(random); break;
                case 1: state += static_cast<double>(random() % 200'000); break;
                case 2:
                case 3: state += static_cast<double>(1300 + random() % 150); break;
                case 4: state = std::round(state * 0.9 + normal(random) * 5); break;
                case 5: state = std::max(0.0, state + std::round(normal(random) * 30)); break;
                case 6:
                case 7:
                case 8:
                case 9: state += i % 64 > 50 ? static_cast<double>(random() % 4) : 0; break;
                default: break;  // never changes
            }
            const size_t kind = metric % 20;
            samples.values.push_back(kind >= 2 && kind <= 4 ? state / 100
                                     : kind == 5            ? state * 4096
                                                            : state);
        }
        return true;
    }

 private:
    const size_t targets_;
    size_t index_ = 0;
};

struct Written {
    fs::MemoryFileSystem files;
    BlockMeta meta;
};

std::unique_ptr<Written> write(size_t targets, int level) {
    auto written = std::make_unique<Written>();
    BlockWriteOptions options;
    options.name = make_block_name(Millis{kStart}, 0, 1);
    options.compression_level = level;
    const CancelToken cancel;
    Exporters source(targets);
    if (!written->files.create_directories("blocks").ok()) return nullptr;
    auto meta = write_block(written->files, "blocks", source, options, cancel);
    if (!meta.ok() || !meta->has_value()) return nullptr;
    written->meta = **meta;
    return written;
}

void write_blocks(benchmark::State& state) {
    std::unique_ptr<Written> written;
    for (auto _ : state) {
        written = write(static_cast<size_t>(state.range(0)), static_cast<int>(state.range(1)));
    }
    const BlockMeta& meta = written->meta;
    const auto samples = static_cast<double>(meta.sample_count);
    state.counters["bytes_per_sample"] = static_cast<double>(meta.total_bytes()) / samples;
    state.counters["index_bytes_per_sample"] = static_cast<double>(meta.index_bytes) / samples;
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(meta.sample_count));
}

void read_blocks(benchmark::State& state) {
    const auto written = write(static_cast<size_t>(state.range(0)), 3);
    const auto reader = BlockReader::open(written->files, "blocks", written->meta.name).value();
    SampleColumns samples;
    for (auto _ : state) {
        BlockCursor cursor(*reader);
        for (uint32_t id = 0; id < reader->series_count(); ++id) {
            samples.clear();
            benchmark::DoNotOptimize(cursor.read(id, TimeRange{}, samples).ok());
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(written->meta.sample_count));
}

// One series found by its labels and read, as an alert does: pages are decompressed for it alone.
void find_one_series(benchmark::State& state) {
    const auto written = write(static_cast<size_t>(state.range(0)), 3);
    const auto reader = BlockReader::open(written->files, "blocks", written->meta.name).value();
    const std::vector<Matcher> matchers = {
        Matcher::equal("__name__", "node_subsystem_000_total_1"),
        Matcher::make(MatchOp::kRegex, "instance", "host-00003.*").value()};
    const CancelToken cancel;
    SampleColumns samples;
    for (auto _ : state) {
        const Result<Roaring> ids = evaluate(*reader, matchers, cancel);
        BlockCursor cursor(*reader);
        samples.clear();
        for (const uint32_t id : ids.value()) {
            benchmark::DoNotOptimize(cursor.labels(id).ok());
            benchmark::DoNotOptimize(cursor.read(id, TimeRange{}, samples).ok());
        }
    }
}

void open_block(benchmark::State& state) {
    const auto written = write(static_cast<size_t>(state.range(0)), 3);
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            BlockReader::open(written->files, "blocks", written->meta.name).ok());
    }
}

BENCHMARK(write_blocks)->Args({50, 1})->Args({50, 3})->Args({50, 9})->Unit(benchmark::kMillisecond);
BENCHMARK(read_blocks)->Arg(50)->Unit(benchmark::kMillisecond);
BENCHMARK(find_one_series)->Arg(50)->Unit(benchmark::kMicrosecond);
BENCHMARK(open_block)->Arg(50)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kw::tsdb
