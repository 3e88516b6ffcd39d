#include "app/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::app {
namespace {

TEST(Snapshot, IsThereWholeOrNotAtAll) {
    FakeClock clock{Millis{1'700'000'000'000}};
    fs::MemoryFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool{"test", 1};
    Environment env{clock, files, log, metrics, pool};
    const auto fill = [&](const fs::Path& directory) {
        return fs::write_file_atomically(files, fs::join(directory, "a"), "1");
    };
    const Result<std::string> name = make_snapshot(env, "data", fill);
    ASSERT_TRUE(name.ok());
    EXPECT_THAT(*name, testing::StartsWith("20231114T221320Z-"));
    EXPECT_EQ(name->size(), 33u);
    EXPECT_EQ(fs::read_file(files, "data/snapshots/" + *name + "/a", 10).value(), "1");

    const Result<std::string> failed = make_snapshot(env, "data", [&](const fs::Path& directory) {
        EXPECT_TRUE(fill(directory).ok());
        return Result<void>(exhausted("disk full"));
    });
    EXPECT_EQ(failed.error().message, "disk full");
    EXPECT_EQ(files.list("data/snapshots").value().size(), 1u);

    ASSERT_TRUE(files.create_directories("data/snapshots/20231114T221320Z-0.tmp").ok());
    EXPECT_TRUE(remove_unfinished_snapshots(files, "data").ok());
    EXPECT_TRUE(remove_unfinished_snapshots(files, "elsewhere").ok());
    EXPECT_EQ(files.list("data/snapshots").value().size(), 1u);
}

}  // namespace
}  // namespace kw::app
