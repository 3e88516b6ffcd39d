#include "tsdb/wal.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "tsdb/wal_record.h"
#include "tsdb/wal_replay.h"

namespace kw::tsdb {
namespace {

// Passes everything on, and fails what a test asks it to.
class MoodyFileSystem final : public fs::FileSystem {
 public:
    explicit MoodyFileSystem(fs::FileSystem& base) : base_(base) {}

    bool fail_append = false;
    bool fail_sync = false;

    class MoodyFile final : public fs::File {
     public:
        MoodyFile(MoodyFileSystem& owner, std::unique_ptr<fs::File> base)
            : owner_(owner), base_(std::move(base)) {}
        Result<void> append(ByteView bytes) override {
            if (!owner_.fail_append) return base_->append(bytes);
            KW_TRY(base_->append(bytes.first(bytes.size() / 2)));
            return exhausted("no space left on device");
        }
        Result<void> sync() override {
            if (owner_.fail_sync) return unavailable("input/output error");
            return base_->sync();
        }
        Result<void> truncate(uint64_t size) override { return base_->truncate(size); }
        Result<size_t> read_at(uint64_t offset, std::span<uint8_t> into) const override {
            return base_->read_at(offset, into);
        }
        Result<uint64_t> size() const override { return base_->size(); }

     private:
        MoodyFileSystem& owner_;
        std::unique_ptr<fs::File> base_;
    };

    Result<std::unique_ptr<fs::File>> open(const fs::Path& path, fs::OpenMode mode) override {
        KW_TRY_ASSIGN(auto file, base_.open(path, mode));
        return std::unique_ptr<fs::File>(std::make_unique<MoodyFile>(*this, std::move(file)));
    }
    Result<std::unique_ptr<fs::MappedFile>> map(const fs::Path& path) override {
        return base_.map(path);
    }
    Result<void> rename(const fs::Path& from, const fs::Path& to) override {
        return base_.rename(from, to);
    }
    Result<void> remove_file(const fs::Path& path) override { return base_.remove_file(path); }
    Result<void> remove_directory(const fs::Path& path) override {
        return base_.remove_directory(path);
    }
    Result<void> create_directories(const fs::Path& path) override {
        return base_.create_directories(path);
    }
    Result<void> sync_directory(const fs::Path& path) override {
        return base_.sync_directory(path);
    }
    Result<std::vector<fs::DirectoryEntry>> list(const fs::Path& path) override {
        return base_.list(path);
    }
    Result<bool> exists(const fs::Path& path) override { return base_.exists(path); }
    Result<void> hard_link(const fs::Path& from, const fs::Path& to) override {
        return base_.hard_link(from, to);
    }
    Result<std::unique_ptr<fs::FileLock>> lock(const fs::Path& path) override {
        return base_.lock(path);
    }
    Result<fs::SpaceInfo> space(const fs::Path& path) override { return base_.space(path); }

 private:
    fs::FileSystem& base_;
};

// Remembers the names of the series that it is given.
class Listener final : public WalReceiver {
 public:
    std::vector<std::string> names;
    Result<void> on_series(DecodedSeries& series) override {
        names.emplace_back(series.labels.metric_name());
        return {};
    }
    Result<uint64_t> on_samples(const DecodedSamples&) override { return uint64_t{0}; }
    void on_exemplars(DecodedExemplars&) override {}
    std::string describe_series(uint64_t) const override { return {}; }
};

// Records are series named r1, r2, ….
class WalTest : public testing::Test {
 protected:
    void SetUp() override {
        ASSERT_TRUE(memory_.create_directories("d/wal").ok());
        for (const char* directory : {".", "d"})
            ASSERT_TRUE(memory_.sync_directory(directory).ok());
    }

    WalReplayResult replay(fs::FileSystem& files, std::vector<std::string>& names) {
        Environment env{clock_, files, log_, metrics_, pool_};
        Listener listener;
        WalReplayProgress progress;
        WalReplayResult result = replay_wal(env, "d/wal", listener, progress).value();
        names = listener.names;
        return result;
    }

    std::unique_ptr<Wal> open() {
        names_.clear();
        result_ = replay(moody_, names_);
        Wal::Options options;
        options.start_flusher = false;
        options.segment_bytes_max = segment_bytes_max_;
        return Wal::create(env_, "d/wal", result_.next, options).value();
    }

    WalPosition put(Wal& wal, size_t padding = 0) {
        const std::string name = fmt::format("r{}", ++count_);
        return wal.enqueue(encode_series(make_series_id(count_, 0),
                                         {{"__name__", name}, {"pad", std::string(padding, 'x')}}));
    }

    std::vector<std::string> all() const {
        std::vector<std::string> names;
        for (uint64_t i = 1; i <= count_; ++i) names.push_back(fmt::format("r{}", i));
        return names;
    }

    std::vector<std::string> after_power_cut() {
        const auto disk = memory_.durable_copy();
        std::vector<std::string> names;
        replay(*disk, names);
        return names;
    }

