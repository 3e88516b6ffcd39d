#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <roaring/roaring.hh>

#include "tsdb/block_format.h"
#include "tsdb/block_set.h"
#include "tsdb/block_testing.h"

namespace kw::tsdb {
namespace {

using testing::block_name;
using testing::cut;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Model;
using testing::model_of;
using testing::ModelSeries;
using testing::random_model;
using testing::without_empty;
using testing::write_model;

constexpr int64_t kStart = 1'732'200'000'000;

std::unique_ptr<fs::MemoryFileSystem> new_disk() {
    auto files = std::make_unique<fs::MemoryFileSystem>();
    EXPECT_TRUE(files->create_directories("blocks").ok());
    return files;
}

TEST(Block, HoldsWhatWasWritten) {
    struct Row {
        uint64_t seed;
        size_t targets, metrics, scrapes;
    };
    const Row rows[] = {
        {1, 1, 1, 1},     {2, 1, 1, 480},  {3, 3, 50, 100},
        {4, 2, 10, 5000}, {5, 40, 20, 30}, {6, 1, 300, 2},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.seed);
        const auto files = new_disk();
        const Model model =
            without_empty(random_model(row.seed, row.targets, row.metrics, kStart, row.scrapes));
        const auto block = write_model(*files, "blocks", row.seed, model);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(model_of(*block), model);
        const Result<void> verified = block->verify();
        EXPECT_TRUE(verified.ok()) << verified.error().message;
    }
}

TEST(Block, HoldsHistogramsInFewBytes) {
    const auto files = new_disk();
    Model model;
    constexpr int kSamples = 480;  // two hours, four buckets that all grow
    ModelSeries& series = model[LabelSet{{"__name__", "latency"}}];
    std::mt19937_64 random(5);
    double count = 0;
    for (int i = 0; i < kSamples; ++i) {
        count += static_cast<double>(random() % 20);
        series[kStart + i * 15'000] = {0, 0, testing::model_histogram(count, 3)};
    }
    const auto block = write_model(*files, "blocks", 1, model);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(model_of(*block), model);
    EXPECT_TRUE(block->verify().ok());
    EXPECT_EQ(block->meta().histogram_count, uint64_t{kSamples});
    // Count, sum and four buckets at some 6 bits; 16 bytes each as numbers.
    EXPECT_LT(block->meta().chunks_bytes, uint64_t{kSamples} * 8);
}

TEST(Block, ABlockOfFloatsSaysNothingOfHistograms) {
    const auto files = new_disk();
    const auto block = write_model(*files, "blocks", 1, random_model(1, 1, 2, kStart, 10));
    ASSERT_NE(block, nullptr);
    EXPECT_THAT(format_block_meta(block->meta()), ::testing::Not(HasSubstr("histograms")));
}

TEST(Block, CutsChunksOfLargeHistograms) {
    const auto files = new_disk();
    Model model;
    ModelSeries& series = model[LabelSet{{"__name__", "large"}}];
    Histogram large;
    large.positive_spans = {{0, 60'000}};
    large.positive_buckets.assign(60'000, 1);
    large.count = 60'000;
    for (int i = 0; i < 40; ++i) {
        large.positive_buckets[static_cast<size_t>(i)] = 2;
        series[kStart + i] = {0, 0, std::make_shared<const Histogram>(large)};
    }
    const auto block = write_model(*files, "blocks", 1, model);
    ASSERT_NE(block, nullptr);
    EXPECT_GE(block->meta().chunk_count, 3u);  // 17 of them are a chunk
    EXPECT_EQ(model_of(*block), model);
}

TEST(Block, ReadsAnyRange) {
    const auto files = new_disk();
    Model model = without_empty(random_model(7, 2, 20, kStart, 1200));
    testing::add_histograms(model, 7, kStart, 1200);
    const auto block = write_model(*files, "blocks", 1, model);
    ASSERT_NE(block, nullptr);
    std::mt19937_64 random(8);
    for (int round = 0; round < 60; ++round) {
        SCOPED_TRACE(round);
        const int64_t from = kStart - 60'000 + static_cast<int64_t>(random() % (1300 * 15'000));
        const TimeRange range{Millis{from},
                              Millis{from + static_cast<int64_t>(random() % 9'000'000)}};
        EXPECT_EQ(model_of(*block, range), cut(model, range));
    }
}

TEST(Block, TimesBeforeTheEpochAndAtTheEndsOfInt64) {
    const auto files = new_disk();
    Model model;
    auto& series = model[LabelSet{{"__name__", "old"}}];
    for (const int64_t t : {INT64_MIN, INT64_MIN + 1, int64_t{-7'200'001}, int64_t{-1}, int64_t{0},
                            int64_t{7'200'000}, INT64_MAX}) {
        series[t] = {std::bit_cast<uint64_t>(1.0), 0};
    }
    const auto block = write_model(*files, "blocks", 1, model);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(model_of(*block), model);
}

TEST(Block, SeriesOfOneScrapeShareTheirTimes) {
    const auto files = new_disk();
    Model model;
    for (int metric = 0; metric < 1000; ++metric) {
        auto& series = model[LabelSet{
            {"__name__", fmt::format("constant_{}", metric)}, {"instance", "a"}, {"job", "b"}}];
        for (int64_t i = 0; i < 480; ++i) {
            if (metric == 500 && i == 100) continue;  // one absent slot: a presence column
            series[kStart + i * 15'000 + i * i % 7] = {std::bit_cast<uint64_t>(42.0), 0};
        }
    }
    const auto block = write_model(*files, "blocks", 1, model);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(model_of(*block), model);
    // Jittered times of 480 scrapes are some 300 bytes: stored once, not a thousand times.
    EXPECT_LT(block->meta().chunks_bytes, 2'000u);
    EXPECT_LT(block->meta().index_bytes, 40'000u);
}

TEST(Block, NothingIsWrittenForNoSamples) {
    const auto files = new_disk();
    Model model;
    model[LabelSet{{"__name__", "empty"}}];
    EXPECT_EQ(write_model(*files, "blocks", 1, model), nullptr);
    EXPECT_THAT(files->list("blocks").value(), ElementsAre());
}

TEST(Block, RefusesWhatIsOutOfOrder) {
    struct Source final : SeriesSource {
        std::vector<std::pair<LabelSet, SampleColumns>> rows;
        size_t at = 0;
        Result<bool> next(LabelSet& labels, SampleColumns& samples) override {
            if (at == rows.size()) return false;
            labels = rows[at].first;
            samples = rows[at].second;
            ++at;
            return true;
        }
    };
    const SampleColumns good{{1, 2}, {1, 2}, {}, {}};
    SampleColumns histogram = good;
    histogram.histograms = {std::make_shared<const Histogram>()};
    const LabelSet a{{"__name__", "a"}}, b{{"__name__", "b"}};
    struct Row {
        std::string_view what;
        std::vector<std::pair<LabelSet, SampleColumns>> rows;
        Code want;
    };
    const Row rows[] = {
        {"series twice", {{a, good}, {a, good}}, Code::kInvalid},
        {"series backwards", {{b, good}, {a, good}}, Code::kInvalid},
        {"times twice", {{a, {{1, 1}, {1, 2}, {}, {}}}}, Code::kInvalid},
        {"a value missing", {{a, {{1, 2}, {1}, {}, {}}}}, Code::kInvalid},
        {"a histogram missing", {{a, histogram}}, Code::kInvalid},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const auto files = new_disk();
        Source source;
        source.rows = row.rows;
        BlockWriteOptions options;
        options.name = block_name(1);
        const CancelToken cancel;
        const auto meta = write_block(*files, "blocks", source, options, cancel);
        ASSERT_FALSE(meta.ok());
        EXPECT_EQ(meta.error().code, row.want) << meta.error().message;
        EXPECT_THAT(files->list("blocks").value(), ElementsAre());
    }
}

TEST(Block, CancelledWritingLeavesNothing) {
    const auto files = new_disk();
    const Model model = random_model(9, 1, 5, kStart, 10);
    testing::ModelSource source(model);
    BlockWriteOptions options;
    options.name = block_name(1);
    CancelToken cancel;
    cancel.cancel();
    const auto meta = write_block(*files, "blocks", source, options, cancel);
    ASSERT_FALSE(meta.ok());
    EXPECT_EQ(meta.error().code, Code::kCancelled);
    EXPECT_THAT(files->list("blocks").value(), ElementsAre());
}

// A flipped bit anywhere in any file is noticed, by open() or by verify(), and never crashes.
TEST(Block, EveryFlippedByteIsNoticed) {
    const auto clean = new_disk();
    const Model model = random_model(10, 2, 6, kStart, 40);
    ASSERT_NE(write_model(*clean, "blocks", 1, model), nullptr);
    ASSERT_TRUE(clean->sync_directory("blocks").ok());
    for (const std::string_view file : {kChunksFile, kIndexFile, kMetaFile}) {
        const fs::Path path = fs::join(fs::join("blocks", block_name(1)), file);
        const uint64_t size = clean->open(path, fs::OpenMode::kRead).value()->size().value();
        for (uint64_t offset = 0; offset < size; ++offset) {
            SCOPED_TRACE(fmt::format("{} byte {}", file, offset));
            const uint8_t mask = static_cast<uint8_t>(1 << (offset % 8));
            ASSERT_TRUE(clean->corrupt(path, offset, mask).ok());
            const auto block = BlockReader::open(*clean, "blocks", block_name(1));
            const Result<void> verified =
                block.ok() ? (*block)->verify() : Result<void>(Error(block.error()));
            ASSERT_FALSE(verified.ok());
            EXPECT_TRUE(verified.error().code == Code::kCorrupt ||
                        verified.error().code == Code::kUnsupported)
                << verified.error().message;
            EXPECT_THAT(verified.error().message, HasSubstr(block_name(1)));
            ASSERT_TRUE(clean->corrupt(path, offset, mask).ok());
        }
    }
}

TEST(Block, EveryTruncationIsNoticedWhenOpened) {
    for (const std::string_view file : {kChunksFile, kIndexFile, kMetaFile}) {
        const auto files = new_disk();
        ASSERT_NE(write_model(*files, "blocks", 1, random_model(11, 1, 4, kStart, 20)), nullptr);
        const fs::Path path = fs::join(fs::join("blocks", block_name(1)), file);
        auto handle = files->open(path, fs::OpenMode::kAppend).value();
        for (uint64_t size = handle->size().value(); size-- > 0;) {
            SCOPED_TRACE(fmt::format("{} cut to {}", file, size));
            ASSERT_TRUE(handle->truncate(size).ok());
            const auto block = BlockReader::open(*files, "blocks", block_name(1));
            ASSERT_FALSE(block.ok());
            EXPECT_EQ(block.error().code, Code::kCorrupt) << block.error().message;
        }
    }
}

TEST(BlockSet, QuarantinesTheDamagedAndServesTheRest) {
    const auto files = new_disk();
    const Model model = without_empty(random_model(12, 1, 4, kStart, 20));
    for (uint64_t number = 1; number <= 3; ++number) {
        ASSERT_NE(write_model(*files, "blocks", number, model), nullptr);
    }
    ASSERT_TRUE(files->corrupt(fs::join(fs::join("blocks", block_name(2)), kMetaFile), 5, 1).ok());
    ASSERT_TRUE(files->create_directories(fs::join("blocks", block_name(4) + ".tmp")).ok());
    ASSERT_TRUE(files->create_directories(fs::join("blocks", block_name(5) + ".deleted")).ok());
    ASSERT_TRUE(files->create_directories("blocks/something else").ok());

    const Result<OpenedBlocks> opened = open_blocks(*files, "blocks");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    ASSERT_EQ(opened->blocks.size(), 2u);
    EXPECT_EQ(opened->blocks[0]->meta().name, block_name(1));
    EXPECT_EQ(opened->blocks[1]->meta().name, block_name(3));
    ASSERT_EQ(opened->damaged.size(), 1u);
    EXPECT_EQ(opened->damaged[0].name, block_name(2));
    EXPECT_EQ(opened->damaged[0].error.code, Code::kCorrupt);

    std::vector<std::string> names;
    for (const auto& entry : files->list("blocks").value()) names.push_back(entry.name);
    EXPECT_THAT(names, ElementsAre(block_name(1), block_name(2) + ".damaged", block_name(3),
                                   "something else"));
}

TEST(BlockSet, DeletingRemovesTheWholeBlock) {
    const auto files = new_disk();
    const auto block = write_model(*files, "blocks", 1, random_model(13, 1, 2, kStart, 5));
    ASSERT_TRUE(delete_block(*files, "blocks", block_name(1)).ok());
    EXPECT_THAT(files->list("blocks").value(), ElementsAre());
    EXPECT_TRUE(block->verify().ok());  // who still reads keeps the bytes
}

TEST(BlockMeta, RoundTripAndDamage) {
    BlockMeta meta;
    meta.name = block_name(3);
    meta.range = {Millis{-5}, Millis{1'732'207'199'985}};
    meta.level = 2;
    meta.generation = 7;
    meta.series_count = 10;
    meta.sample_count = 480;
    meta.histogram_count = 30;
    meta.chunk_count = 12;
    meta.index_bytes = 100;
    meta.chunks_bytes = 200;
    meta.sources = {block_name(1), block_name(2)};
    meta.parents = {block_name(1), block_name(2)};
    const std::string text = format_block_meta(meta);
    const Result<BlockMeta> back = parse_block_meta(text);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back.value(), meta);
    for (size_t size = 0; size < text.size(); ++size) {
        EXPECT_FALSE(parse_block_meta(std::string_view(text).substr(0, size)).ok()) << size;
    }
    for (size_t i = 0; i < text.size(); ++i) {
        std::string damaged = text;
        damaged[i] ^= 4;
        EXPECT_FALSE(parse_block_meta(damaged).ok()) << i;
    }
}

TEST(BlockName, IsAUlid) {
    // The example of the ULID specification: time 1469918176385 is 01ARYZ6S41.
    EXPECT_EQ(make_block_name(Millis{1469918176385}, 0, 0), "01ARYZ6S410000000000000000");
    EXPECT_EQ(make_block_name(Millis{0}, 0xffff, ~uint64_t{0}), "0000000000ZZZZZZZZZZZZZZZZ");
    EXPECT_TRUE(is_block_name("01ARYZ6S410000000000000000"));
    for (const std::string_view text :
         {"", "01ARYZ6S41000000000000000", "81ARYZ6S410000000000000000",
          "01ARYZ6S41000000000000000u", "../../etc/passwd0000000000"}) {
        EXPECT_FALSE(is_block_name(text)) << text;
    }
}

}  // namespace
}  // namespace kw::tsdb
