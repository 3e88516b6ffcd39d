#include "tsdb/compactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tsdb/block_testing.h"
#include "tsdb/sample_merge.h"

namespace kw::tsdb {
namespace {

using testing::block_name;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Model;
using testing::model_of;
using testing::random_model;
using testing::without_empty;
using testing::write_model;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'732'200'000'000;

// A block from `from` to `to` hours, the latter exclusive.
BlockMeta meta_of(uint64_t number, int64_t from, int64_t to, uint64_t bytes = 10) {
    BlockMeta meta;
    meta.name = block_name(number);
    meta.generation = number;
    meta.range = {Millis{from * kHour}, Millis{to * kHour - 1}};
    meta.chunks_bytes = bytes;
    return meta;
}

TEST(CompactionSpans, GrowByThreeUpToATenthOfTheRetention) {
    struct Row {
        int64_t retention_hours;
        std::vector<int64_t> want_hours;
    };
    const Row rows[] = {
        {1, {2}},
        {59, {2}},
        {60, {2, 6}},
        {15 * 24, {2, 6, 18}},
        {365 * 24, {2, 6, 18, 54, 162, 486}},
        {0, {2, 6, 18, 54, 162, 486}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.retention_hours);
        std::vector<int64_t> hours;
        for (const int64_t span :
             compaction_spans_ms({.retention_ms = row.retention_hours * kHour})) {
            hours.push_back(span / kHour);
        }
        EXPECT_EQ(hours, row.want_hours);
    }
}

TEST(PlanCompaction, MergesWhatIsDue) {
    struct Row {
        std::string_view what;
        std::vector<BlockMeta> metas;
        std::vector<size_t> want;
    };
    const Row rows[] = {
        {"nothing", {}, {}},
        {"one block", {meta_of(1, 0, 2)}, {}},
        {"a span that is still filling",
         {meta_of(1, 0, 2), meta_of(2, 2, 4), meta_of(3, 4, 6)},
         {}},
        {"a full span and the next begun",
         {meta_of(1, 0, 2), meta_of(2, 2, 4), meta_of(3, 4, 6), meta_of(4, 6, 8)},
         {0, 1, 2}},
        {"a span with a gap", {meta_of(1, 0, 2), meta_of(3, 4, 6), meta_of(4, 6, 8)}, {0, 1}},
        {"alone in its span", {meta_of(1, 0, 2), meta_of(4, 6, 8), meta_of(5, 12, 14)}, {}},
        {"the longest span first",
         {meta_of(1, 0, 6), meta_of(2, 6, 12), meta_of(3, 12, 14), meta_of(4, 14, 16),
          meta_of(5, 16, 18), meta_of(6, 18, 20)},
         {0, 1, 2, 3, 4}},
        {"overlapping ones before all",
         {meta_of(1, 0, 2), meta_of(2, 2, 4), meta_of(3, 4, 6), meta_of(4, 6, 8), meta_of(9, 7, 8)},
         {3, 4}},
        {"overlapping in a chain, by age",
         {meta_of(3, 0, 2), meta_of(2, 1, 4), meta_of(1, 3, 6)},
         {2, 1, 0}},
        {"before the epoch", {meta_of(1, -6, -4), meta_of(2, -4, -2), meta_of(3, 0, 2)}, {0, 1}},
        {"the longest that is allowed stays",
         {meta_of(1, 0, 18), meta_of(2, 18, 36), meta_of(3, 36, 38)},
         {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        EXPECT_EQ(plan_compaction(row.metas, {}), row.want);
    }
}

// A year of blocks, one each two hours, and a plan carried out as it is given.
TEST(PlanCompaction, KeepsTheNumberOfBlocksSmall) {
    std::vector<BlockMeta> metas;
    size_t most = 0;
    uint64_t written = 0;
    for (int64_t block = 0; block < 180; ++block) {
        metas.push_back(meta_of(static_cast<uint64_t>(block) + 1, block * 2, block * 2 + 2));
        for (;;) {
            const std::vector<size_t> plan = plan_compaction(metas, {});
            if (plan.empty()) break;
            ASSERT_GE(plan.size(), 2u);
            BlockMeta merged = metas[plan[0]];
            for (const size_t index : plan) {
                merged.range.min = std::min(merged.range.min, metas[index].range.min);
                merged.range.max = std::max(merged.range.max, metas[index].range.max);
                written += static_cast<uint64_t>(
                    (metas[index].range.max - metas[index].range.min + 1) / kHour);
            }
            std::vector<BlockMeta> next{merged};
            for (size_t i = 0; i < metas.size(); ++i) {
                if (std::find(plan.begin(), plan.end(), i) == plan.end()) next.push_back(metas[i]);
            }
            metas = next;
        }
        most = std::max(most, metas.size());
    }
    EXPECT_LE(most, 360 / 18 + 6u);  // 15 days in spans of 18 hours, and those on the way there
    EXPECT_LE(written, 360u * 2);    // each hour is written again at most twice
}

TEST(MergeSamples, TheOlderWins) {
    std::mt19937_64 random(1);
    SampleColumns scratch;
    for (int round = 0; round < 500; ++round) {
        SCOPED_TRACE(round);
        std::map<int64_t, std::pair<double, int64_t>> want;
        SampleColumns columns[2];
        for (int side = 0; side < 2; ++side) {
            const bool starts = random() % 2 == 0;
            const int64_t shift = static_cast<int64_t>(random() % 60);
            std::set<int64_t> times;
            for (uint64_t count = random() % 30; count > 0; --count) {
                times.insert(shift + static_cast<int64_t>(random() % 40));
            }
            for (const int64_t t : times) {
                columns[side].timestamps.push_back(t);
                columns[side].values.push_back(side * 1000 + static_cast<double>(t));
                if (starts) columns[side].starts.push_back(t - 1);
                want.emplace(t,
                             std::pair(side * 1000 + static_cast<double>(t), starts ? t - 1 : 0));
            }
        }
        merge_samples(columns[0], columns[1], scratch);
        std::map<int64_t, std::pair<double, int64_t>> got;
        for (size_t i = 0; i < columns[0].size(); ++i) {
            got.emplace(columns[0].timestamps[i],
                        std::pair(columns[0].values[i],
                                  columns[0].starts.empty() ? 0 : columns[0].starts[i]));
        }
        EXPECT_EQ(got, want);
        EXPECT_EQ(got.size(), columns[0].size());
        EXPECT_TRUE(columns[0].starts.empty() || columns[0].starts.size() == columns[0].size());
    }
}

TEST(Compaction, IsTheUnionInWhichTheOlderWins) {
    for (uint64_t seed = 0; seed < 12; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        fs::MemoryFileSystem files;
        ASSERT_TRUE(files.create_directories("blocks").ok());
        std::vector<std::shared_ptr<const BlockReader>> blocks;
        Model want;
        const uint64_t count = 2 + random() % 4;
        for (uint64_t number = 1; number <= count; ++number) {
            // The same targets: series meet; some windows overlap, with other values at equal times.
            const auto shift = static_cast<int64_t>(random() % 8) * 30 * 15'000;
            Model model = without_empty(
                random_model(seed * 2 + number % 2, 2, 8, kStart + shift, 20 + random() % 200));
            testing::add_histograms(model, seed + number, kStart + shift, 20 + random() % 200);
            blocks.push_back(write_model(files, "blocks", number, model));
            ASSERT_NE(blocks.back(), nullptr);
            for (const auto& [labels, series] : model) {
                for (const auto& [t, sample] : series) want[labels].emplace(t, sample);
            }
        }
        std::shuffle(blocks.begin(), blocks.end(), random);
        const CancelToken cancel;
        const auto meta = compact_blocks(files, "blocks", blocks, block_name(100), cancel);
        ASSERT_TRUE(meta.ok()) << meta.error().message;
        ASSERT_TRUE(meta->has_value());
        EXPECT_EQ((*meta)->level, 2u);
        EXPECT_EQ((*meta)->generation, 1u);
        EXPECT_EQ((*meta)->parents.size(), count);
        EXPECT_EQ((*meta)->sources, (*meta)->parents);
        const auto merged = BlockReader::open(files, "blocks", block_name(100));
        ASSERT_TRUE(merged.ok()) << merged.error().message;
        EXPECT_TRUE((*merged)->verify().ok());
        EXPECT_EQ(model_of(**merged), want);
    }
}

TEST(Compaction, OfADamagedBlockSaysWhichAndLeavesNothing) {
    fs::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories("blocks").ok());
    const auto good = write_model(files, "blocks", 1, random_model(1, 1, 3, kStart, 100));
    ASSERT_NE(write_model(files, "blocks", 2, random_model(2, 1, 3, kStart, 100)), nullptr);
    ASSERT_TRUE(files.corrupt("blocks/" + block_name(2) + "/chunks", 40, 1).ok());
    const auto damaged = BlockReader::open(files, "blocks", block_name(2));
    ASSERT_TRUE(damaged.ok()) << "chunks are verified when they are read";
    const CancelToken cancel;
    const auto meta = compact_blocks(files, "blocks", {good, *damaged}, block_name(3), cancel);
    ASSERT_FALSE(meta.ok());
    EXPECT_EQ(meta.error().code, Code::kCorrupt);
    EXPECT_THAT(meta.error().message, ::testing::HasSubstr(block_name(2)));
    EXPECT_EQ(files.list("blocks").value().size(), 2u);
}

TEST(SupersededBlocks, AreTheParentsOfOthers) {
    BlockMeta merged = meta_of(9, 0, 6);
    merged.parents = {block_name(1), block_name(2), block_name(7)};
    EXPECT_THAT(superseded_blocks({meta_of(1, 0, 2), meta_of(2, 2, 4), meta_of(3, 4, 6), merged}),
                ElementsAre(block_name(1), block_name(2)));
    EXPECT_THAT(superseded_blocks({meta_of(1, 0, 2), meta_of(3, 4, 6)}), IsEmpty());
}

TEST(ExpiredBlocks, ByAgeThenBySize) {
    const std::vector<BlockMeta> metas = {meta_of(1, 0, 2, 100), meta_of(2, 2, 4, 100),
                                          meta_of(3, 4, 6, 100), meta_of(4, 6, 8, 100)};
    struct Row {
        std::string_view what;
        int64_t now_hours;
        int64_t retention_hours;
        uint64_t bytes_max;
        uint64_t other_bytes;
        std::vector<uint64_t> want;
    };
    const Row rows[] = {
        {"no limits", 1000, 0, 0, 0, {}},
        {"none old enough", 8, 8, 0, 0, {}},
        {"the last sample is just inside", 10, 8, 0, 0, {1}},
        {"two are too old", 12, 8, 0, 0, {1, 2}},
        {"all are too old", 1000, 8, 0, 0, {1, 2, 3, 4}},
        {"all fit", 8, 0, 400, 0, {}},
        {"one byte too much", 8, 0, 399, 0, {1}},
        {"log and head count too", 8, 0, 400, 150, {1, 2}},
        {"nothing fits", 8, 0, 50, 0, {1, 2, 3, 4}},
        {"the old do not count", 10, 8, 300, 0, {1}},
        {"age and size", 10, 8, 250, 0, {1, 2}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        std::vector<std::string> want;
        for (const uint64_t number : row.want) want.push_back(block_name(number));
        EXPECT_EQ(expired_blocks(metas, Millis{row.now_hours * kHour}, row.retention_hours * kHour,
                                 row.bytes_max, row.other_bytes),
                  want);
    }
}

}  // namespace
}  // namespace kw::tsdb
