// The store: what is written is there, whole or not at all, in order, after a restart; full and damaged files.
#include "state/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "state/testing.h"

namespace kw::state {
namespace {

constexpr Migration kMigrations[] = {
    {1, "pairs", "CREATE TABLE pair (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;"},
};
const Schema kPairs{"pairs", kMigrations};

std::unique_ptr<Store> open_store(TestWorld& world, Store::Options options = {}) {
    options.directory = world.directory.path() + "/state";
    auto store = Store::open(world.env, options);
    EXPECT_TRUE(store.ok()) << store.error().message;
    if (!store.ok()) return nullptr;
    const Result<void> migrated = (*store)->migrate(kPairs);
    EXPECT_TRUE(migrated.ok()) << migrated.error().message;
    return std::move(store).value();
}

Store::Change put(std::string name, int64_t value) {
    return [name = std::move(name), value](Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("INSERT INTO pair VALUES (?1, ?2)", name, value));
        return {};
    };
}

// -1: it is not there.
int64_t get(Connection& connection, std::string_view name) {
    auto rows = connection.query("SELECT value FROM pair WHERE name = ?1", name);
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    const Result<bool> is_row = rows->next();
    EXPECT_TRUE(is_row.ok());
    return *is_row ? rows->integer(0) : -1;
}

int64_t get(Store& store, std::string_view name) {
    const Result<Snapshot> snapshot = store.snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.error().message;
    return get(**snapshot, name);
}

TEST(StateStore, KeepsWhatWasWrittenOverARestart) {
    TestWorld world;
    {
        const auto store = open_store(world);
        ASSERT_TRUE(store->write(put("a", 1)).ok());
        ASSERT_TRUE(store->write(put("b", INT64_MIN)).ok());
    }
    const auto store = open_store(world);
    EXPECT_EQ(get(*store, "a"), 1);
    EXPECT_EQ(get(*store, "b"), INT64_MIN);
    EXPECT_EQ(get(*store, "c"), -1);
    EXPECT_EQ(store->quarantined(), "");
}

TEST(StateStore, BindsAndReadsEveryType) {
    TestWorld world;
    const auto store = open_store(world);
    const std::string with_zero("a\0b", 3);
    const Result<Snapshot> snapshot = store->snapshot();
    ASSERT_TRUE(snapshot.ok());
    auto rows =
        (*snapshot)->query("SELECT ?1, ?2, ?3, ?4, ?5, ?6, typeof(?4)", 42, 2.5, with_zero,
                           std::optional<std::string>(), Millis{7}, "'; DROP TABLE pair;--");
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    ASSERT_TRUE(rows->next().value_or(false));
    EXPECT_EQ(rows->integer(0), 42);
    EXPECT_EQ(rows->real(1), 2.5);
    EXPECT_EQ(rows->text(2), with_zero);
    EXPECT_TRUE(rows->is_null(3));
    EXPECT_EQ(rows->optional_text(3), std::nullopt);
    EXPECT_EQ(rows->optional_integer(4), 7);
    EXPECT_EQ(rows->text(5), "'; DROP TABLE pair;--");
    EXPECT_EQ(rows->text(6), "null");
    EXPECT_FALSE(rows->next().value_or(true));
    EXPECT_EQ(get(**snapshot, "a"), -1);  // the table is still there
}

TEST(StateStore, UndoesAChangeThatFailsAndKeepsTheOthers) {
    TestWorld world;
    const auto store = open_store(world);
    ASSERT_TRUE(store->write(put("a", 1)).ok());
    const Result<void> refused = store->write([](Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("INSERT INTO pair VALUES ('half', 1)"));
        return invalid("no");
    });
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    const Result<void> twice = store->write(put("a", 2));
    ASSERT_FALSE(twice.ok());
    EXPECT_EQ(twice.error().code, Code::kConflict);
    const Result<void> thrown = store->write([](Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("INSERT INTO pair VALUES ('thrown', 1)"));
        throw std::runtime_error("broken");
    });
    ASSERT_FALSE(thrown.ok());
    EXPECT_EQ(thrown.error().code, Code::kInternal);
    ASSERT_TRUE(store->write(put("b", 2)).ok());
    EXPECT_EQ(get(*store, "a"), 1);
    EXPECT_EQ(get(*store, "half"), -1);
    EXPECT_EQ(get(*store, "thrown"), -1);
    EXPECT_EQ(get(*store, "b"), 2);
}

