// By database: sizes, statistics, sessions, locks, age of transaction ids.
#include "collect/postgres/queries.h"

namespace kw::collect {
namespace {

constexpr PostgresMetric kDatabase[] = {
    {"pg_database_size_bytes", "gauge", "Disk space used by the database"},
    {"pg_database_connection_limit", "gauge",
     "Connections that the database may have; -1 is no limit"},
};
constexpr char kDatabaseSql[] = R"(
SELECT datname,
       CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER')
            THEN pg_database_size(oid) END,
       datconnlimit
FROM pg_database ORDER BY 1 LIMIT 500)";

constexpr PostgresMetric kWraparound[] = {
    {"pg_database_wraparound_age_datfrozenxid_seconds", "gauge",
     "Transactions since the oldest that is not frozen (a count, in spite of the name)"},
    {"pg_database_wraparound_age_datminmxid_seconds", "gauge",
     "Multixacts since the oldest that is in use (a count, in spite of the name)"},
};
constexpr char kWraparoundSql[] = R"(
SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database WHERE datallowconn ORDER BY 1 LIMIT 500)";

// The columns that every version has, then those from 14 on.
#define KW_STAT_DATABASE_COLUMNS                                                                 \
    "datid, coalesce(datname, '') AS datname, numbackends, xact_commit, xact_rollback, "         \
    "blks_read, blks_hit, "                                                                      \
    "tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, temp_files, " \
    "temp_bytes, "                                                                               \
    "deadlocks, blk_read_time, blk_write_time, coalesce(extract(epoch FROM stats_reset), 0), "   \
    "checksum_failures, "                                                                        \
    "extract(epoch FROM checksum_last_failure)"
constexpr char kStatDatabaseSql[] =
    "SELECT " KW_STAT_DATABASE_COLUMNS " FROM pg_stat_database ORDER BY datid LIMIT 500";
constexpr char kStatDatabase14Sql[] =
    "SELECT " KW_STAT_DATABASE_COLUMNS
    ", session_time, active_time, active_time / 1000, idle_in_transaction_time, sessions, "
    "sessions_abandoned, "
    "sessions_fatal, sessions_killed FROM pg_stat_database ORDER BY datid LIMIT 500";
#undef KW_STAT_DATABASE_COLUMNS

constexpr PostgresMetric kStatDatabase14[] = {
    {"pg_stat_database_numbackends", "gauge", "Backends that are connected to the database"},
    {"pg_stat_database_xact_commit", "counter", "Transactions that were committed"},
    {"pg_stat_database_xact_rollback", "counter", "Transactions that were rolled back"},
    {"pg_stat_database_blks_read", "counter",
     "Blocks that were read from disk or the system's cache"},
    {"pg_stat_database_blks_hit", "counter", "Blocks that were found in the buffer cache"},
    {"pg_stat_database_tup_returned", "counter", "Rows that scans returned"},
    {"pg_stat_database_tup_fetched", "counter", "Rows that queries fetched"},
    {"pg_stat_database_tup_inserted", "counter", "Rows inserted"},
    {"pg_stat_database_tup_updated", "counter", "Rows updated"},
    {"pg_stat_database_tup_deleted", "counter", "Rows deleted"},
    {"pg_stat_database_conflicts", "counter",
     "Queries cancelled because of conflicts with recovery"},
    {"pg_stat_database_temp_files", "counter", "Temporary files that queries created"},
    {"pg_stat_database_temp_bytes", "counter", "Bytes written to temporary files"},
    {"pg_stat_database_deadlocks", "counter", "Deadlocks"},
    {"pg_stat_database_blk_read_time", "counter",
     "Time that backends read data files, in milliseconds (with track_io_timing)"},
    {"pg_stat_database_blk_write_time", "counter",
     "Time that backends wrote data files, in milliseconds (with track_io_timing)"},
    {"pg_stat_database_stats_reset", "counter", "When these figures began; 0 is always"},
    {"pg_stat_database_checksum_failures", "counter", "Pages whose checksum was wrong"},
    {"pg_stat_database_checksum_last_failure", "gauge", "When a checksum was last wrong"},
    {"pg_stat_database_session_time", "counter", "Time of sessions, in milliseconds"},
    {"pg_stat_database_active_time", "counter",
     "Time of sessions spent in statements, in milliseconds"},
    {"pg_stat_database_active_time_seconds_total", "counter",
     "Time of sessions spent in statements, in seconds"},
    {"pg_stat_database_idle_in_transaction_time", "counter",
     "Time of sessions spent idle in a transaction, in milliseconds"},
    {"pg_stat_database_sessions", "counter", "Sessions that were opened"},
    {"pg_stat_database_sessions_abandoned", "counter",
     "Sessions that ended because the client was lost"},
    {"pg_stat_database_sessions_fatal", "counter", "Sessions that ended with a fatal error"},
    {"pg_stat_database_sessions_killed", "counter", "Sessions that were ended by an operator"},
};
constexpr std::span<const PostgresMetric> kStatDatabase(kStatDatabase14, 19);

