#include "tsdb/wal_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/stored_histogram.h"

namespace kw::tsdb {
namespace {

struct Columns {
    std::vector<SeriesRef> series;
    std::vector<Millis> timestamps;
    std::vector<double> values;
    std::vector<Millis> starts;
    std::vector<HistogramPtr> histograms;
    ShardRows rows() const { return {series, timestamps, values, starts, histograms}; }
};

uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }

Columns of_values(const std::vector<double>& values) {
    Columns columns;
    for (size_t i = 0; i < values.size(); ++i)
        columns.series.push_back({make_series_id(100 + i, 3)});
    columns.timestamps = {Millis{1'700'000'000'000}};
    columns.values = values;
    return columns;
}

void expect_same(const Columns& want, const DecodedSamples& got) {
    EXPECT_EQ(want.series, got.series);
    EXPECT_EQ(want.timestamps, got.timestamps);
    EXPECT_EQ(want.starts, got.starts);
    ASSERT_EQ(want.histograms.size(), got.histograms.size());
    for (size_t i = 0; i < want.histograms.size(); ++i) {
        ASSERT_EQ(want.histograms[i] == nullptr, got.histograms[i] == nullptr);
        if (want.histograms[i]) EXPECT_TRUE(same_sample(*want.histograms[i], *got.histograms[i]));
    }
    ASSERT_EQ(want.values.size(), got.values.size());
    for (size_t i = 0; i < want.values.size(); ++i) {
        EXPECT_EQ(bits(want.values[i]), bits(got.values[i])) << want.values[i];
    }
}

TEST(WalRecord, EveryValueComesBackBitForBit) {
    const double inf = std::numeric_limits<double>::infinity();
    std::vector<double> values = {0,
                                  -0.0,
                                  1,
                                  -1,
                                  127,
                                  128,
                                  1e15,
                                  9007199254740991,
                                  9007199254740992,
                                  -9007199254740991,
                                  1e22,
                                  0.5,
                                  0.1,
                                  12.25,
                                  99.99,
                                  0.000123,
                                  1234567.891,
                                  1e-9,
                                  3.14159265358979,
                                  1e300,
                                  5e-324,
                                  -0.001,
                                  inf,
                                  -inf,
                                  kStaleMarker,
                                  kNormalNan,
                                  std::bit_cast<double>(uint64_t{0xfff8000000000000}),
                                  std::bit_cast<double>(uint64_t{0x7ff0000000000001})};
    std::mt19937_64 random(7);
    for (int i = 0; i < 2000; ++i) {
        values.push_back(std::bit_cast<double>(random()));
        values.push_back(static_cast<double>(random() % 100'000'000) / 1000);
        values.push_back(static_cast<double>(random() % 100'000'000) / 1e9);
        values.push_back(static_cast<double>(random() >> (random() % 64)));
    }
    const Columns columns = of_values(values);
    DecodedSamples got;
    ASSERT_TRUE(decode_samples(encode_samples(columns.rows(), {}), got).ok());
    expect_same(columns, got);
}

TEST(WalRecord, GoldenBytes) {
    Columns columns = of_values({1, 0.5, 12.25, 0});
    columns.timestamps = {Millis{1000}};
    // kind, flags, shard, rows; one run of serials from 100; the time; codes; 1, 0.5, 12.25 (its high bytes)
    const Bytes want = {2,    1,    3, 4,    0xc8, 1,    3,    0xd0, 0x0f,
                        0x81, 0x09, 2, 0xe0, 0x3f, 0x80, 0x28, 0x40};
    const Bytes got = encode_samples(columns.rows(), {});
    EXPECT_EQ(got, want);
    DecodedSamples decoded;
    ASSERT_TRUE(decode_samples(want, decoded).ok());
    expect_same(columns, decoded);
}

HistogramPtr histogram_of(double count) {
    Histogram made;
    made.schema = -1;
    made.zero_threshold = 0x1p-128;
    made.count = count;
    made.sum = 0.5;
    made.positive_spans = {{3, 1}};
    made.positive_buckets = {count};
    return std::make_shared<const Histogram>(made);
}

TEST(WalRecord, GoldenBytesWithHistograms) {
    Columns columns = of_values({1, 0});
    columns.timestamps = {Millis{1000}};
    columns.histograms = {nullptr, histogram_of(7)};
    // kind, flags, shard, rows; one run of serials from 100; the time; codes; 1. Then slots 1 … 1; one by row;
    // schema, threshold; spans; no bounds; hint; count, sum, zero count, bucket: each a constant.
    const Bytes want = {3, 1, 3, 2, 0xc8, 1, 1, 0xd0, 0x0f, 0x01, 2, 1, 1,
                        1, 1, 0, 1, 1,    1, 6, 1,    0,    0,    0, 5, 14,
                        4, 0, 0, 0, 0,    0, 0, 0xe0, 0x3f, 5,    0, 5, 14};
    EXPECT_EQ(encode_samples(columns.rows(), {}), want);
    DecodedSamples decoded;
    ASSERT_TRUE(decode_samples(want, decoded).ok());
    expect_same(columns, decoded);
    EXPECT_EQ(wal_record_kind(want).value(), WalRecordKind::kMixedSamples);
}

TEST(WalRecord, OnlyFloatsLeftAreAnOrdinaryRecord) {
    Columns columns = of_values({1, 0});
    columns.histograms = {nullptr, histogram_of(7)};
    const Bytes record = encode_samples(columns.rows(), {{1, RowVerdict::kConflict}});
    EXPECT_EQ(wal_record_kind(record).value(), WalRecordKind::kSamples);
}

TEST(WalRecord, ColumnsOfRowsAndSkippedOnes) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 200; ++round) {
        Columns columns;
        Columns want;
        SkippedRows skipped;
        const size_t count = 1 + random() % 50;
        const bool one_time = random() % 2 == 0;
        const bool starts = random() % 3 == 0;
        const bool histograms = random() % 2 == 0;
        int64_t time = static_cast<int64_t>(random() >> (1 + random() % 63));
        columns.timestamps.assign(one_time ? 1 : 0, Millis{time});
        want.timestamps = columns.timestamps;
        uint64_t serial = 1 + random() % 1000;
        for (size_t i = 0; i < count; ++i) {
            serial = random() % 4 == 0 ? 1 + random() % 100000 : serial + 1;
            columns.series.push_back({make_series_id(serial, 5)});
            columns.values.push_back(static_cast<double>(random() % 1000));
            if (random() % 3 == 0) time -= static_cast<int64_t>(random() % 100'000);
            if (!one_time) columns.timestamps.push_back({time});
            if (starts) columns.starts.push_back({static_cast<int64_t>(random() % 3)});
            if (histograms) {
                const bool is_one = random() % 2 == 0;
                columns.histograms.push_back(is_one ? histogram_of(columns.values.back())
                                                    : nullptr);
                if (is_one) columns.values.back() = 0;
            }
            if (random() % 8 == 0 && i > 0) {
                skipped.emplace_back(static_cast<uint32_t>(i), RowVerdict::kConflict);
                continue;
            }
            want.series.push_back(columns.series.back());
            want.values.push_back(columns.values.back());
            if (!one_time) want.timestamps.push_back(columns.timestamps.back());
            if (starts) want.starts.push_back(columns.starts.back());
            if (histograms) want.histograms.push_back(columns.histograms.back());
        }
        if (std::ranges::all_of(want.histograms, [](const auto& one) { return one == nullptr; })) {
            want.histograms.clear();
        }
        const Bytes record = encode_samples(columns.rows(), skipped);
        DecodedSamples got;
        ASSERT_TRUE(decode_samples(record, got).ok());
        expect_same(want, got);
        for (size_t size = 0; size < record.size(); ++size) {
            EXPECT_FALSE(decode_samples(ByteView(record).first(size), got).ok());
        }
    }
}

TEST(WalRecord, Series) {
    const LabelSet labels{{"__name__", "up"}, {"job", "a"}};
    const Bytes record = encode_series(make_series_id(9, 2), labels);
    const auto series = decode_series(record).value();
    ASSERT_EQ(series.size(), 1u);
    EXPECT_EQ(series[0].id, make_series_id(9, 2));
    EXPECT_EQ(series[0].labels, labels);
    for (size_t size = 1; size < record.size(); ++size) {
        EXPECT_EQ(decode_series(ByteView(record).first(size)).error().code, Code::kCorrupt);
    }
    EXPECT_EQ(wal_record_kind(record).value(), WalRecordKind::kSeries);
    EXPECT_EQ(wal_record_kind({}).error().code, Code::kCorrupt);
    EXPECT_EQ(wal_record_kind(Bytes{77}).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace kw::tsdb
