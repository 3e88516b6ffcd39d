// Of the server as a whole: replication, write-ahead log, background processes, roles.
#include "collect/postgres/queries.h"

namespace kw::collect {
namespace {

constexpr PostgresMetric kReplication[] = {
    {"pg_replication_lag_seconds", "gauge", "Replication lag behind the primary in seconds"},
    {"pg_replication_is_replica", "gauge", "Whether the server is a replica"},
    {"pg_replication_last_replay_seconds", "gauge",
     "Age of the last replayed transaction in seconds"},
};
constexpr char kReplicationSql[] = R"(
SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END,
       pg_is_in_recovery(),
       greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())))";

constexpr PostgresMetric kSlots[] = {
    {"pg_replication_slot_slot_current_wal_lsn", "gauge",
     "Current position of the write-ahead log, in bytes"},
    {"pg_replication_slot_slot_confirmed_flush_lsn", "gauge",
     "Position up to which the slot's consumer has confirmed, in bytes"},
    {"pg_replication_slot_slot_is_active", "gauge", "Whether the slot is in use"},
    {"pg_replication_slot_safe_wal_size_bytes", "gauge",
     "Bytes that may be written before the slot is in danger of being lost"},
};
constexpr char kSlotsSql[] = R"(
SELECT slot_name, slot_type,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END - '0/0',
       CASE WHEN active THEN coalesce(confirmed_flush_lsn, '0/0') - '0/0' END,
       active, safe_wal_size
FROM pg_replication_slots LIMIT 200)";

constexpr PostgresMetric kSlotStates[] = {
    {"pg_replication_slot_wal_status", "gauge",
     "1 for the state of the log files that the slot needs"},
};
constexpr char kSlotStatesSql[] = R"(
SELECT slot_name, slot_type, wal_status, 1 FROM pg_replication_slots WHERE wal_status IS NOT NULL LIMIT 200)";

constexpr PostgresMetric kStandbys[] = {
    {"pg_stat_replication_pg_current_wal_lsn_bytes", "gauge",
     "Position of the write-ahead log, in bytes"},
    {"pg_stat_replication_pg_wal_lsn_diff", "gauge",
     "Lag of the standby behind the primary, in bytes"},
};
constexpr char kStandbysSql[] = R"(
SELECT r.application_name, r.client_addr, r.state, s.slot_name,
       max(p.lsn - '0/0'), max(p.lsn - r.replay_lsn)
FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid,
     (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn) p
GROUP BY 1, 2, 3, 4 LIMIT 200)";

constexpr PostgresMetric kReceiver[] = {
    {"pg_stat_wal_receiver_receive_start_lsn", "gauge",
     "First position used when the receiver was started"},
    {"pg_stat_wal_receiver_receive_start_tli", "gauge",
     "First time line used when the receiver was started"},
    {"pg_stat_wal_receiver_flushed_lsn", "gauge", "Last position received and flushed"},
    {"pg_stat_wal_receiver_received_tli", "gauge",
     "Time line of the last position received and flushed"},
    {"pg_stat_wal_receiver_last_msg_send_time", "gauge",
     "When the last message was sent, as the sender says"},
    {"pg_stat_wal_receiver_last_msg_receipt_time", "gauge", "When the last message was received"},
    {"pg_stat_wal_receiver_latest_end_lsn", "gauge", "Last position reported to the sender"},
    {"pg_stat_wal_receiver_latest_end_time", "gauge",
     "When the last position was reported to the sender"},
    {"pg_stat_wal_receiver_upstream_node", "gauge", "Identifier of the server above"},
};
constexpr char kReceiverSql[] = R"(
SELECT sender_host AS upstream_host, slot_name, status,
       receive_start_lsn - '0/0', receive_start_tli, flushed_lsn - '0/0', received_tli,
       extract(epoch FROM last_msg_send_time), extract(epoch FROM last_msg_receipt_time),
       latest_end_lsn - '0/0', extract(epoch FROM latest_end_time),
       substring(slot_name FROM 'repmgr_slot_([0-9]*)')
FROM pg_stat_wal_receiver WHERE pid IS NOT NULL LIMIT 10)";

constexpr PostgresMetric kRoles[] = {
    {"pg_roles_connection_limit", "gauge", "Connections that the role may have; -1 is no limit"},
};
constexpr char kRolesSql[] = "SELECT rolname, rolconnlimit FROM pg_roles ORDER BY 1 LIMIT 500";

constexpr PostgresMetric kArchiver[] = {
    {"pg_stat_archiver_archived_count", "counter", "Log files that were archived"},
    {"pg_stat_archiver_failed_count", "counter", "Failed attempts to archive a log file"},
    {"pg_stat_archiver_last_archive_age", "gauge", "Seconds since a log file was last archived"},
};
constexpr char kArchiverSql[] = R"(
SELECT archived_count, failed_count, extract(epoch FROM now() - last_archived_time) FROM pg_stat_archiver)";

