// Silences in the small state: they are there after a restart, and every change is in the audit.
#include "alerting/silence_table.h"

#include <gtest/gtest.h>

#include "state/audit.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::alerting {
namespace {

TEST(SilenceTable, KeepsSilencesOverARestart) {
    state::TestWorld world;
    const state::Store::Options options{.directory = world.directory.path() + "/state"};
    Silence silence;
    silence.matchers = parse_matchers("\"a b\"=~\"x|\\\"y\\\"\\n\",team!=db").value().matchers;
    silence.starts_at = world.clock.now();
    silence.ends_at = world.clock.now() + 60'000;
    silence.created_by = "anna";
    silence.comment = "a \"quoted\"\nline";
    std::string id;
    {
        auto store = state::Store::open(world.env, options).value();
        auto table = SilenceTable::open(*store, world.clock).value();
        Silences silences(world.clock, table.get(), {});
        id = silences.set(silence, "anna").value();
        ASSERT_TRUE(silences.expire(id, "ben").ok());
    }
    auto store = state::Store::open(world.env, options).value();
    auto table = SilenceTable::open(*store, world.clock).value();
    const std::vector<Silence> loaded = table->load().value();
    ASSERT_EQ(loaded.size(), 1U);
    EXPECT_EQ(loaded[0].id, id);
    EXPECT_EQ(loaded[0].matchers, silence.matchers);
    EXPECT_EQ(loaded[0].comment, silence.comment);
    EXPECT_EQ(loaded[0].ends_at, world.clock.now());
    {
        const state::Snapshot snapshot = store->snapshot().value();
        const std::vector<state::AuditEntry> audit =
            state::read_audit(*snapshot, {.kind = "silence"}).value();
        ASSERT_EQ(audit.size(), 2U);
        EXPECT_EQ(audit[0].actor, "ben");
        EXPECT_EQ(audit[0].action, "change");
        EXPECT_EQ(audit[1].action, "create");
        EXPECT_FALSE(audit[1].before.has_value());
    }
    ASSERT_TRUE(table->remove({id}).ok());
    EXPECT_TRUE(table->load().value().empty());
}

}  // namespace
}  // namespace kw::alerting
