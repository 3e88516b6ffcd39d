#include "tsdb/histogram_column.h"

#include <gtest/gtest.h>

#include <random>

#include "model/stored_histogram.h"

namespace kw::tsdb {
namespace {

void expect_back(const std::vector<HistogramPtr>& sent) {
    Bytes bytes;
    encode_histograms(sent, bytes);
    bytes.push_back(0xaa);  // what follows is not looked at
    std::vector<HistogramPtr> got(sent.size());
    const Result<size_t> used = decode_histograms(bytes, got);
    ASSERT_TRUE(used.ok()) << used.error().message;
    EXPECT_EQ(*used, bytes.size() - 1);
    for (size_t i = 0; i < sent.size(); ++i) {
        ASSERT_EQ(sent[i] == nullptr, got[i] == nullptr) << i;
        if (!sent[i]) continue;
        EXPECT_EQ(sent[i]->counter_reset_hint, got[i]->counter_reset_hint) << i;
        EXPECT_TRUE(same_sample(*sent[i], *got[i])) << i;
    }
    for (size_t size = 0; size + 1 < bytes.size(); ++size) {
        EXPECT_FALSE(decode_histograms(ByteView(bytes).first(size), got).ok()) << size;
    }
}

HistogramPtr random_histogram(std::mt19937_64& random, int layout) {
    Histogram made;
    made.counter_reset_hint = static_cast<CounterResetHint>(random() % 4);
    const bool custom = layout % 3 == 2;
    made.schema = custom ? kCustomBucketsSchema : layout % 13 - 4;
    const auto fill = [&](std::vector<HistogramSpan>& spans, std::vector<double>& buckets) {
        for (int span = 0; span <= layout % 4; ++span) {
            spans.push_back(
                {span == 0 && !custom ? -layout : span, static_cast<uint32_t>(layout % 5)});
            for (uint32_t i = 0; i < spans.back().length; ++i) {
                const auto count = static_cast<double>(random() % 1000);
                buckets.push_back(random() % 16 == 0 ? count / 3 : count);
            }
        }
    };
    fill(made.positive_spans, made.positive_buckets);
    if (custom) {
        for (int i = 0; i < 40; ++i) made.custom_values.push_back(i * 0.25);
    } else {
        made.zero_threshold = layout % 2 == 0 ? 0x1p-128 : layout;
        made.zero_count = static_cast<double>(random() % 9);
        fill(made.negative_spans, made.negative_buckets);
    }
    made.count = 1e6 + static_cast<double>(random() % 1000);
    made.sum = random() % 30 == 0 ? kStaleMarker : static_cast<double>(random() % 100'000) / 1000;
    EXPECT_TRUE(check_histogram(made).ok());
    return std::make_shared<const Histogram>(std::move(made));
}

TEST(HistogramColumn, ComesBackBitForBit) {
    std::mt19937_64 random(11);
    for (int round = 0; round < 100; ++round) {
        SCOPED_TRACE(round);
        std::vector<HistogramPtr> sent;
        int layout = static_cast<int>(random() % 40);
        for (uint64_t i = 0; i < 1 + random() % 40; ++i) {
            if (random() % 8 == 0) layout = static_cast<int>(random() % 40);
            sent.push_back(random() % 10 == 0 ? nullptr : random_histogram(random, layout));
        }
        expect_back(sent);
    }
}

TEST(HistogramColumn, AnEmptyHistogramAndNone) {
    expect_back({std::make_shared<const Histogram>()});
    expect_back({nullptr, nullptr});
}

TEST(HistogramColumn, ACounterTakesLittle) {
    std::mt19937_64 random(1);
    Histogram now;
    now.schema = 3;
    now.zero_threshold = 0x1p-128;
    now.positive_spans = {{-20, 40}};
    now.positive_buckets.resize(40);
    std::vector<HistogramPtr> sent;
    for (int i = 0; i < 120; ++i) {
        for (double& bucket : now.positive_buckets) {
            const auto more = static_cast<double>(random() % 8);
            bucket += more;
            now.count += more;
        }
        now.sum += static_cast<double>(random() % 1000) / 1000;
        sent.push_back(std::make_shared<const Histogram>(now));
    }
    Bytes bytes;
    encode_histograms(sent, bytes);
    // 3 bits of growth in each of 40 buckets are 15 bytes; as numbers a histogram takes 340.
    EXPECT_LT(bytes.size() / sent.size(), 28u);
}

TEST(HistogramColumn, DamageIsNoticedOrDecodes) {
    std::mt19937_64 random(12);
    std::vector<HistogramPtr> sent;
    for (int i = 0; i < 30; ++i) sent.push_back(random_histogram(random, 7));
    Bytes good;
    encode_histograms(sent, good);
    for (size_t i = 0; i < good.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            Bytes bytes = good;
            bytes[i] ^= static_cast<uint8_t>(1 << bit);
            std::vector<HistogramPtr> got(sent.size());
            const Result<size_t> used = decode_histograms(bytes, got);
            if (!used.ok()) EXPECT_EQ(used.error().code, Code::kCorrupt);
        }
    }
}

}  // namespace
}  // namespace kw::tsdb
