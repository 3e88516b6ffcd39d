// Migrations run once, in order, whole or not at all; what does not fit is refused with its reason.
#include "state/migrations.h"

#include <gtest/gtest.h>

#include <vector>

#include "state/store.h"
#include "state/testing.h"

namespace kw::state {
namespace {

constexpr Migration kOne{1, "first", "CREATE TABLE m_one (a INTEGER) STRICT;"};
constexpr Migration kTwo{2, "second", "ALTER TABLE m_one ADD COLUMN b TEXT;"};

Result<void> migrate(TestWorld& world, const std::vector<Migration>& migrations) {
    KW_TRY_ASSIGN(auto store, Store::open(world.env, {.directory = world.directory.path() + "/s"}));
    return store->migrate({"m", migrations});
}

bool has_column(TestWorld& world, std::string_view column) {
    auto store = Store::open(world.env, {.directory = world.directory.path() + "/s"});
    EXPECT_TRUE(store.ok());
    const Result<Snapshot> snapshot = (*store)->snapshot();
    EXPECT_TRUE(snapshot.ok());
    auto rows =
        (*snapshot)->query("SELECT 1 FROM pragma_table_info('m_one') WHERE name = ?1", column);
    EXPECT_TRUE(rows.ok());
    return rows->next().value_or(false);
}

TEST(StateMigrations, RunOnceAndThenWhatIsNew) {
    TestWorld world;
    ASSERT_TRUE(migrate(world, {kOne}).ok());
    EXPECT_TRUE(has_column(world, "a"));
    EXPECT_FALSE(has_column(world, "b"));
    ASSERT_TRUE(migrate(world, {kOne, kTwo}).ok());
    EXPECT_TRUE(has_column(world, "b"));
    EXPECT_TRUE(migrate(world, {kOne, kTwo}).ok());
}

TEST(StateMigrations, OneThatFailsLeavesNothingOfItsGroup) {
    TestWorld world;
    const Result<void> failed =
        migrate(world, {kOne, {2, "wrong", "CREATE TABLE m_two (a INTEGER) STRICT; NONSENSE;"}});
    ASSERT_FALSE(failed.ok());
    EXPECT_NE(failed.error().message.find("migration 2 (wrong) of m"), std::string::npos);
    EXPECT_FALSE(has_column(world, "a"));
    EXPECT_TRUE(migrate(world, {kOne, kTwo}).ok());
}

TEST(StateMigrations, RefusesWhatDoesNotFit) {
    struct Row {
        std::string_view what;
        std::vector<Migration> migrations;
        Code want;
    };
    const Row rows[] = {
        {"a newer program's", {kOne}, Code::kUnsupported},
        {"another text",
         {kOne, {2, "second", "ALTER TABLE m_one ADD COLUMN b INTEGER;"}},
         Code::kConflict},
        {"a gap", {kOne, kTwo, {4, "fourth", "SELECT 1;"}}, Code::kInternal},
        {"ends the transaction", {kOne, kTwo, {3, "third", "COMMIT;"}}, Code::kInternal},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        TestWorld world;
        ASSERT_TRUE(migrate(world, {kOne, kTwo}).ok());
        const Result<void> refused = migrate(world, row.migrations);
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.error().code, row.want) << refused.error().message;
    }
}

}  // namespace
}  // namespace kw::state
