// Native histograms: layouts, sums, restarts, and their notation.
#include "model/native_histogram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/histogram_text.h"

namespace kw {
namespace {

NativeHistogram native(std::string_view text) {
    const Result<Histogram> histogram = parse_histogram(text);
    EXPECT_TRUE(histogram.ok()) << text;
    return from_stored(histogram.ok() ? *histogram : Histogram());
}

TEST(NativeHistogram, BoundsArePowers) {
    EXPECT_EQ(exponential_bound(0, 0), 1);
    EXPECT_EQ(exponential_bound(3, 0), 8);
    EXPECT_EQ(exponential_bound(-1, 0), 0.5);
    EXPECT_EQ(exponential_bound(1, -4), 65536);
    EXPECT_DOUBLE_EQ(exponential_bound(1, 1), std::sqrt(2));
    EXPECT_DOUBLE_EQ(exponential_bound(-1, 8), std::exp2(-1.0 / 256));
    EXPECT_EQ(exponential_bound(1024, 0), std::numeric_limits<double>::max());
    EXPECT_TRUE(std::isinf(exponential_bound(INT32_MAX, 0)));
    EXPECT_EQ(exponential_bound(INT32_MIN, 0), 0);
}

TEST(NativeHistogram, ComesBackAsItWasStored) {
    Histogram stored;
    stored.schema = 2;
    stored.count = 9;
    stored.positive_spans = {{-3, 2}, {4, 1}};
    stored.positive_buckets = {1, 2, 3};
    stored.negative_spans = {{7, 1}};
    stored.negative_buckets = {3};
    const NativeHistogram flat = from_stored(stored);
    EXPECT_EQ(flat.positive.indexes, (std::vector<int32_t>{-3, -2, 3}));
    EXPECT_EQ(flat.negative.indexes, (std::vector<int32_t>{7}));
    EXPECT_EQ(to_stored(flat), stored);
}

// What spans promise beyond the counts is not there, and no index passes int32.
TEST(NativeHistogram, BadSpansAreCutOff) {
    Histogram stored;
    stored.positive_spans = {{0, UINT32_MAX}};
    stored.positive_buckets = {1, 2};
    EXPECT_EQ(from_stored(stored).positive.indexes, (std::vector<int32_t>{0, 1}));
    stored.positive_spans = {{INT32_MAX, 2}};
    EXPECT_EQ(from_stored(stored).positive.indexes, (std::vector<int32_t>{INT32_MAX}));
}

TEST(NativeHistogram, SumsHaveALayoutThatBothHave) {
    struct Row {
        std::string_view a;
        std::string_view b;
        std::string_view want;  // empty: there is no sum
    };
    const Row rows[] = {
        {"{{count:1 buckets:[1]}}", "{{count:2 offset:2 buckets:[2]}}",
         "{{count:3 buckets:[1 0 2]}}"},
        {"{{schema:1 count:3 offset:1 buckets:[1 2]}}", "{{schema:0 count:1 offset:1 buckets:[1]}}",
         "{{schema:0 count:4 offset:1 buckets:[4]}}"},
        // The wider zero bucket cuts (0.5,1], which goes into it whole.
        {"{{count:2 z_bucket:1 z_bucket_w:0.75 offset:1 buckets:[1]}}", "{{count:2 buckets:[1 1]}}",
         "{{count:4 z_bucket:2 z_bucket_w:1 offset:1 buckets:[2]}}"},
        {"{{schema:-53 count:2 custom_values:[1 2] buckets:[1 1]}}",
         "{{schema:-53 count:1 custom_values:[2] buckets:[0 1]}}",
         "{{schema:-53 count:3 custom_values:[2] buckets:[2 1]}}"},
        {"{{count:1}}", "{{schema:-53 count:1}}", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        NativeHistogram sum = native(row.a);
        MergeRemarks remarks;
        add_scaled(sum, native(row.b), 1, remarks);
        EXPECT_EQ(remarks.incompatible, row.want.empty());
        if (row.want.empty()) continue;
        EXPECT_TRUE(same_observations(sum, native(row.want))) << histogram_text(sum);
        // The other way round it is the same.
        NativeHistogram other = native(row.b);
        add_scaled(other, native(row.a), 1, remarks);
        EXPECT_TRUE(same_observations(sum, other)) << histogram_text(other);
    }
}

TEST(NativeHistogram, MeansSurviveAnOverflowingSum) {
    const NativeHistogram large = native("{{count:1e308 sum:1e308 buckets:[1e308]}}");
    const std::vector<const NativeHistogram*> all{&large, &large, &large};
    MergeRemarks remarks;
    const auto mean = mean_of(all, remarks);
    ASSERT_TRUE(mean.has_value());
    EXPECT_DOUBLE_EQ(mean->count, 1e308);
    EXPECT_DOUBLE_EQ(mean->positive.counts[0], 1e308);
    EXPECT_TRUE(std::isinf(sum_of(all, remarks)->count));
}

TEST(NativeHistogram, SeesRestarts) {
    struct Row {
        std::string_view before;
        std::string_view now;
        bool want;
    };
    const Row rows[] = {
        {"{{count:2 buckets:[1 1]}}", "{{count:3 buckets:[1 2]}}", false},
        {"{{count:2 buckets:[1 1]}}", "{{count:1 buckets:[1]}}", true},
        {"{{count:2 buckets:[1 1]}}", "{{count:3 buckets:[3]}}", true},  // a bucket fell
        {"{{schema:1 count:2 offset:1 buckets:[1 1]}}", "{{schema:0 count:2 offset:1 buckets:[2]}}",
         false},
        {"{{schema:0 count:1 buckets:[1]}}", "{{schema:1 count:2 buckets:[2]}}", true},
        {"{{count:1 z_bucket:1 z_bucket_w:1}}", "{{count:1 z_bucket:1 z_bucket_w:0.5}}", true},
        {"{{count:1}}", "{{schema:-53 count:2}}", true},
        {"{{count:5}}", "{{count:1 counter_reset_hint:not_reset}}", false},
        {"{{count:1}}", "{{count:5 counter_reset_hint:reset}}", true},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.now);
        EXPECT_EQ(is_reset(native(row.now), native(row.before)), row.want);
    }
}

TEST(HistogramText, RefusesWhatIsNoHistogram) {
    const std::string_view bad[] = {
        "",
        "{{",
        "{{}",
        "{{count}}",
        "{{count:x}}",
        "{{what:1}}",
        "{{schema:9}}",
        "{{schema:-5}}",
        "{{count:1 count:1}}",
        "{{buckets:[1 2}}",
        "{{buckets:[a]}}",
        "{{buckets:1}}",
        "{{counter_reset_hint:maybe}}",
    };
    for (const std::string_view text : bad) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_histogram(text).ok());
    }
    EXPECT_EQ(parse_histogram("{{}}").value(), Histogram());
}

}  // namespace
}  // namespace kw
