// By table and index, the largest 1000 each.
#include "collect/postgres/queries.h"

namespace kw::collect {
namespace {

constexpr PostgresMetric kTables[] = {
    {"pg_stat_user_tables_seq_scan", "counter", "Sequential scans"},
    {"pg_stat_user_tables_seq_tup_read", "counter", "Rows that sequential scans read"},
    {"pg_stat_user_tables_idx_scan", "counter", "Index scans"},
    {"pg_stat_user_tables_idx_tup_fetch", "counter", "Rows that index scans fetched"},
    {"pg_stat_user_tables_n_tup_ins", "counter", "Rows inserted"},
    {"pg_stat_user_tables_n_tup_upd", "counter", "Rows updated"},
    {"pg_stat_user_tables_n_tup_del", "counter", "Rows deleted"},
    {"pg_stat_user_tables_n_tup_hot_upd", "counter", "Rows updated without a new index entry"},
    {"pg_stat_user_tables_n_live_tup", "gauge", "Live rows, an estimate"},
    {"pg_stat_user_tables_n_dead_tup", "gauge", "Dead rows, an estimate"},
    {"pg_stat_user_tables_n_mod_since_analyze", "gauge",
     "Rows changed since the last ANALYZE, an estimate"},
    {"pg_stat_user_tables_last_vacuum", "gauge",
     "When the table was last vacuumed by hand; 0 is never"},
    {"pg_stat_user_tables_last_autovacuum", "gauge",
     "When autovacuum last vacuumed the table; 0 is never"},
    {"pg_stat_user_tables_last_analyze", "gauge",
     "When the table was last analyzed by hand; 0 is never"},
    {"pg_stat_user_tables_last_autoanalyze", "gauge",
     "When autovacuum last analyzed the table; 0 is never"},
    {"pg_stat_user_tables_vacuum_count", "counter", "Times that the table was vacuumed by hand"},
    {"pg_stat_user_tables_autovacuum_count", "counter", "Times that autovacuum vacuumed the table"},
    {"pg_stat_user_tables_analyze_count", "counter", "Times that the table was analyzed by hand"},
    {"pg_stat_user_tables_autoanalyze_count", "counter",
     "Times that autovacuum analyzed the table"},
};
constexpr char kTablesSql[] = R"(
SELECT current_database() AS datname, t.schemaname, t.relname, seq_scan, seq_tup_read, coalesce(idx_scan, 0),
       coalesce(idx_tup_fetch, 0), n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_live_tup, n_dead_tup,
       n_mod_since_analyze,
       coalesce(extract(epoch FROM last_vacuum), 0), coalesce(extract(epoch FROM last_autovacuum), 0),
       coalesce(extract(epoch FROM last_analyze), 0), coalesce(extract(epoch FROM last_autoanalyze), 0),
       vacuum_count, autovacuum_count, analyze_count, autoanalyze_count
FROM pg_stat_user_tables t JOIN pg_class c ON c.oid = t.relid ORDER BY c.relpages DESC, c.oid LIMIT 1000)";

// To measure a relation is to lock it, if only against ALTER and DROP: those that somebody holds or wants for himself
// are left out, rather than waited for just when their figures matter.
#define KW_NOT_LOCKED(relation)                                                               \
    "NOT EXISTS (SELECT FROM pg_locks l WHERE l.mode = 'AccessExclusiveLock' AND l.relation " \
    "= " relation                                                                             \
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
constexpr PostgresMetric kTableSizes[] = {
    {"pg_stat_user_tables_index_size_bytes", "gauge", "Disk space of the table's indexes"},
    {"pg_stat_user_tables_table_size_bytes", "gauge",
     "Disk space of the table without its indexes"},
};
constexpr char kTableSizesSql[] =
    "SELECT current_database() AS datname, t.schemaname, t.relname, pg_indexes_size(t.relid), "
    "pg_table_size(t.relid) "
    "FROM pg_stat_user_tables t JOIN pg_class c ON c.oid = t.relid WHERE " KW_NOT_LOCKED(
        "t.relid") " ORDER BY c.relpages DESC, c.oid LIMIT 1000";

constexpr PostgresMetric kTableBlocks[] = {
    {"pg_statio_user_tables_heap_blocks_read", "counter", "Blocks of the table that were read"},
    {"pg_statio_user_tables_heap_blocks_hit", "counter",
     "Blocks of the table that were in the cache"},
    {"pg_statio_user_tables_idx_blocks_read", "counter", "Blocks of its indexes that were read"},
    {"pg_statio_user_tables_idx_blocks_hit", "counter",
     "Blocks of its indexes that were in the cache"},
    {"pg_statio_user_tables_toast_blocks_read", "counter",
     "Blocks of its TOAST table that were read"},
    {"pg_statio_user_tables_toast_blocks_hit", "counter",
     "Blocks of its TOAST table that were in the cache"},
    {"pg_statio_user_tables_tidx_blocks_read", "counter",
     "Blocks of its TOAST table's index that were read"},
    {"pg_statio_user_tables_tidx_blocks_hit", "counter",
     "Blocks of its TOAST table's index that were in the cache"},
};
constexpr char kTableBlocksSql[] = R"(
SELECT current_database() AS datname, s.schemaname, s.relname, coalesce(heap_blks_read, 0), coalesce(heap_blks_hit, 0),
       coalesce(idx_blks_read, 0), coalesce(idx_blks_hit, 0), coalesce(toast_blks_read, 0),
       coalesce(toast_blks_hit, 0), coalesce(tidx_blks_read, 0), coalesce(tidx_blks_hit, 0)
FROM pg_statio_user_tables s JOIN pg_class c ON c.oid = s.relid ORDER BY c.relpages DESC, c.oid LIMIT 1000)";