TEST(StateStore, AChangeThatEndsTheTransactionIsAnErrorOfItsGroup) {
    TestWorld world;
    const auto store = open_store(world);
    const Result<void> ended = store->write(
        [](Connection& transaction) -> Result<void> { return transaction.run_script("ROLLBACK"); });
    ASSERT_FALSE(ended.ok());
    EXPECT_EQ(ended.error().code, Code::kInternal);
    EXPECT_TRUE(store->write(put("a", 1)).ok());
}

TEST(StateStore, AWriteFromTheWriterIsRefusedRatherThanWaitingForItself) {
    TestWorld world;
    const auto store = open_store(world);
    Result<void> inner;
    ASSERT_TRUE(store
                    ->write([&](Connection&) -> Result<void> {
                        inner = store->write(put("a", 1));
                        return {};
                    })
                    .ok());
    ASSERT_FALSE(inner.ok());
    EXPECT_EQ(inner.error().code, Code::kInternal);
}

TEST(StateStore, CommitsChangesThatWaitTogetherInTheirOrder) {
    TestWorld world;
    const auto store = open_store(world);
    Counter& commits = world.metrics.counter("kilowatch_state_commits_total", "");
    std::atomic<bool> go = false;
    std::atomic<int> done = 0;
    // Holds the writer until 100 changes wait behind it.
    store->write_later(
        [&](Connection&) -> Result<void> {
            go.wait(false);
            return {};
        },
        [&](const Result<void>&) { ++done; });
    const uint64_t before = commits.value();
    for (int i = 0; i < 100; ++i)
        store->write_later(
            [i](Connection& transaction) -> Result<void> {
                KW_TRY_ASSIGN(auto rows, transaction.query("SELECT count(*) FROM pair"));
                KW_TRY_ASSIGN(const bool is_row, rows.next());
                if (!is_row || rows.integer(0) != i) return internal_error("out of order");
                return put(fmt::format("{}", i), i)(transaction);
            },
            [&](const Result<void>& outcome) {
                EXPECT_TRUE(outcome.ok()) << outcome.error().message;
                ++done;
            });
    go = true;
    go.notify_all();
    ASSERT_TRUE(store->write(put("last", 1)).ok());
    EXPECT_EQ(done, 101);
    EXPECT_LE(commits.value() - before, 4);
    EXPECT_EQ(get(*store, "99"), 99);
}

TEST(StateStore, ASnapshotDoesNotSeeWhatIsCommittedLater) {
    TestWorld world;
    const auto store = open_store(world);
    ASSERT_TRUE(store->write(put("a", 1)).ok());
    const Result<Snapshot> old = store->snapshot();
    ASSERT_TRUE(old.ok());
    ASSERT_TRUE(store->write(put("b", 2)).ok());
    EXPECT_EQ(get(**old, "b"), -1);
    EXPECT_EQ(get(*store, "b"), 2);
    const Result<int64_t> written = (*old)->run("INSERT INTO pair VALUES ('c', 3)");
    EXPECT_FALSE(written.ok());  // readers may not write
}

TEST(StateStore, BoundsSnapshotsAndWaitingChanges) {
    TestWorld world;
    std::atomic<bool> running = false;  // outlive the store, whose thread waits for them
    std::atomic<bool> go = false;
    Store::Options options;
    options.readers_max = 2;
    options.reader_wait = std::chrono::milliseconds(1);
    options.queue_max = 1;
    const auto store = open_store(world, options);
    {
        const Result<Snapshot> one = store->snapshot();
        const Result<Snapshot> two = store->snapshot();
        ASSERT_TRUE(one.ok() && two.ok());
        const Result<Snapshot> three = store->snapshot();
        ASSERT_FALSE(three.ok());
        EXPECT_EQ(three.error().code, Code::kExhausted);
    }
    EXPECT_TRUE(store->snapshot().ok());
    store->write_later(
        [&](Connection&) -> Result<void> {
            running = true;
            running.notify_all();
            go.wait(false);
            return {};
        },
        [](const Result<void>&) {});
    running.wait(false);
    store->write_later(put("waits", 1),
                       [](const Result<void>& outcome) { EXPECT_TRUE(outcome.ok()); });
    const Result<void> refused = store->write(put("no", 1));
    EXPECT_EQ(refused.ok() ? Code::kInternal : refused.error().code, Code::kExhausted);
    go = true;
    go.notify_all();
}

