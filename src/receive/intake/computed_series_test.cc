#include "intake/computed_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/memory_store.h"
#include "model/sample.h"

namespace kw::intake {
namespace {

const LabelSet kA{{"__name__", "a"}};
const LabelSet kB{{"__name__", "b"}};

std::vector<double> values_of(MemoryStore& store, const LabelSet& labels) {
    const CancelToken cancel;
    MemoryBudget budget(1 << 20);
    const auto selected = store.select(
        {Matcher::equal("__name__", std::string(labels.metric_name()))}, {}, {}, cancel, budget);
    SampleColumns columns;
    if (selected.value()->size() == 0) return {};
    EXPECT_TRUE(selected.value()->read(0, columns).ok());
    return columns.values;
}

TEST(ComputedSeries, EndsWhatTheNextWriteHasNot) {
    MemoryStore store;
    ComputedSeries series(store);
    EXPECT_EQ(series.write({1000}, {{kA, 1}, {kB, 2}})->stored, 2u);
    EXPECT_TRUE(series.has(kB));
    EXPECT_EQ(series.write({2000}, {{kA, 3}})->stored, 2u);  // and b's marker
    EXPECT_FALSE(series.has(kB));
    EXPECT_EQ(values_of(store, kA), (std::vector<double>{1, 3}));
    ASSERT_EQ(values_of(store, kB).size(), 2u);
    EXPECT_TRUE(is_stale(values_of(store, kB)[1]));
    ASSERT_TRUE(series.end({3000}).ok());
    EXPECT_TRUE(is_stale(values_of(store, kA)[2]));
    EXPECT_EQ(series.size(), 0u);
}

TEST(ComputedSeries, KeepsWhatOthersWriteWhenItEnds) {
    MemoryStore store;
    ComputedSeries series(store);
    ASSERT_TRUE(series.write({1000}, {{kA, 1}, {kB, 2}}).ok());
    ASSERT_TRUE(series.end({2000}, [](const LabelSet& labels) { return labels == kA; }).ok());
    EXPECT_EQ(values_of(store, kA).size(), 1u);
    EXPECT_EQ(values_of(store, kB).size(), 2u);
}

TEST(ComputedSeries, WritesHistograms) {
    MemoryStore store;
    ComputedSeries series(store);
    Histogram histogram;
    histogram.count = 2;
    histogram.positive_spans = {{0, 1}};
    histogram.positive_buckets = {2};
    const auto sound = std::make_shared<const Histogram>(histogram);
    histogram.positive_buckets = {-2};  // what a subtraction may leave
    const auto unsound = std::make_shared<const Histogram>(histogram);
    const ComputedReport report = series.write({1000}, {{kA, 0, sound}, {kB, 0, unsound}}).value();
    EXPECT_EQ(report.stored, 1u);
    EXPECT_EQ(report.refused, 1u);
    EXPECT_THAT(report.first_error, testing::HasSubstr("observation count of -2"));
    const CancelToken cancel;
    MemoryBudget budget(1 << 20);
    const auto selected =
        store.select({Matcher::equal("__name__", "a")}, {}, {}, cancel, budget).value();
    SampleColumns columns;
    ASSERT_TRUE(selected->read(0, columns).ok());
    ASSERT_EQ(columns.histograms.size(), 1u);
    EXPECT_EQ(*columns.histograms[0], *sound);
    ASSERT_TRUE(series.end({2000}).ok());
    EXPECT_TRUE(is_stale(values_of(store, kA)[1]));
}

TEST(ComputedSeries, ReportsWhatIsRefused) {
    MemoryStore store;
    ComputedSeries series(store);
    store.add(kA, {1000}, 7);
    const LabelSet long_value{{"__name__", "c"}, {"v", std::string(100 << 10, 'x')}};
    const ComputedReport report = series.write({1000}, {{kA, 1}, {long_value, 2}}).value();
    EXPECT_EQ(report.conflicts, 1u);
    EXPECT_EQ(report.refused, 1u);
    EXPECT_THAT(report.first_error, testing::HasSubstr("label"));
    // The series was another's in the store meanwhile forgotten: asked for again.
    store.clear();
    EXPECT_EQ(series.write({2000}, {{kA, 1}})->stored, 1u);
}

}  // namespace
}  // namespace kw::intake
