#include "base/fs/failing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace kw::fs {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

constexpr uint64_t kSeeds = 400;

std::string content(FileSystem& files, const Path& path) {
    const Result<std::string> text = read_file(files, path, 1 << 20);
    return text.ok() ? text.value() : "absent";
}

// What `path` may hold after a crash, over many seeds.
std::set<std::string> outcomes(const FailingFileSystem& files, const Path& path) {
    std::set<std::string> all;
    for (uint64_t seed = 0; seed < kSeeds; ++seed)
        all.insert(content(*files.after_crash(seed), path));
    return all;
}

std::unique_ptr<File> create(FileSystem& files, const Path& path, std::string_view text) {
    std::unique_ptr<File> file = files.open(path, OpenMode::kCreateNew).value();
    EXPECT_TRUE(file->append(as_bytes(text)).ok());
    return file;
}

TEST(Failing, BehavesLikeAnyFileSystemUntilTold) {
    FailingFileSystem files;
    ASSERT_TRUE(files.create_directories("/data/a/b").ok());
    auto file = create(files, "/data/a/b/f", "hello");
    EXPECT_EQ(content(files, "/data/a/b/f"), "hello");
    EXPECT_EQ(files.open("/data/a/b/f", OpenMode::kCreateNew).error().code, Code::kConflict);
    EXPECT_EQ(files.open("/data/x/f", OpenMode::kAppend).error().code, Code::kNotFound);
    EXPECT_EQ(files.open("/data/a/b/g", OpenMode::kRead).error().code, Code::kNotFound);
    ASSERT_TRUE(files.rename("/data/a/b", "/data/c").ok());
    EXPECT_EQ(content(files, "/data/c/f"), "hello");
    ASSERT_TRUE(files.hard_link("/data/c/f", "/data/g").ok());
    ASSERT_TRUE(file->append(as_bytes("!")).ok());
    EXPECT_EQ(content(files, "/data/g"), "hello!");
    EXPECT_EQ(files.rename("/data/a", "/data/c").error().code, Code::kUnavailable);
    std::vector<std::string> names;
    for (const auto& entry : files.list("/data").value()) names.push_back(entry.name);
    EXPECT_THAT(names, ::testing::ElementsAre("a", "c", "g"));
    ASSERT_TRUE(files.remove_directory("/data/c").ok());
    EXPECT_FALSE(files.exists("/data/c").value());
    ASSERT_TRUE(files.remove_file("/data/g").ok());
    auto held = files.lock("/data/lock");
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(files.lock("/data/lock").error().code, Code::kConflict);
    held.value().reset();
    EXPECT_TRUE(files.lock("/data/lock").ok());
}

TEST(Failing, KeepsSyncedBytesAndLosesOthersInEveryWay) {
    FailingFileSystem files;
    const auto file = create(files, "f", "synced");
    ASSERT_TRUE(file->sync().ok());
    ASSERT_TRUE(files.sync_directory(".").ok());
    ASSERT_TRUE(file->append(as_bytes("tail")).ok());
    EXPECT_EQ(content(*files.after_crash(0), "f"), "synced");
    EXPECT_EQ(content(*files.after_crash(1), "f"), "syncedtail");
    const std::set<std::string> found = outcomes(files, "f");
    using namespace std::string_literals;
    EXPECT_THAT(found, IsSupersetOf({"synced"s, "syncedt"s, "syncedta"s, "syncedtai"s,
                                     "syncedtail"s, "synced\0\0\0\0"s}));
    EXPECT_THAT(found, Each(::testing::StartsWith("synced")));
}

TEST(Failing, ReordersWhatWasNotSynced) {
    FailingFileSystem files;
    const auto file = create(files, "f", std::string(2048, 'x'));
    ASSERT_TRUE(files.sync_directory(".").ok());
    bool hole = false;  // a later sector is there and an earlier one is not
    for (const std::string& text : outcomes(files, "f")) {
        if (text.size() > 1024 && text[0] == '\0' && text[1024] == 'x') hole = true;
    }
    EXPECT_TRUE(hole);
}

TEST(Failing, NamesAreLostUntilTheirDirectoryIsSynced) {
    FailingFileSystem files;
    ASSERT_TRUE(files.create_directories("d").ok());
    ASSERT_TRUE(files.sync_directory(".").ok());
    const auto file = create(files, "d/new", "1");
    ASSERT_TRUE(file->sync().ok());
    EXPECT_THAT(outcomes(files, "d/new"), UnorderedElementsAre("absent", "1"));
    ASSERT_TRUE(files.sync_directory("d").ok());
    EXPECT_THAT(outcomes(files, "d/new"), UnorderedElementsAre("1"));
}

TEST(Failing, ARenameReplacesAtOnce) {
    FailingFileSystem files;
    ASSERT_TRUE(create(files, "f", "old")->sync().ok());
    ASSERT_TRUE(files.sync_directory(".").ok());
    ASSERT_TRUE(create(files, "f.tmp", "new")->sync().ok());
    ASSERT_TRUE(files.rename("f.tmp", "f").ok());
    EXPECT_THAT(outcomes(files, "f"), UnorderedElementsAre("old", "new"));
    ASSERT_TRUE(files.sync_directory(".").ok());
    EXPECT_THAT(outcomes(files, "f"), UnorderedElementsAre("new"));
}