TEST(StateStore, SaysThatItIsFullAndRecovers) {
    TestWorld world;
    Store::Options options;
    options.bytes_max = 512 << 10;
    const auto store = open_store(world, options);
    const std::string block(100 << 10, 'x');
    Result<void> outcome;
    int written = 0;
    while (outcome.ok() && written < 100) {
        outcome = store->write(put(fmt::format("{}{}", block, written), written));
        if (outcome.ok()) ++written;
    }
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code, Code::kExhausted) << outcome.error().message;
    EXPECT_GE(written, 2);
    EXPECT_EQ(get(*store, block + "0"), 0);  // what was acknowledged is there
    ASSERT_TRUE(store
                    ->write([](Connection& transaction) -> Result<void> {
                        KW_TRY(transaction.run("DELETE FROM pair"));
                        return {};
                    })
                    .ok());
    EXPECT_TRUE(store->write(put("after", 1)).ok());
    EXPECT_EQ(get(*store, "after"), 1);
}

TEST(StateStore, RefusesASecondProcess) {
    TestWorld world;
    const auto store = open_store(world);
    const auto second = Store::open(world.env, {.directory = world.directory.path() + "/state"});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Code::kConflict);
}

void overwrite(const std::string& path, int64_t offset, const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
}

TEST(StateStore, PutsADamagedFileAsideAndBeginsAnEmptyOne) {
    struct Row {
        std::string_view what;
        int64_t offset;
        size_t size;
    };
    const Row rows[] = {{"the magic", 0, 16}, {"pages of tables", 2 * 4096, 6 * 4096}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        TestWorld world;
        {
            const auto store = open_store(world);
            for (int i = 0; i < 300; ++i)
                ASSERT_TRUE(store->write(put(fmt::format("{:0>200}", i), i)).ok());
        }
        overwrite(world.directory.path() + "/state/state.db", row.offset,
                  std::string(row.size, 'Z'));
        const auto store = open_store(world);
        EXPECT_NE(store->quarantined().find("state.db.corrupt-"), std::string::npos);
        EXPECT_TRUE(std::filesystem::exists(store->quarantined()));
        EXPECT_EQ(get(*store, fmt::format("{:0>200}", 1)), -1);
        EXPECT_TRUE(store->write(put("new", 1)).ok());
    }
}

TEST(StateStore, RefusesWhatAnotherProgramOrANewerVersionWrote) {
    TestWorld world;
    const std::string path = world.directory.path() + "/state/state.db";
    std::filesystem::create_directories(world.directory.path() + "/state");
    const Store::Options options{.directory = world.directory.path() + "/state"};
    {
        auto other = Connection::open(path, Connection::Mode::kWrite);
        ASSERT_TRUE(other.ok());
        ASSERT_TRUE((*other)->run_script("CREATE TABLE t (a); PRAGMA application_id = 5;").ok());
    }
    auto refused = Store::open(world.env, options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kUnsupported);
    std::filesystem::remove(path);
    {
        ASSERT_NE(open_store(world), nullptr);
    }
    {
        auto newer = Connection::open(path, Connection::Mode::kWrite);
        ASSERT_TRUE(newer.ok());
        ASSERT_TRUE((*newer)->run_script("PRAGMA user_version = 2;").ok());
    }
    refused = Store::open(world.env, options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kUnsupported);
    EXPECT_NE(refused.error().message.find("has format 2"), std::string::npos);
}

TEST(StateStore, ManyWritersAndReadersAtOnce) {
    TestWorld world;
    const auto store = open_store(world);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) {
                const std::string name = fmt::format("{}-{}", t, i);
                ASSERT_TRUE(store->write(put(name, i)).ok());
                ASSERT_EQ(get(*store, name), i);  // one's own writes are seen
            }
        });
    threads.clear();
    const Result<Snapshot> snapshot = store->snapshot();
    ASSERT_TRUE(snapshot.ok());
    auto rows = (*snapshot)->query("SELECT count(*) FROM pair");
    ASSERT_TRUE(rows.ok() && rows->next().value_or(false));
    EXPECT_EQ(rows->integer(0), 200);
}

}  // namespace
}  // namespace kw::state