    FakeClock clock_{Millis{0}};
    fs::MemoryFileSystem memory_;
    MoodyFileSystem moody_{memory_};
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, moody_, log_, metrics_, pool_};
    uint64_t segment_bytes_max_ = 128 << 20;
    uint64_t count_ = 0;
    std::vector<std::string> names_;
    WalReplayResult result_;
};

TEST_F(WalTest, SyncedRecordsSurviveAPowerCut) {
    auto wal = open();
    put(*wal);
    EXPECT_TRUE(after_power_cut().empty());
    ASSERT_TRUE(wal->sync(put(*wal)).ok());
    const auto synced = all();
    ASSERT_TRUE(wal->write(put(*wal)).ok());
    EXPECT_EQ(after_power_cut(), synced);
    wal.reset();
    EXPECT_EQ(after_power_cut(), all());
    wal = open();
    EXPECT_EQ(names_, all());
    EXPECT_EQ(result_.damages, 0u);
}

TEST_F(WalTest, SegmentsRollAndReplayInOrder) {
    segment_bytes_max_ = 5000;
    auto wal = open();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(wal->write(put(*wal, 300)).ok());
    EXPECT_GT(wal->segment(), 5u);
    const uint64_t before = wal->segment();
    put(*wal);
    EXPECT_EQ(wal->roll().value(), before + 1);
    put(*wal);
    wal.reset();
    wal = open();
    EXPECT_EQ(names_, all());
    EXPECT_EQ(result_.damages, 0u);
}

TEST_F(WalTest, FailedFlushMovesOnToANewSegment) {
    auto wal = open();
    ASSERT_TRUE(wal->sync(put(*wal)).ok());
    moody_.fail_sync = true;
    EXPECT_EQ(wal->sync(put(*wal)).error().code, Code::kUnavailable);
    EXPECT_TRUE(wal->is_broken());
    EXPECT_FALSE(wal->check(true).ok());
    EXPECT_TRUE(wal->check(false).ok());
    EXPECT_FALSE(wal->flush().ok());
    EXPECT_EQ(after_power_cut(), std::vector<std::string>{"r1"});
    moody_.fail_sync = false;
    ASSERT_TRUE(wal->flush().ok());
    EXPECT_TRUE(wal->check(true).ok());
    EXPECT_EQ(after_power_cut(), all());
    ASSERT_TRUE(wal->sync(put(*wal)).ok());
    wal.reset();
    wal = open();
    EXPECT_EQ(names_, all());
    EXPECT_EQ(result_.damages, 0u);
}

TEST_F(WalTest, FullDiskKeepsRecordsUntilThereIsRoom) {
    auto wal = open();
    ASSERT_TRUE(wal->sync(put(*wal)).ok());
    moody_.fail_append = true;
    EXPECT_EQ(wal->write(put(*wal, 1000)).error().code, Code::kUnavailable);
    EXPECT_EQ(wal->write(put(*wal)).error().code, Code::kUnavailable);
    EXPECT_FALSE(wal->flush().ok());
    EXPECT_FALSE(wal->flush().ok());
    moody_.fail_append = false;
    ASSERT_TRUE(wal->flush().ok());
    ASSERT_TRUE(wal->sync(put(*wal)).ok());
    EXPECT_EQ(after_power_cut(), all());
    wal.reset();
    wal = open();
    EXPECT_EQ(names_, all());
    EXPECT_EQ(result_.damages, 0u);
    // And again, with the segments that the failures left gone.
    wal = open();
    EXPECT_EQ(names_, all());
}

TEST_F(WalTest, TornTailIsCutAndDamageElsewhereIsSetAside) {
    auto wal = open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(wal->sync(put(*wal)).ok());
    wal.reset();
    {
        auto file = memory_.open("d/wal/00000001", fs::OpenMode::kAppend).value();
        ASSERT_TRUE(file->append(as_bytes("torn")).ok());
    }
    wal = open();
    EXPECT_EQ(names_, all());
    EXPECT_EQ(result_.torn_bytes, 4u);
    EXPECT_EQ(result_.damages, 0u);
    ASSERT_TRUE(wal->sync(put(*wal)).ok());
    wal.reset();
    // The third record: each is 7 + 16 bytes.
    ASSERT_TRUE(memory_.corrupt("d/wal/00000001", kWalHeaderBytes + 2 * 23 + 22, 0x10).ok());
    wal = open();
    EXPECT_EQ(names_, (std::vector<std::string>{"r1", "r2", "r4", "r5", "r6"}));
    EXPECT_EQ(result_.damages, 1u);
    const auto names = memory_.list("d/wal/quarantine").value();
    ASSERT_EQ(names.size(), 2u);
    EXPECT_EQ(names[0].name, "00000001-94.bin");
    const std::string report =
        fs::read_file(memory_, "d/wal/quarantine/00000001-94.txt", 10000).value();
    EXPECT_NE(report.find("bytes 94 to 117: checksum"), std::string::npos) << report;
    EXPECT_NE(report.find("series 48 "), std::string::npos) << report;
}

TEST_F(WalTest, MissingSegmentIsReportedAndTheRestIsRead) {
    segment_bytes_max_ = 1;
    auto wal = open();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(wal->sync(put(*wal)).ok());
    wal.reset();
    ASSERT_TRUE(memory_.remove_file("d/wal/00000003").ok());
    wal = open();
    EXPECT_EQ(result_.damages, 1u);
    EXPECT_EQ(names_.size(), 3u);
}

}  // namespace
}  // namespace kw::tsdb