// Before 17 the background writer's view has the checkpointer's figures too.
constexpr PostgresMetric kWriterWithCheckpoints[] = {
    {"pg_stat_bgwriter_checkpoints_timed_total", "counter", "Scheduled checkpoints"},
    {"pg_stat_bgwriter_checkpoints_req_total", "counter", "Requested checkpoints"},
    {"pg_stat_bgwriter_checkpoint_write_time_total", "counter",
     "Time of checkpoints spent writing files, in milliseconds"},
    {"pg_stat_bgwriter_checkpoint_sync_time_total", "counter",
     "Time of checkpoints spent flushing files, in milliseconds"},
    {"pg_stat_bgwriter_buffers_checkpoint_total", "counter", "Buffers written by checkpoints"},
    {"pg_stat_bgwriter_buffers_clean_total", "counter", "Buffers written by the background writer"},
    {"pg_stat_bgwriter_maxwritten_clean_total", "counter",
     "Times that the background writer stopped because it had written too many buffers"},
    {"pg_stat_bgwriter_buffers_backend_total", "counter", "Buffers written by backends themselves"},
    {"pg_stat_bgwriter_buffers_backend_fsync_total", "counter",
     "Times that a backend flushed a file itself"},
    {"pg_stat_bgwriter_buffers_alloc_total", "counter", "Buffers allocated"},
    {"pg_stat_bgwriter_stats_reset_total", "counter", "When these figures began"},
};
constexpr char kWriterWithCheckpointsSql[] = R"(
SELECT checkpoints_timed, checkpoints_req, checkpoint_write_time, checkpoint_sync_time, buffers_checkpoint,
       buffers_clean, maxwritten_clean, buffers_backend, buffers_backend_fsync, buffers_alloc,
       coalesce(extract(epoch FROM stats_reset), 0)
FROM pg_stat_bgwriter)";

constexpr PostgresMetric kWriter[] = {
    {"pg_stat_bgwriter_buffers_clean_total", "counter", "Buffers written by the background writer"},
    {"pg_stat_bgwriter_maxwritten_clean_total", "counter",
     "Times that the background writer stopped because it had written too many buffers"},
    {"pg_stat_bgwriter_buffers_alloc_total", "counter", "Buffers allocated"},
    {"pg_stat_bgwriter_stats_reset_total", "counter", "When these figures began"},
};
constexpr char kWriterSql[] = R"(
SELECT buffers_clean, maxwritten_clean, buffers_alloc, coalesce(extract(epoch FROM stats_reset), 0) FROM pg_stat_bgwriter)";

constexpr PostgresMetric kCheckpointer[] = {
    {"pg_stat_checkpointer_num_timed_total", "counter", "Scheduled checkpoints"},
    {"pg_stat_checkpointer_num_requested_total", "counter", "Requested checkpoints"},
    {"pg_stat_checkpointer_restartpoints_timed_total", "counter", "Scheduled restartpoints"},
    {"pg_stat_checkpointer_restartpoints_req_total", "counter", "Requested restartpoints"},
    {"pg_stat_checkpointer_restartpoints_done_total", "counter",
     "Restartpoints that were performed"},
    {"pg_stat_checkpointer_write_time_total", "counter",
     "Time of checkpoints and restartpoints spent writing files, in milliseconds"},
    {"pg_stat_checkpointer_sync_time_total", "counter",
     "Time of checkpoints and restartpoints spent flushing files, in milliseconds"},
    {"pg_stat_checkpointer_buffers_written_total", "counter",
     "Buffers written by checkpoints and restartpoints"},
    {"pg_stat_checkpointer_stats_reset_total", "counter", "When these figures began"},
};
constexpr char kCheckpointerSql[] = R"(
SELECT num_timed, num_requested, restartpoints_timed, restartpoints_req, restartpoints_done, write_time, sync_time,
       buffers_written, coalesce(extract(epoch FROM stats_reset), 0)
FROM pg_stat_checkpointer)";

constexpr PostgresMetric kWal[] = {
    {"pg_wal_segments", "gauge", "Files of the write-ahead log"},
    {"pg_wal_size_bytes", "gauge", "Size of the write-ahead log's files"},
};
constexpr char kWalSql[] = R"(
SELECT count(*), coalesce(sum(size), 0) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$')";

constexpr PostgresMetric kPostmaster[] = {
    {"pg_postmaster_start_time_seconds", "gauge", "When the server was started"},
};
constexpr char kPostmasterSql[] = "SELECT extract(epoch FROM pg_postmaster_start_time())";

constexpr PostgresMetric kLongTransactions[] = {
    {"pg_long_running_transactions", "gauge", "Transactions that are open"},
    {"pg_long_running_transactions_oldest_timestamp_seconds", "gauge",
     "Age of the oldest open transaction"},
};
constexpr char kLongTransactionsSql[] = R"(
SELECT count(*), coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
FROM pg_stat_activity
WHERE state IS DISTINCT FROM 'idle' AND xact_start IS NOT NULL AND query NOT LIKE 'autovacuum:%'
      AND pid <> pg_backend_pid())";

constexpr PostgresQuery kServerQueries[] = {
    {"replication", 0, 0, 0, kReplication, kReplicationSql},
    {"replication_slot", 0, 0, 2, kSlots, kSlotsSql},
    {"replication_slot_state", 0, 0, 3, kSlotStates, kSlotStatesSql},
    {"stat_replication", 0, 0, 4, kStandbys, kStandbysSql},
    {"stat_wal_receiver", 0, 0, 3, kReceiver, kReceiverSql},
    {"roles", 0, 0, 1, kRoles, kRolesSql},
    {"stat_archiver", 0, 0, 0, kArchiver, kArchiverSql},
    {"stat_bgwriter", 0, 170000, 0, kWriterWithCheckpoints, kWriterWithCheckpointsSql},
    {"stat_bgwriter", 170000, 0, 0, kWriter, kWriterSql},
    {"stat_checkpointer", 170000, 0, 0, kCheckpointer, kCheckpointerSql},
    {"wal", 0, 0, 0, kWal, kWalSql},
    {"postmaster", 0, 0, 0, kPostmaster, kPostmasterSql},
    {"long_running_transactions", 0, 0, 0, kLongTransactions, kLongTransactionsSql},
};

}  // namespace

std::span<const PostgresQuery> postgres_server_queries() { return kServerQueries; }

}  // namespace kw::collect
