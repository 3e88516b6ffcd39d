// The same promises on the kernel's files and on those in memory; then what only memory can show.
#include "base/fs/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/fs/memory.h"
#include "base/fs/real.h"

namespace kw::fs {
namespace {

class BothFileSystems : public ::testing::TestWithParam<bool> {
 protected:
    void SetUp() override {
        if (GetParam()) {
            char name[] = "/tmp/kw_fs_test_XXXXXX";
            ASSERT_NE(mkdtemp(name), nullptr);
            root_ = name;
            files_ = std::make_unique<RealFileSystem>();
        } else {
            root_ = "/data";
            files_ = std::make_unique<MemoryFileSystem>();
            ASSERT_TRUE(files_->create_directories(root_).ok());
        }
    }
    void TearDown() override {
        if (GetParam()) std::filesystem::remove_all(root_);
    }
    Path at(std::string_view name) const { return join(root_, name); }
    std::string content(std::string_view name) {
        Result<std::string> text = read_file(*files_, at(name), 1 << 20);
        return text.ok() ? text.value() : "error: " + text.error().message;
    }

    Path root_;
    std::unique_ptr<FileSystem> files_;
};

TEST_P(BothFileSystems, AppendsReadsAndTruncates) {
    auto file = files_->open(at("a"), OpenMode::kAppend);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->append(as_bytes("hello ")).ok());
    ASSERT_TRUE((*file)->append(as_bytes("world")).ok());
    ASSERT_TRUE((*file)->sync().ok());
    EXPECT_EQ(content("a"), "hello world");
    uint8_t buffer[16];
    const auto count = (*file)->read_at(6, buffer);
    ASSERT_TRUE(count.ok());
    EXPECT_EQ(as_text(ByteView(buffer, *count)), "world");
    ASSERT_TRUE((*file)->truncate(5).ok());
    ASSERT_TRUE((*file)->append(as_bytes("!")).ok());
    EXPECT_EQ(content("a"), "hello!");
    EXPECT_EQ((*file)->size().value(), 6u);
    EXPECT_EQ(as_text((*files_->map(at("a")))->bytes()), "hello!");
}

TEST_P(BothFileSystems, SaysWhyNot) {
    EXPECT_EQ(files_->open(at("none"), OpenMode::kRead).error().code, Code::kNotFound);
    EXPECT_EQ(files_->map(at("none")).error().code, Code::kNotFound);
    EXPECT_EQ(files_->remove_file(at("none")).error().code, Code::kNotFound);
    EXPECT_EQ(files_->open(at("no/dir"), OpenMode::kAppend).error().code, Code::kNotFound);
    ASSERT_TRUE(files_->open(at("a"), OpenMode::kCreateNew).ok());
    EXPECT_EQ(files_->open(at("a"), OpenMode::kCreateNew).error().code, Code::kConflict);
    EXPECT_EQ(read_file(*files_, at("a"), 10).value(), "");
}

TEST_P(BothFileSystems, LimitsWhatItReads) {
    ASSERT_TRUE(write_file_atomically(*files_, at("a"), "0123456789").ok());
    EXPECT_EQ(read_file(*files_, at("a"), 10).value(), "0123456789");
    EXPECT_EQ(read_file(*files_, at("a"), 9).error().code, Code::kExhausted);
}

TEST_P(BothFileSystems, RenamesFilesAndDirectories) {
    ASSERT_TRUE(files_->create_directories(at("x/y")).ok());
    ASSERT_TRUE(write_file_atomically(*files_, at("x/y/f"), "1").ok());
    ASSERT_TRUE(files_->rename(at("x"), at("z")).ok());
    EXPECT_EQ(content("z/y/f"), "1");
    EXPECT_FALSE(files_->exists(at("x")).value());
    ASSERT_TRUE(write_file_atomically(*files_, at("z/y/f"), "2").ok());
    EXPECT_EQ(content("z/y/f"), "2");
}

TEST_P(BothFileSystems, ListsSortedWithSizes) {
    ASSERT_TRUE(files_->create_directories(at("d")).ok());
    ASSERT_TRUE(write_file_atomically(*files_, at("b"), "12").ok());
    ASSERT_TRUE(write_file_atomically(*files_, at("a"), "1").ok());
    const auto entries = files_->list(root_);
    ASSERT_TRUE(entries.ok());
    ASSERT_EQ(entries->size(), 3u);
    EXPECT_EQ((*entries)[0].name, "a");
    EXPECT_EQ((*entries)[1].size_bytes, 2u);
    EXPECT_TRUE((*entries)[2].is_directory);
    ASSERT_TRUE(files_->remove_directory(at("d")).ok());
    EXPECT_EQ(files_->list(root_)->size(), 2u);
}

TEST_P(BothFileSystems, LocksOnce) {
    auto first = files_->lock(at("lock"));
    ASSERT_TRUE(first.ok());
    const auto second = files_->lock(at("lock"));
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Code::kConflict);
    EXPECT_THAT(second.error().message, ::testing::HasSubstr("process"));
    first.value().reset();
    EXPECT_TRUE(files_->lock(at("lock")).ok());
}

INSTANTIATE_TEST_SUITE_P(All, BothFileSystems, ::testing::Values(true, false),
                         [](const auto& info) { return info.param ? "Real" : "Memory"; });

TEST(MemoryFileSystem, APowerCutLeavesOnlyWhatWasFlushed) {
    MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories("/d").ok());
    ASSERT_TRUE(files.sync_directory("").ok());
    auto kept = files.open("/d/kept", OpenMode::kAppend);
    ASSERT_TRUE((*kept)->append(as_bytes("flushed")).ok());
    ASSERT_TRUE((*kept)->sync().ok());
    auto nameless = files.open("/d/nameless", OpenMode::kAppend);
    EXPECT_TRUE(files.sync_directory("/d").ok());
    ASSERT_TRUE((*kept)->append(as_bytes(" not")).ok());
    auto late = files.open("/d/late", OpenMode::kAppend);
    ASSERT_TRUE((*late)->append(as_bytes("x")).ok());
    ASSERT_TRUE((*late)->sync().ok());

    const auto disk = files.durable_copy();
    EXPECT_EQ(read_file(*disk, "/d/kept", 100).value(), "flushed");
    EXPECT_EQ(read_file(*disk, "/d/nameless", 100).value(), "");
    EXPECT_FALSE(disk->exists("/d/late").value());  // its name was never flushed
}

TEST(MemoryFileSystem, AtomicWriteSurvivesAPowerCutWhole) {
    MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories("/d").ok());
    ASSERT_TRUE(files.sync_directory("").ok());
    ASSERT_TRUE(write_file_atomically(files, "/d/f", "old").ok());
    ASSERT_TRUE(write_file_atomically(files, "/d/f", "new").ok());
    EXPECT_EQ(read_file(*files.durable_copy(), "/d/f", 100).value(), "new");
}

}  // namespace
}  // namespace kw::fs
