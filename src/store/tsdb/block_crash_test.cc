// Writing, merging and deleting blocks on a disk that fails at every single operation. Whatever happens,
// afterwards every block that was complete before is served with all its samples, a block is there whole
// or not at all, and what was reported as written is there. KW_FULL=1 tries many more disks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/fs/failing.h"
#include "tsdb/block_set.h"
#include "tsdb/block_testing.h"
#include "tsdb/compactor.h"

namespace kw::tsdb {
namespace {

using testing::block_name;
using testing::Model;
using testing::model_of;
using testing::ModelSource;
using testing::random_model;
using testing::without_empty;

constexpr int64_t kStart = 1'732'200'000'000;

uint64_t seed_count() { return std::getenv("KW_FULL") != nullptr ? 300 : 8; }

// What the run below has been told; only these may be relied on.
struct Progress {
    bool wrote_third = false;
};

struct Data {
    Model first = without_empty(random_model(1, 1, 4, kStart, 30));
    Model second = without_empty(random_model(1, 1, 4, kStart + 20 * 15'000, 30));
    Model third = without_empty(random_model(2, 1, 4, kStart + 7'200'000, 10));
};

Result<void> write(fs::FileSystem& files, uint64_t number, const Model& model) {
    ModelSource source(model);
    BlockWriteOptions options;
    options.name = block_name(number);
    options.generation = number;
    const CancelToken cancel;
    KW_TRY(write_block(files, "data/blocks", source, options, cancel));
    return {};
}

// Blocks 1 and 2 exist; 3 is written, 1 and 2 are merged into 4 and deleted.
Result<void> run(fs::FileSystem& files, const Data& data, Progress& progress) {
    KW_TRY_ASSIGN(const OpenedBlocks opened, open_blocks(files, "data/blocks"));
    KW_TRY(write(files, 3, data.third));
    progress.wrote_third = true;
    const CancelToken cancel;
    KW_TRY(compact_blocks(files, "data/blocks", opened.blocks, block_name(4), cancel));
    for (const auto& block : opened.blocks) {
        KW_TRY(delete_block(files, "data/blocks", block->meta().name));
    }
    return {};
}

Model merged(const Model& older, const Model& newer) {
    Model all = older;
    for (const auto& [labels, series] : newer) {
        for (const auto& [t, sample] : series) all[labels].emplace(t, sample);
    }
    return all;
}

void expect_sound(fs::FileSystem& files, const Data& data, const Progress& progress) {
    const Result<OpenedBlocks> opened = open_blocks(files, "data/blocks");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    for (const DamagedBlock& damaged : opened->damaged) ADD_FAILURE() << damaged.error.message;
    std::vector<std::shared_ptr<const BlockReader>> by_age = opened->blocks;
    std::sort(by_age.begin(), by_age.end(), [](const auto& lhs, const auto& rhs) {
        return lhs->meta().generation < rhs->meta().generation;
    });
    Model found;
    bool has_third = false;
    for (const auto& block : by_age) {
        EXPECT_TRUE(block->verify().ok());
        has_third |= block->meta().name == block_name(3);
        found = merged(found, model_of(*block));
    }
    EXPECT_TRUE(has_third || !progress.wrote_third);
    const Model both = merged(data.first, data.second);
    EXPECT_EQ(found, has_third ? merged(both, data.third) : both);
    for (const auto& entry : files.list("data/blocks").value()) {
        EXPECT_TRUE(is_block_name(entry.name)) << entry.name << " is left over";
    }
}

class BlockCrash : public ::testing::Test {
 protected:
    // A disk with blocks 1 and 2.
    std::unique_ptr<fs::MemoryFileSystem> disk() const {
        fs::FailingFileSystem files;
        EXPECT_TRUE(files.create_directories("data/blocks").ok());
        EXPECT_TRUE(files.sync_directory("data").ok());
        EXPECT_TRUE(files.sync_directory(".").ok());
        EXPECT_TRUE(write(files, 1, data_.first).ok());
        EXPECT_TRUE(write(files, 2, data_.second).ok());
        return files.after_crash(0);
    }
    const Data data_;
};

TEST_F(BlockCrash, ACrashAtAnyOperationLosesNothing) {
    const auto start = disk();
    uint64_t operations = 0;
    {
        fs::FailingFileSystem files(*start);
        Progress progress;
        ASSERT_TRUE(run(files, data_, progress).ok());
        operations = files.operation_count();
    }
    ASSERT_GT(operations, 30u);
    for (const fs::Fault::Kind kind : {fs::Fault::kCrash, fs::Fault::kTear}) {
        for (uint64_t operation = 1; operation <= operations; ++operation) {
            fs::FailingFileSystem files(*start);
            files.inject({kind, operation});
            Progress progress;
            EXPECT_FALSE(run(files, data_, progress).ok());
            for (uint64_t seed = 0; seed < seed_count(); ++seed) {
                SCOPED_TRACE(fmt::format("fault {} at operation {}, seed {}",
                                         static_cast<int>(kind), operation, seed));
                expect_sound(*files.after_crash(seed), data_, progress);
                if (HasFatalFailure()) return;
            }
        }
    }
}

TEST_F(BlockCrash, ACrashWhileStartingUpAfterACrashLosesNothing) {
    const auto start = disk();
    fs::FailingFileSystem counted(*start);
    Progress unused;
    ASSERT_TRUE(run(counted, data_, unused).ok());
    for (uint64_t operation = 1; operation <= counted.operation_count(); ++operation) {
        fs::FailingFileSystem first(*start);
        first.inject({fs::Fault::kCrash, operation});
        Progress progress;
        EXPECT_FALSE(run(first, data_, progress).ok());
        for (uint64_t seed = 0; seed < seed_count() / 4; ++seed) {
            const auto crashed = first.after_crash(seed);
            for (uint64_t again = 1;; ++again) {
                SCOPED_TRACE(fmt::format("operation {}, seed {}, then {}", operation, seed, again));
                fs::FailingFileSystem second(*crashed);
                second.inject({fs::Fault::kCrash, again});
                const bool started = open_blocks(second, "data/blocks").ok();
                expect_sound(*second.after_crash(seed + 2), data_, progress);
                if (started || HasFatalFailure()) break;
            }
        }
    }
}

TEST_F(BlockCrash, AnErrorAtAnyOperationLosesNothing) {
    const auto start = disk();
    fs::FailingFileSystem counted(*start);
    Progress unused;
    ASSERT_TRUE(run(counted, data_, unused).ok());
    for (const fs::Fault::Kind kind :
         {fs::Fault::kError, fs::Fault::kNoSpace, fs::Fault::kShortWrite}) {
        for (const uint64_t length : {uint64_t{1}, uint64_t{1000}}) {
            for (uint64_t operation = 1; operation <= counted.operation_count(); ++operation) {
                SCOPED_TRACE(fmt::format("fault {} at operation {} for {}", static_cast<int>(kind),
                                         operation, length));
                fs::FailingFileSystem files(*start);
                files.inject({kind, operation, length});
                Progress progress;
                // A failed removal may be forgiven; anything else is reported.
                (void)run(files, data_, progress);
                files.inject({});
                for (uint64_t seed = 0; seed < seed_count() / 2; ++seed) {
                    expect_sound(*files.after_crash(seed), data_, progress);
                }
                expect_sound(files, data_, progress);
            }
        }
    }
}

}  // namespace
}  // namespace kw::tsdb
