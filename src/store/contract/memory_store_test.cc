#include "contract/memory_store.h"

#include "contract/metric_store_suite.h"

namespace kw {
namespace {

struct OpenMemoryStore final : OpenStore {
    MetricStore& store() override { return memory; }
    MemoryStore memory;
};

INSTANTIATE_TEST_SUITE_P(Memory, MetricStoreSuite,
                         testing::Values(StoreCase{
                             "memory", [] { return std::make_unique<OpenMemoryStore>(); }}));

TEST(MemoryStore, HoldsHistogramsAndStarts) {
    MemoryStore store;
    const LabelSet labels{{"__name__", "h"}};
    Histogram three;
    three.count = 3;
    three.sum = 5;
    const auto histogram = std::make_shared<const Histogram>(three);
    EXPECT_EQ(store.add(labels, Millis{1}, 0, Millis{0}, histogram), RowVerdict::kStored);
    EXPECT_EQ(store.add(labels, Millis{1}, 0, Millis{0}, histogram), RowVerdict::kSameAgain);
    EXPECT_EQ(store.add(labels, Millis{1}, 7), RowVerdict::kConflict);
    EXPECT_EQ(store.add(labels, Millis{2}, 7, Millis{1}), RowVerdict::kStored);
    const CancelToken cancel;
    MemoryBudget budget(1 << 20);
    const auto selected = store.select({Matcher::equal("__name__", "h")}, {}, {}, cancel, budget);
    ASSERT_TRUE(selected.ok());
    SampleColumns samples;
    ASSERT_TRUE((*selected)->read(0, samples).ok());
    EXPECT_EQ(samples.starts, (std::vector<int64_t>{0, 1}));
    ASSERT_EQ(samples.histograms.size(), 2u);
    EXPECT_EQ(samples.histograms[0]->sum, 5);
    EXPECT_EQ(samples.histograms[1], nullptr);
}

TEST(MemoryStore, HintsSayHowACounterGoesOn) {
    using Hint = CounterResetHint;
    MemoryStore store;
    const LabelSet labels{{"__name__", "h"}};
    struct Row {
        double count;
        Hint said;
        Hint want;
    };
    const Row rows[] = {
        {3, Hint::kUnknown, Hint::kUnknown},  // nothing before it
        {4, Hint::kUnknown, Hint::kNotReset},  {2, Hint::kUnknown, Hint::kReset},
        {5, Hint::kReset, Hint::kReset},  // the writer knows
        {6, Hint::kNotReset, Hint::kNotReset}, {1, Hint::kGauge, Hint::kGauge},
        {1, Hint::kUnknown, Hint::kUnknown},  // behind a gauge
    };
    int64_t t = 0;
    for (const Row& row : rows) {
        Histogram histogram;
        histogram.count = row.count;
        histogram.counter_reset_hint = row.said;
        store.add(labels, Millis{++t}, 0, kNoStart, std::make_shared<const Histogram>(histogram));
    }
    const CancelToken cancel;
    MemoryBudget budget(1 << 20);
    const auto selected = store.select({Matcher::equal("__name__", "h")}, {}, {}, cancel, budget);
    ASSERT_TRUE(selected.ok());
    SampleColumns samples;
    ASSERT_TRUE((*selected)->read(0, samples).ok());
    ASSERT_EQ(samples.histograms.size(), std::size(rows));
    for (size_t i = 0; i < std::size(rows); ++i) {
        SCOPED_TRACE(i);
        EXPECT_EQ(samples.histograms[i]->counter_reset_hint, rows[i].want);
    }
}

TEST(MemoryStore, CountsForStatusPages) {
    MemoryStore store;
    store.add({{"__name__", "x"}, {"host", "a"}}, Millis{10}, 1);
    store.add({{"__name__", "x"}, {"host", "b"}}, Millis{20}, 1);
    store.add({{"__name__", "y"}, {"host", "a"}}, Millis{30}, 1);
    const auto stats = store.stats(1);
    ASSERT_TRUE(stats.ok());
    EXPECT_EQ(stats->series_count, 3u);
    EXPECT_EQ(stats->label_pair_count, 4u);
    EXPECT_EQ(stats->head_range, (TimeRange{Millis{10}, Millis{30}}));
    ASSERT_EQ(stats->series_by_metric.size(), 1u);
    EXPECT_EQ(stats->series_by_metric[0].name, "x");
    EXPECT_EQ(stats->series_by_metric[0].count, 2u);
}

}  // namespace
}  // namespace kw