constexpr PostgresMetric kIndexBlocks[] = {
    {"pg_statio_user_indexes_idx_blks_read_total", "counter", "Blocks of the index that were read"},
    {"pg_statio_user_indexes_idx_blks_hit_total", "counter",
     "Blocks of the index that were in the cache"},
};
constexpr char kIndexBlocksSql[] = R"(
SELECT current_database() AS datname, s.schemaname, s.relname, s.indexrelname, idx_blks_read, idx_blks_hit
FROM pg_statio_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid ORDER BY c.relpages DESC, c.oid LIMIT 1000)";

constexpr PostgresMetric kIndexes[] = {
    {"pg_stat_user_indexes_idx_scan_total", "counter",
     "Scans of the index; 0 for long: nobody needs it"},
    {"pg_stat_user_indexes_idx_tup_read_total", "counter",
     "Entries that scans of the index returned"},
    {"pg_stat_user_indexes_idx_tup_fetch_total", "counter",
     "Live rows that simple scans of the index fetched"},
};
constexpr char kIndexesSql[] = R"(
SELECT current_database() AS datname, s.schemaname, s.relname, s.indexrelname, idx_scan, idx_tup_read, idx_tup_fetch
FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid ORDER BY c.relpages DESC, c.oid LIMIT 1000)";

constexpr PostgresMetric kIndexSizes[] = {
    {"pg_stat_user_indexes_index_size_bytes", "gauge", "Disk space of the index"},
};
constexpr char kIndexSizesSql[] =
    "SELECT current_database() AS datname, s.schemaname, s.relname, s.indexrelname, "
    "pg_relation_size(s.indexrelid) "
    "FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid WHERE " KW_NOT_LOCKED(
        "s.indexrelid") " ORDER BY c.relpages DESC, c.oid LIMIT 1000";
#undef KW_NOT_LOCKED

constexpr PostgresQuery kTableQueries[] = {
    {"stat_user_tables", 0, 0, 3, kTables, kTablesSql},
    {"stat_user_tables_size", 0, 0, 3, kTableSizes, kTableSizesSql},
    {"statio_user_tables", 0, 0, 3, kTableBlocks, kTableBlocksSql},
    {"statio_user_indexes", 0, 0, 4, kIndexBlocks, kIndexBlocksSql},
    {"stat_user_indexes", 0, 0, 4, kIndexes, kIndexesSql},
    {"stat_user_indexes_size", 0, 0, 4, kIndexSizes, kIndexSizesSql},
};

}  // namespace

std::span<const PostgresQuery> postgres_table_queries() { return kTableQueries; }

}  // namespace kw::collect
