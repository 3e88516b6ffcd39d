// The audit table: with its change or not at all, filtered, paged, never changed.
#include "state/audit.h"

#include <gtest/gtest.h>

#include "state/store.h"
#include "state/testing.h"

namespace kw::state {
namespace {

std::unique_ptr<Store> open_store(TestWorld& world) {
    auto store = Store::open(world.env, {.directory = world.directory.path() + "/s"});
    EXPECT_TRUE(store.ok());
    return store.ok() ? std::move(store).value() : nullptr;
}

Result<void> record(Store& store, const AuditEntry& entry) {
    return store.write([&](Connection& transaction) -> Result<void> {
        KW_TRY(record_audit(transaction, entry));
        return {};
    });
}

std::vector<AuditEntry> read(Store& store, const AuditFilter& filter) {
    const Result<Snapshot> snapshot = store.snapshot();
    EXPECT_TRUE(snapshot.ok());
    Result<std::vector<AuditEntry>> entries = read_audit(**snapshot, filter);
    EXPECT_TRUE(entries.ok()) << entries.error().message;
    return std::move(entries).value();
}

AuditEntry silence(int64_t at, std::string actor, std::string object) {
    return {0,         Millis{at},        std::move(actor), "127.0.0.1",     "create",
            "silence", std::move(object), std::nullopt,     R"({"by":"me"})"};
}

TEST(StateAudit, GivesBackWhoWhenAndWhat) {
    TestWorld world;
    const auto store = open_store(world);
    AuditEntry entry = silence(100, "ann", "s1");
    entry.before = R"({"a":[1,null]})";
    ASSERT_TRUE(record(*store, entry).ok());
    const auto got = read(*store, {});
    ASSERT_EQ(got.size(), 1);
    entry.id = 1;
    EXPECT_EQ(got[0], entry);
}

TEST(StateAudit, FiltersAndPages) {
    TestWorld world;
    const auto store = open_store(world);
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(
            record(*store, silence(100 * i, i % 2 == 0 ? "ann" : "bob", fmt::format("s{}", i / 2)))
                .ok());
    struct Row {
        std::string_view what;
        AuditFilter filter;
        std::vector<int64_t> want;
    };
    const Row rows[] = {
        {"newest first", {.limit = 3}, {10, 9, 8}},
        {"next page", {.before_id = 8, .limit = 3}, {7, 6, 5}},
        {"by actor", {.actor = "bob", .limit = 2}, {10, 8}},
        {"by object", {.kind = "silence", .object = "s1"}, {4, 3}},
        {"by time", {.from = Millis{200}, .to = Millis{300}}, {4, 3}},
        {"no such action", {.action = "remove"}, {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        std::vector<int64_t> got;
        for (const AuditEntry& entry : read(*store, row.filter)) got.push_back(entry.id);
        EXPECT_EQ(got, row.want);
    }
}

TEST(StateAudit, RefusesWhatIsNoJsonOrTooLongAndItsChangeWithIt) {
    TestWorld world;
    const auto store = open_store(world);
    AuditEntry entry = silence(1, "ann", "s");
    entry.after = "{";
    EXPECT_EQ(record(*store, entry).error().code, Code::kInvalid);
    entry.after = "\"" + std::string(kAuditJsonBytesMax, 'x') + "\"";
    EXPECT_EQ(record(*store, entry).error().code, Code::kExhausted);
    EXPECT_EQ(record(*store, silence(1, std::string(2000, 'x'), "s")).error().code,
              Code::kExhausted);
    EXPECT_TRUE(read(*store, {}).empty());
}

// guide: G150
TEST(StateAudit, CountsWhatItTakesSinceTheStart) {
    TestWorld world;
    const auto count = [&](std::string_view action) {
        return world.metrics
            .counter("audit_events_total", "",
                     {{"action", std::string(action)}, {"kind", "silence"}})
            .value();
    };
    {
        const auto store = open_store(world);
        for (const std::string action : {"create", "change", "change"}) {
            AuditEntry entry = silence(100, "ann", "s1");
            entry.action = action;
            ASSERT_TRUE(record(*store, entry).ok());
        }
        EXPECT_EQ(count("create"), 1);
        EXPECT_EQ(count("change"), 2);
    }
    const auto again = open_store(world);  // what stands there already is not counted again
    ASSERT_TRUE(record(*again, silence(200, "ann", "s2")).ok());
    EXPECT_EQ(count("create"), 2);
    EXPECT_EQ(count("change"), 2);
}

TEST(StateAudit, IsNeverChanged) {
    TestWorld world;
    const auto store = open_store(world);
    ASSERT_TRUE(record(*store, silence(1, "ann", "s")).ok());
    const Result<void> changed = store->write([](Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("UPDATE audit SET actor = 'bob'"));
        return {};
    });
    EXPECT_FALSE(changed.ok());
    const Result<void> removed = store->write([](Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("DELETE FROM audit"));
        return {};
    });
    EXPECT_FALSE(removed.ok());
    EXPECT_EQ(read(*store, {}).size(), 1);
}

}  // namespace
}  // namespace kw::state