constexpr PostgresMetric kConflicts[] = {
    {"pg_stat_database_conflicts_confl_tablespace", "counter",
     "Queries cancelled for dropped tablespaces"},
    {"pg_stat_database_conflicts_confl_lock", "counter", "Queries cancelled for locks"},
    {"pg_stat_database_conflicts_confl_snapshot", "counter", "Queries cancelled for old snapshots"},
    {"pg_stat_database_conflicts_confl_bufferpin", "counter",
     "Queries cancelled for pinned buffers"},
    {"pg_stat_database_conflicts_confl_deadlock", "counter", "Queries cancelled for deadlocks"},
};
constexpr char kConflictsSql[] = R"(
SELECT datid, datname, confl_tablespace, confl_lock, confl_snapshot, confl_bufferpin, confl_deadlock
FROM pg_stat_database_conflicts ORDER BY 1 LIMIT 500)";

// States without a session are there with 0, so that an alert on one has something to compare.
constexpr PostgresMetric kActivity[] = {
    {"pg_stat_activity_count", "gauge", "Sessions in this state"},
    {"pg_stat_activity_max_tx_duration", "gauge",
     "Age of the oldest transaction in this state, in seconds"},
};
constexpr char kActivitySql[] = R"(
SELECT d.datname, s.state, a.usename, a.application_name, a.backend_type, a.wait_event_type, a.wait_event,
       coalesce(a.count, 0), coalesce(a.max_tx_duration, 0)
FROM pg_database d
     CROSS JOIN (VALUES ('active'), ('idle'), ('idle in transaction'), ('idle in transaction (aborted)'),
                        ('fastpath function call'), ('disabled')) s (state)
     LEFT JOIN (SELECT datname, state, usename, application_name, backend_type, wait_event_type, wait_event,
                       count(*) AS count, max(extract(epoch FROM now() - xact_start)) AS max_tx_duration
                FROM pg_stat_activity GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 8 DESC LIMIT 1000) a
     ON a.datname = d.datname AND a.state = s.state
ORDER BY 1, 2, 3, 4, 5, 6, 7 LIMIT 4000)";

constexpr PostgresMetric kLocks[] = {{"pg_locks_count", "gauge", "Locks"}};
constexpr char kLocksSql[] = R"(
SELECT d.datname, m.mode, coalesce(l.count, 0)
FROM pg_database d
     CROSS JOIN (VALUES ('accesssharelock'), ('rowsharelock'), ('rowexclusivelock'), ('shareupdateexclusivelock'),
                        ('sharelock'), ('sharerowexclusivelock'), ('exclusivelock'), ('accessexclusivelock'),
                        ('sireadlock')) m (mode)
     LEFT JOIN (SELECT database, lower(mode) AS mode, count(*) AS count
                FROM pg_locks WHERE database IS NOT NULL GROUP BY 1, 2) l
     ON l.database = d.oid AND l.mode = m.mode
ORDER BY 1, 2 LIMIT 4500)";

constexpr PostgresMetric kBlocked[] = {
    {"pg_blocked_sessions", "gauge", "Sessions that wait for a lock of another session"},
    {"pg_blocking_sessions", "gauge", "Sessions that others wait for"},
    {"pg_blocked_sessions_max_seconds", "gauge",
     "Age of the oldest statement that waits for a lock"},
};
constexpr char kBlockedSql[] = R"(
WITH waiting AS MATERIALIZED (
    SELECT datname, query_start, pg_blocking_pids(pid) AS blockers
    FROM pg_stat_activity WHERE wait_event_type = 'Lock')
SELECT d.datname,
       (SELECT count(*) FROM waiting w WHERE w.datname = d.datname AND cardinality(w.blockers) > 0),
       (SELECT count(DISTINCT b) FROM waiting w, unnest(w.blockers) b WHERE w.datname = d.datname),
       (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - w.query_start)), 0)
        FROM waiting w WHERE w.datname = d.datname)
FROM pg_database d WHERE d.datallowconn ORDER BY 1 LIMIT 500)";

constexpr PostgresQuery kDatabaseQueries[] = {
    {"database", 0, 0, 1, kDatabase, kDatabaseSql},
    {"database_wraparound", 0, 0, 1, kWraparound, kWraparoundSql},
    {"stat_database", 0, 140000, 2, kStatDatabase, kStatDatabaseSql},
    {"stat_database", 140000, 0, 2, kStatDatabase14, kStatDatabase14Sql},
    {"stat_database_conflicts", 0, 0, 2, kConflicts, kConflictsSql},
    {"stat_activity", 0, 0, 7, kActivity, kActivitySql},
    {"locks", 0, 0, 2, kLocks, kLocksSql},
    {"blocked", 0, 0, 1, kBlocked, kBlockedSql},
};

}  // namespace

std::span<const PostgresQuery> postgres_database_queries() { return kDatabaseQueries; }

}  // namespace kw::collect
