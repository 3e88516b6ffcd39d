// For tests of blocks: series in memory as the obvious model of what a block holds.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/fs/memory.h"
#include "contract/metric_store.h"
#include "model/stored_histogram.h"
#include "tsdb/block_reader.h"
#include "tsdb/block_writer.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb::testing {

struct ModelSample {
    uint64_t value_bits = 0;
    int64_t start = 0;
    HistogramPtr histogram = nullptr;
    bool operator==(const ModelSample& other) const {
        if (histogram && other.histogram)
            return start == other.start && same_sample(*histogram, *other.histogram);
        return histogram == other.histogram && value_bits == other.value_bits &&
               start == other.start;
    }
};
using ModelSeries = std::map<int64_t, ModelSample>;
using Model = std::map<LabelSet, ModelSeries>;

// The model as a source; series without samples are delivered too, which the writer skips.
class ModelSource final : public SeriesSource {
 public:
    explicit ModelSource(const Model& model) : model_(model), next_(model.begin()) {}
    Result<bool> next(LabelSet& labels, SampleColumns& samples) override {
        if (next_ == model_.end()) return false;
        labels = next_->first;
        samples.clear();
        for (const auto& [timestamp, sample] : next_->second) {
            samples.timestamps.push_back(timestamp);
            samples.values.push_back(std::bit_cast<double>(sample.value_bits));
            samples.starts.push_back(sample.start);
            samples.histograms.push_back(sample.histogram);
        }
        ++next_;
        return true;
    }

 private:
    const Model& model_;
    Model::const_iterator next_;
};

inline void add_samples(const SampleColumns& samples, ModelSeries& series) {
    for (size_t i = 0; i < samples.size(); ++i) {
        series.emplace(samples.timestamps[i],
                       ModelSample{std::bit_cast<uint64_t>(samples.values[i]),
                                   samples.starts.empty() ? 0 : samples.starts[i],
                                   samples.histograms.empty() ? nullptr : samples.histograms[i]});
    }
}

// Reads a whole block back. Reports failures to the running test.
inline Model model_of(const BlockReader& reader, const TimeRange& range = {}) {
    Model model;
    BlockCursor cursor(reader);
    SampleColumns samples;
    for (uint32_t id = 0; id < reader.series_count(); ++id) {
        const Result<LabelSet> labels = cursor.labels(id);
        EXPECT_TRUE(labels.ok()) << labels.error().message;
        samples.clear();
        const Result<void> read = cursor.read(id, range, samples);
        EXPECT_TRUE(read.ok()) << read.error().message;
        if (!labels.ok() || !read.ok()) return model;
        EXPECT_LE(samples.size(), cursor.sample_count(id, range).value_or(0));
        if (samples.size() > 0) add_samples(samples, model[labels.value()]);
    }
    return model;
}

// The samples of `model` in `range`; series without any are left out.
inline Model cut(const Model& model, const TimeRange& range) {
    Model left;
    for (const auto& [labels, series] : model) {
        for (const auto& [timestamp, sample] : series) {
            if (range.contains(Millis{timestamp})) left[labels].emplace(timestamp, sample);
        }
    }
    return left;
}

// A histogram with `count` in each of its four buckets.
inline HistogramPtr model_histogram(double count, int32_t schema) {
    Histogram made;
    made.schema = schema;
    made.zero_threshold = 0x1p-128;
    made.count = 4 * count;
    made.sum = count / 8;
    made.positive_spans = {{-3, 2}, {4, 1}};
    made.positive_buckets = {count, count, count};
    made.negative_spans = {{1, 1}};
    made.negative_buckets = {count};
    return std::make_shared<const Histogram>(std::move(made));
}

// Adds a series of histograms that grow, with floats and another layout now and then.
inline void add_histograms(Model& model, uint64_t seed, int64_t start, size_t scrapes) {
    std::mt19937_64 random(seed);
    ModelSeries& series = model[LabelSet{{"__name__", "latency"}, {"job", "node"}}];
    double count = 0;
    int32_t schema = 3;
    for (size_t i = 0; i < scrapes; ++i) {
        count += static_cast<double>(random() % 20);
        if (random() % 50 == 0) schema = static_cast<int32_t>(random() % 9);
        ModelSample sample;
        if (random() % 40 == 0) {
            sample.value_bits = std::bit_cast<uint64_t>(count);
        } else {
            sample.histogram = model_histogram(count, schema);
        }
        if (random() % 3 == 0) sample.start = start - 1;
        series.emplace(start + static_cast<int64_t>(i) * 15'000, sample);
    }
}

// Series of `targets` scraped together every 15 s from `start` for `scrapes` scrapes, as exporters
// are: with counters, decimals, constants, gaps, churn, stale markers, start timestamps, and late
// series of their own times.
inline Model random_model(uint64_t seed, size_t targets, size_t metrics, int64_t start,
                          size_t scrapes) {
    std::mt19937_64 random(seed);
    Model model;
    for (size_t target = 0; target < targets; ++target) {
        const std::string instance = fmt::format("host{}:9100", target);
        const int64_t offset = static_cast<int64_t>(random() % 15'000);
        for (size_t metric = 0; metric < metrics; ++metric) {
            const std::string name = fmt::format("metric_{}_total", metric);
            const std::string shard = fmt::format("{}", random() % 3);
            const LabelSet labels{
                {"__name__", name}, {"instance", instance}, {"job", "node"}, {"shard", shard}};
            ModelSeries& series = model[labels];
            const uint64_t kind = random() % 8;
            const size_t from = kind == 5 ? random() % scrapes : 0;
            const size_t to = kind == 6 ? random() % scrapes : scrapes;
            double value = static_cast<double>(random() % 10'000);
            for (size_t i = from; i < to; ++i) {
                int64_t timestamp = start + offset + static_cast<int64_t>(i) * 15'000;
                if (kind == 7) timestamp += static_cast<int64_t>(random() % 1000);
                if (kind == 4 && random() % 16 == 0) continue;
                value += kind == 0 ? 0 : static_cast<double>(random() % 40);
                double stored = kind == 2 ? value / 100 : value;
                if (kind == 3 && random() % 32 == 0) stored = kStaleMarker;
                series.emplace(timestamp, ModelSample{std::bit_cast<uint64_t>(stored),
                                                      kind == 1 ? start - 5000 : 0});
            }
        }
    }
    return model;
}

inline Model without_empty(Model model) {
    std::erase_if(model, [](const auto& entry) { return entry.second.empty(); });
    return model;
}

inline std::string block_name(uint64_t number) {
    return make_block_name(Millis{1'700'000'000'000 + static_cast<int64_t>(number)}, 0, number);
}

// Writes `model` as block `number` of `directory`; null when it has no samples.
inline std::shared_ptr<const BlockReader> write_model(fs::FileSystem& files,
                                                      const fs::Path& directory, uint64_t number,
                                                      const Model& model) {
    ModelSource source(model);
    BlockWriteOptions options;
    options.name = block_name(number);
    options.generation = number;
    const CancelToken cancel;
    const Result<std::optional<BlockMeta>> meta =
        write_block(files, directory, source, options, cancel);
    EXPECT_TRUE(meta.ok()) << meta.error().message;
    if (!meta.ok() || !meta->has_value()) return nullptr;
    const auto reader = BlockReader::open(files, directory, options.name);
    EXPECT_TRUE(reader.ok()) << reader.error().message;
    if (!reader.ok()) return nullptr;
    EXPECT_EQ((*reader)->meta(), **meta);
    return *reader;
}

}  // namespace kw::tsdb::testing
