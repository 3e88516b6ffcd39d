// The statements against the catalogues of PostgreSQL 13 to 17 as their documentation has them: a statement that is sent
// to a version names no column and no view that this version lacks.
// Source: https://www.postgresql.org/docs/13/monitoring-stats.html to /17/, and the release notes between.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "collect/postgres/queries.h"
#include "collect/postgres/statements.h"

namespace kw::collect {
namespace {

constexpr int kVersions[] = {130000, 140000, 150000, 160000, 170000};

// What came or went between the first and the last of these versions, in the views that are asked. An empty column is
// the view itself.
struct Change {
    std::string_view view;
    std::string_view column;
    int since;  // inclusive; 0: 13 has it
    int until;  // exclusive; 0: 17 has it
};
constexpr Change kChanges[] = {
    {"pg_stat_database", "session_time", 140000, 0},
    {"pg_stat_database", "active_time", 140000, 0},
    {"pg_stat_database", "idle_in_transaction_time", 140000, 0},
    {"pg_stat_database", "sessions", 140000, 0},
    {"pg_stat_database", "sessions_abandoned", 140000, 0},
    {"pg_stat_database", "sessions_fatal", 140000, 0},
    {"pg_stat_database", "sessions_killed", 140000, 0},
    {"pg_stat_database_conflicts", "confl_active_logicalslot", 160000, 0},
    {"pg_stat_bgwriter", "checkpoints_timed", 0, 170000},
    {"pg_stat_bgwriter", "checkpoints_req", 0, 170000},
    {"pg_stat_bgwriter", "checkpoint_write_time", 0, 170000},
    {"pg_stat_bgwriter", "checkpoint_sync_time", 0, 170000},
    {"pg_stat_bgwriter", "buffers_checkpoint", 0, 170000},
    {"pg_stat_bgwriter", "buffers_backend", 0, 170000},
    {"pg_stat_bgwriter", "buffers_backend_fsync", 0, 170000},
    {"pg_stat_checkpointer", "", 170000, 0},
    {"pg_stat_wal", "", 140000, 0},
    {"pg_stat_io", "", 160000, 0},
    {"pg_stat_replication_slots", "", 140000, 0},
    {"pg_stat_subscription_stats", "", 150000, 0},
    {"pg_wait_events", "", 170000, 0},
    {"pg_stat_activity", "query_id", 140000, 0},
    {"pg_locks", "waitstart", 140000, 0},
    {"pg_replication_slots", "two_phase", 140000, 0},
    {"pg_replication_slots", "conflicting", 160000, 0},
    {"pg_replication_slots", "invalidation_reason", 170000, 0},
    {"pg_replication_slots", "inactive_since", 170000, 0},
    {"pg_replication_slots", "failover", 170000, 0},
    {"pg_replication_slots", "synced", 170000, 0},
    {"pg_stat_wal_receiver", "received_lsn", 130000,
     130000},  // written_lsn and flushed_lsn from 13 on
    {"pg_stat_user_tables", "last_seq_scan", 160000, 0},
    {"pg_stat_user_tables", "last_idx_scan", 160000, 0},
    {"pg_stat_user_tables", "n_tup_newpage_upd", 160000, 0},
    {"pg_stat_user_indexes", "last_idx_scan", 160000, 0},
};

// The words of a statement outside of its quoted texts.
std::set<std::string> words_of(std::string_view sql) {
    std::set<std::string> words;
    std::string word;
    bool quoted = false;
    for (const char c : sql) {
        if (c == '\'') quoted = !quoted;
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!quoted && is_letter) {
            word += c;
        } else if (!word.empty()) {
            words.insert(std::exchange(word, {}));
        }
    }
    if (!word.empty()) words.insert(word);
    return words;
}

bool has(const Change& change, int version) {
    return version >= change.since && (change.until == 0 || version < change.until);
}

TEST(PostgresVersions, NoStatementNamesWhatItsServerLacks) {
    std::set<std::string_view> met;  // changes that some statement names
    for (const int version : kVersions) {
        std::set<std::string_view> names;
        for (const auto& queries :
             {postgres_server_queries(), postgres_database_queries(), postgres_table_queries()}) {
            for (const PostgresQuery& query : queries) {
                if (version < query.version_min ||
                    (query.version_max != 0 && version >= query.version_max)) {
                    continue;
                }
                EXPECT_TRUE(names.insert(query.name).second)
                    << query.name << " is asked twice of " << version;
                const std::set<std::string> words = words_of(query.sql);
                for (const Change& change : kChanges) {
                    if (!words.contains(std::string(change.view))) continue;
                    if (!change.column.empty() && !words.contains(std::string(change.column))) {
                        continue;
                    }
                    met.insert(change.column.empty() ? change.view : change.column);
                    EXPECT_TRUE(has(change, version))
                        << query.name << " asks " << version << " for " << change.view << "."
                        << change.column;
                }
            }
        }
        // The same figures of every version, whatever view has them.
        for (const std::string_view name : {"stat_database", "stat_bgwriter", "locks"}) {
            EXPECT_TRUE(names.contains(name)) << name << " of " << version;
        }
    }
    // The table is about these statements: each of the kinds of change is met.
    for (const std::string_view one : {"session_time", "buffers_backend", "pg_stat_checkpointer"}) {
        EXPECT_TRUE(met.contains(one)) << one;
    }
}

// The extension has versions of its own: 1.8 came with 13, 1.9 with 14, 1.10 with 15, 1.11 with 17.
TEST(PostgresVersions, StatementsAreAskedByTheExtensionsOwnVersion) {
    struct Row {
        std::string_view version;
        std::string_view has;
        std::string_view lacks;
    };
    const Row rows[] = {
        {"1.8", "s.blk_read_time", "shared_blk_read_time"},
        {"1.9", "s.blk_read_time", "shared_blk_read_time"},
        {"1.10", "s.blk_write_time", "shared_blk_write_time"},
        {"1.11", "s.shared_blk_read_time", "s.blk_read_time"},
        {"1.12", "s.shared_blk_write_time", "s.blk_write_time"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.version);
        const std::string sql = StatementCounter::sql("public", row.version);
        EXPECT_NE(sql.find(row.has), std::string::npos) << sql;
        EXPECT_EQ(sql.find(row.lacks), std::string::npos) << sql;
        EXPECT_NE(sql.find("total_exec_time"), std::string::npos) << sql;  // total_time before 1.8
    }
}

}  // namespace
}  // namespace kw::collect
