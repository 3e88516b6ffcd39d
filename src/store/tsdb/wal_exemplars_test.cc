#include "tsdb/wal_exemplars.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

#include "tsdb/wal_record.h"

namespace kw::tsdb {
namespace {

Exemplar exemplar(std::string_view trace, double value, int64_t time) {
    return {{{"trace_id", trace}}, value, {time}, true};
}

void expect_same(const std::vector<ExemplarSeries>& want, const std::vector<ExemplarSeries>& got) {
    ASSERT_EQ(want.size(), got.size());
    for (size_t i = 0; i < want.size(); ++i) {
        EXPECT_EQ(want[i].labels, got[i].labels);
        ASSERT_EQ(want[i].exemplars.size(), got[i].exemplars.size());
        for (size_t j = 0; j < want[i].exemplars.size(); ++j) {
            const Exemplar& a = want[i].exemplars[j];
            const Exemplar& b = got[i].exemplars[j];
            EXPECT_EQ(a.labels, b.labels);
            EXPECT_EQ(std::bit_cast<uint64_t>(a.value), std::bit_cast<uint64_t>(b.value));
            EXPECT_EQ(a.timestamp, b.timestamp);
            EXPECT_TRUE(b.has_timestamp);
        }
    }
}

Bytes record_of(uint64_t number, const std::vector<ExemplarSeries>& series) {
    ExemplarRecord record(number);
    for (const ExemplarSeries& one : series) {
        for (const Exemplar& each : one.exemplars) record.add(one.labels, each);
    }
    return record.take();
}

TEST(WalExemplars, GoldenBytes) {
    const std::vector<ExemplarSeries> series = {
        {LabelSet{{"a", "b"}}, {exemplar("x", 0.5, 1000), exemplar("y", 2, 999)}}};
    const Bytes record = record_of(300, series);
    const Bytes want = {
        4,  0xac, 2,                                                   // kind, number
        4,  1,    'a', 1,   'b',                                       // series
        11, 8,    't', 'r', 'a', 'c', 'e',  '_',  'i',  'd',  1, 'x',  // labels
        0,  0,    0,   0,   0,   0,   0xe0, 0x3f, 0xd0, 0x0f,          // value, time
        0,                                                             // the same series
        11, 8,    't', 'r', 'a', 'c', 'e',  '_',  'i',  'd',  1, 'y',  // labels
        0,  0,    0,   0,   0,   0,   0,    0x40, 1};  // value, a millisecond earlier
    EXPECT_EQ(record, want);
    EXPECT_EQ(wal_record_kind(want).value(), WalRecordKind::kExemplars);
    DecodedExemplars decoded;
    ASSERT_TRUE(decode_exemplars(want, decoded).ok());
    EXPECT_EQ(decoded.number, 300u);
    expect_same(series, decoded.series);
}

TEST(WalExemplars, ComeBackAndTruncatedOnesDoNot) {
    std::mt19937_64 random(5);
    for (int round = 0; round < 100; ++round) {
        std::vector<ExemplarSeries> series;
        for (size_t i = 0; i <= random() % 4; ++i) {
            ExemplarSeries& one = series.emplace_back();
            one.labels = LabelSet{{"__name__", "m" + std::to_string(i)}};
            for (size_t j = 0; j <= random() % 3; ++j) {
                Exemplar each = exemplar(std::to_string(random()), 0, 0);
                if (random() % 4 == 0) each.labels = LabelSet();
                each.value = std::bit_cast<double>(random());
                each.timestamp = Millis{static_cast<int64_t>(random())};
                one.exemplars.push_back(std::move(each));
            }
        }
        const Bytes record = record_of(random() >> 1, series);
        DecodedExemplars decoded;
        ASSERT_TRUE(decode_exemplars(record, decoded).ok());
        expect_same(series, decoded.series);
        size_t whole = 0;
        for (size_t size = 0; size < record.size(); ++size) {
            const Result<void> cut = decode_exemplars(ByteView(record).first(size), decoded);
            // Behind each exemplar a record may end.
            whole += cut.ok() ? 1 : 0;
            if (!cut.ok()) EXPECT_EQ(cut.error().code, Code::kCorrupt);
        }
        size_t count = 0;
        for (const ExemplarSeries& one : series) count += one.exemplars.size();
        EXPECT_EQ(whole, count - 1);
    }
}

TEST(WalExemplars, WhatIsNoRecordIsCorrupt) {
    const Bytes no_series = {4, 0, 0};
    const Bytes far = {4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0};
    const Bytes bad_series = {4, 0, 2, 9, 'a'};
    DecodedExemplars decoded;
    for (const Bytes& record : {no_series, far, bad_series, Bytes{4, 0}, Bytes{}})
        EXPECT_EQ(decode_exemplars(record, decoded).error().code, Code::kCorrupt);
}

TEST(WalExemplars, IsFullBeforeDamageWouldTakeMuch) {
    ExemplarRecord record(0);
    while (!record.is_full()) record.add(LabelSet{{"a", "b"}}, exemplar("x", 1, 2));
    EXPECT_GT(record.count(), 1000u);
    EXPECT_LT(record.take().size(), 70'000u);
}

}  // namespace
}  // namespace kw::tsdb
