#include "model/stored_histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace kw {
namespace {

using ::testing::HasSubstr;
using Hint = CounterResetHint;

Histogram sound() {
    Histogram made;
    made.schema = 2;
    made.zero_threshold = 0.01;
    made.zero_count = 1;
    made.count = 10;
    made.sum = 3;
    made.positive_spans = {{-2, 1}, {3, 2}};
    made.positive_buckets = {1, 2, 3};
    made.negative_spans = {{0, 1}};
    made.negative_buckets = {3};
    return made;
}

Histogram custom() {
    Histogram made;
    made.schema = kCustomBucketsSchema;
    made.count = 3;
    made.positive_spans = {{0, 3}};
    made.positive_buckets = {1, 1, 1};
    made.custom_values = {1, 2};
    return made;
}

TEST(CheckHistogram, SaysWhatIsWrong) {
    const double inf = std::numeric_limits<double>::infinity();
    struct Row {
        std::function<void(Histogram&)> change;
        std::string_view want;  // empty: sound
        bool custom = false;
    };
    const Row rows[] = {
        {[](auto&) {}, ""},
        {[](auto&) {}, "", true},
        {[](auto& h) { h.schema = 9; }, "invalid schema 9"},
        {[](auto& h) { h.schema = -5; }, "invalid schema -5"},
        {[](auto& h) { h.positive_buckets.pop_back(); }, "spans need 3 buckets, have 2 buckets"},
        {[](auto& h) { h.negative_spans.clear(); }, "negative side: spans need 0 buckets"},
        {[](auto& h) { h.positive_spans[1].offset = -1; }, "span number 2 with offset -1"},
        {[](auto& h) { h.positive_buckets[1] = -1; },
         "bucket number 2 has observation count of -1"},
        {[](auto& h) { h.count = 11; },
         "10 observations found in buckets, but the Count field is 11"},
        {[](auto& h) { h.sum = kNormalNan, h.count = 11; }, ""},
        {[](auto& h) { h.sum = kNormalNan, h.count = 9; }, "should be at least"},
        {[](auto& h) { h.custom_values = {1}; }, "must not have custom bounds"},
        {[](auto& h) { h.positive_spans = {{INT32_MAX, 3}}; }, "beyond"},
        {[](auto& h) { h.positive_buckets.resize(70'000); }, "at most 65536"},
        {[](auto& h) { h.custom_values = {2, 2}; }, "strictly increasing", true},
        {[&](auto& h) { h.custom_values = {2, inf}; }, "must be finite", true},
        {[](auto& h) { h.custom_values = {1}; }, "too few", true},
        {[](auto& h) { h.zero_count = 1; }, "zero count of 0", true},
        {[](auto& h) { h.zero_threshold = 1; }, "zero threshold of 0", true},
        {[](auto& h) { h.negative_spans = {{0, 0}}; }, "negative spans", true},
        {[](auto& h) { h = Histogram(), h.sum = kStaleMarker; }, ""},
    };
    for (const Row& row : rows) {
        Histogram histogram = row.custom ? custom() : sound();
        row.change(histogram);
        const Result<void> checked = check_histogram(histogram, true);
        if (row.want.empty()) {
            EXPECT_TRUE(checked.ok()) << checked.error().message;
        } else {
            ASSERT_FALSE(checked.ok()) << row.want;
            EXPECT_THAT(checked.error().message, HasSubstr(row.want));
            EXPECT_EQ(checked.error().code, Code::kInvalid);
        }
    }
}

TEST(HintBehind, TellsWhetherTheCounterWentOn) {
    Histogram before = sound();
    Histogram now = sound();
    EXPECT_EQ(hint_behind(now, nullptr), Hint::kUnknown);
    EXPECT_EQ(hint_behind(now, &before), Hint::kNotReset);
    now.positive_buckets[0] = 0;
    EXPECT_EQ(hint_behind(now, &before), Hint::kReset);
    now = sound();
    now.counter_reset_hint = Hint::kReset;
    EXPECT_EQ(hint_behind(now, &before), Hint::kReset);
    now.counter_reset_hint = Hint::kGauge;
    EXPECT_EQ(hint_behind(now, &before), Hint::kGauge);
    now.counter_reset_hint = Hint::kUnknown;
    before.counter_reset_hint = Hint::kGauge;
    EXPECT_EQ(hint_behind(now, &before), Hint::kUnknown);
    before = sound();
    // Another layout: a bucket more goes on, a finer schema restarts.
    now.positive_spans = {{-2, 2}, {2, 2}};
    now.positive_buckets = {1, 5, 2, 3};
    now.count = 15;
    EXPECT_EQ(hint_behind(now, &before), Hint::kNotReset);
    now.schema = 3;
    EXPECT_EQ(hint_behind(now, &before), Hint::kReset);
}

TEST(SameSample, ComparesBits) {
    Histogram a = sound();
    Histogram b = sound();
    b.counter_reset_hint = Hint::kNotReset;
    EXPECT_TRUE(same_sample(a, b));
    b.counter_reset_hint = Hint::kGauge;
    EXPECT_FALSE(same_sample(a, b));
    b = a;
    a.sum = b.sum = kStaleMarker;
    EXPECT_TRUE(same_sample(a, b));
    b.negative_buckets[0] = 4;
    EXPECT_FALSE(same_sample(a, b));
}

}  // namespace
}  // namespace kw