TEST(Failing, ARenamedDirectoryKeepsWhatWasDurableInIt) {
    FailingFileSystem files;
    ASSERT_TRUE(files.create_directories("a.tmp").ok());
    ASSERT_TRUE(create(files, "a.tmp/f", "1")->sync().ok());
    ASSERT_TRUE(files.sync_directory("a.tmp").ok());
    ASSERT_TRUE(files.rename("a.tmp", "a").ok());
    EXPECT_THAT(outcomes(files, "a/f"), UnorderedElementsAre("absent", "1"));
    ASSERT_TRUE(files.sync_directory(".").ok());
    EXPECT_THAT(outcomes(files, "a/f"), UnorderedElementsAre("1"));
}

TEST(Failing, FaultsHitTheirOperation) {
    struct Row {
        std::string_view what;
        Fault::Kind kind;
        Code want;
        bool part;     // some of the append is there
        bool crashes;  // everything afterwards fails
    };
    const Row rows[] = {
        {"EIO", Fault::kError, Code::kUnavailable, false, false},
        {"ENOSPC", Fault::kNoSpace, Code::kExhausted, true, false},
        {"short write", Fault::kShortWrite, Code::kUnavailable, true, false},
        {"torn", Fault::kTear, Code::kUnavailable, true, true},
        {"crash", Fault::kCrash, Code::kUnavailable, false, true},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        FailingFileSystem files;
        const auto file = files.open("f", OpenMode::kAppend).value();  // operation 1
        ASSERT_TRUE(files.sync_directory(".").ok());                   // operation 2
        files.inject({row.kind, 3});
        const Result<void> failed = file->append(Bytes(10'000, 'x'));
        ASSERT_FALSE(failed.ok());
        EXPECT_EQ(failed.error().code, row.want);
        EXPECT_EQ(files.operation_count(), 3u);
        EXPECT_EQ(files.crashed(), row.crashes);
        const size_t written = content(*files.after_crash(1), "f").size();
        EXPECT_EQ(written > 0, row.part);
        EXPECT_LT(written, 10'000u);
        EXPECT_EQ(file->append(as_bytes("more")).ok(), !row.crashes);
        EXPECT_EQ(file->size().ok(), !row.crashes);
        EXPECT_EQ(files.list(".").ok(), !row.crashes);
    }
}

TEST(Failing, AFullDiskStaysFullAsLongAsTold) {
    FailingFileSystem files;
    const auto file = create(files, "f", "1");  // operations 1 and 2
    files.inject({Fault::kNoSpace, 3, 3});
    EXPECT_EQ(files.space(".").value().available_bytes > 0, true);
    EXPECT_EQ(file->append(as_bytes("2")).error().code, Code::kExhausted);
    EXPECT_EQ(files.space(".").value().available_bytes, 0u);
    EXPECT_TRUE(file->sync().ok());
    EXPECT_EQ(files.open("g", OpenMode::kAppend).error().code, Code::kExhausted);
    EXPECT_TRUE(file->append(as_bytes("3")).ok());
}

TEST(Failing, WhatAFailedSyncForgotIsNotMadeDurableByTheNext) {
    FailingFileSystem files;
    const auto file = create(files, "f", "kept");
    ASSERT_TRUE(file->sync().ok());
    ASSERT_TRUE(files.sync_directory(".").ok());
    ASSERT_TRUE(file->append(as_bytes("lost")).ok());
    files.inject({Fault::kError, files.operation_count() + 1});
    ASSERT_FALSE(file->sync().ok());
    ASSERT_TRUE(file->append(as_bytes("more")).ok());
    ASSERT_TRUE(file->sync().ok());
    using namespace std::string_literals;
    EXPECT_THAT(outcomes(files, "f"), UnorderedElementsAre("keptlostmore", "kept\0\0\0\0more"s));
}

TEST(Failing, StartsFromWhatACrashLeft) {
    FailingFileSystem first;
    ASSERT_TRUE(first.create_directories("/d").ok());
    ASSERT_TRUE(create(first, "/d/f", "1")->sync().ok());
    ASSERT_TRUE(first.sync_directory("/d").ok());
    ASSERT_TRUE(first.sync_directory("/").ok());
    first.crash();
    FailingFileSystem second(*first.after_crash(0));
    EXPECT_EQ(second.operation_count(), 0u);
    EXPECT_EQ(content(second, "/d/f"), "1");
    EXPECT_THAT(outcomes(second, "/d/f"), UnorderedElementsAre("1"));
}

TEST(Failing, AtomicWritesAreAtomicAtEveryOperation) {
    for (const Fault::Kind kind : {Fault::kError, Fault::kNoSpace, Fault::kTear, Fault::kCrash}) {
        for (uint64_t operation = 1; operation <= 12; ++operation) {
            SCOPED_TRACE(
                fmt::format("fault {} at operation {}", static_cast<int>(kind), operation));
            FailingFileSystem files;
            ASSERT_TRUE(write_file_atomically(files, "f", "old").ok());
            files.inject({kind, files.operation_count() + operation});
            const bool written = write_file_atomically(files, "f", "new").ok();
            files.crash();
            for (const std::string& text : outcomes(files, "f")) {
                EXPECT_THAT(text, AnyOf("old", "new"));
                if (written) EXPECT_EQ(text, "new");
            }
        }
    }
}

}  // namespace
}  // namespace kw::fs
