#include "collect/postgres/statements.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "collect/postgres/connection.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

enum StatementColumn : size_t {
    kStatementUser,
    kStatementDatabase,
    kStatementId,
    kStatementKey,
    kStatementCalls,
    kStatementSeconds,
    kStatementRows,
    kStatementReadSeconds,
    kStatementWriteSeconds,
    kStatementColumns
};

struct StatementMetric {
    std::string_view name;
    std::string_view help;
    StatementColumn column;
};
constexpr StatementMetric kStatementMetrics[] = {
    {"pg_stat_statements_calls_total", "Times that the statement was executed", kStatementCalls},
    {"pg_stat_statements_seconds_total", "Time spent in the statement, in seconds",
     kStatementSeconds},
    {"pg_stat_statements_rows_total", "Rows that the statement returned or changed",
     kStatementRows},
    {"pg_stat_statements_block_read_seconds_total",
     "Time that the statement read blocks, in seconds (with track_io_timing)",
     kStatementReadSeconds},
    {"pg_stat_statements_block_write_seconds_total",
     "Time that the statement wrote blocks, in seconds (with track_io_timing)",
     kStatementWriteSeconds},
};

// 1.11, of PostgreSQL 17, tells shared blocks from local ones.
constexpr int kSharedBlocksMinor = 11;

// 10 of "1.10".
int minor_version(std::string_view version) {
    int minor = 0;
    const size_t dot = version.find('.');
    if (dot == std::string_view::npos) return 0;
    (void)std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
    return minor;
}

}  // namespace

std::string StatementCounter::sql(std::string_view schema, std::string_view version) {
    // A statement that runs by itself and within a function has two entries; queryid is NULL where the role may not
    // see it. Without the texts the extension need not read its file.
    const std::string_view prefix =
        minor_version(version) >= kSharedBlocksMinor ? "shared_blk" : "blk";
    return fmt::format(
        "SELECT pg_get_userbyid(s.userid), d.datname, coalesce(s.queryid::text, 'unknown'), "
        "s.userid || ' ' || s.dbid || ' ' || coalesce(s.queryid::text, ''), sum(s.calls), "
        "sum(s.total_exec_time) / 1000, sum(s.rows), sum(s.{0}_read_time) / 1000, "
        "sum(s.{0}_write_time) / 1000 "
        "FROM {1}.pg_stat_statements(false) s JOIN pg_database d ON d.oid = s.dbid "
        "GROUP BY s.userid, d.datname, s.dbid, s.queryid LIMIT {2}",
        prefix, schema, kStatementsMax + 1);
}

std::string StatementCounter::text_sql(std::string_view schema, const std::vector<std::string>& ids,
                                       size_t length_max) {
    return fmt::format(
        "SELECT DISTINCT ON (queryid) queryid, left(query, {}) FROM {}.pg_stat_statements(true) "
        "WHERE queryid::text = ANY ('{{{}}}')",
        length_max, schema, fmt::join(ids, ","));
}

Result<std::vector<std::string>> StatementCounter::write(const PostgresRows& rows, size_t top_max,
                                                         ExpositionWriter& out) {
    if (rows.column_count() != kStatementColumns)
        return internal_error("{} columns", rows.column_count());
    if (rows.row_count() > kStatementsMax) {
        return exhausted(
            "pg_stat_statements has more than {} statements; lower pg_stat_statements.max",
            kStatementsMax);
    }
    count(rows);
    out.family("pg_stat_statements_total", "Statements executed since the collector's first look",
               "counter");
    for (const auto& [database, executed] : executed_)
        out.sample({{"datname", database}}, executed);

    std::vector<size_t> order(rows.row_count());
    for (size_t row = 0; row < order.size(); ++row) order[row] = row;
    std::vector<double> seconds(rows.row_count());
    for (size_t row = 0; row < order.size(); ++row)
        seconds[row] = rows.number(row, kStatementSeconds).value_or(0);
    const size_t kept = std::min(top_max, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](size_t a, size_t b) { return seconds[a] > seconds[b]; });
    order.resize(kept);

    for (const StatementMetric& metric : kStatementMetrics) {
        out.family(metric.name, metric.help, "counter");
        for (const size_t row : order) {
            out.sample({{"user", rows.text(row, kStatementUser)},
                        {"datname", rows.text(row, kStatementDatabase)},
                        {"queryid", rows.text(row, kStatementId)}},
                       rows.number(row, metric.column).value_or(0));
        }
    }
    std::vector<std::string> ids;
    for (const size_t row : order) {
        const std::string_view id = rows.text(row, kStatementId);
        if (id != "unknown") ids.emplace_back(id);
    }
    return ids;
}

void StatementCounter::count(const PostgresRows& rows) {
    const bool is_first = look_ == 0;
    ++look_;
    for (size_t row = 0; row < rows.row_count(); ++row) {
        const double calls = rows.number(row, kStatementCalls).value_or(0);
        double& executed = executed_[std::string(rows.text(row, kStatementDatabase))];
        Seen& seen = seen_[std::string(rows.text(row, kStatementKey))];
        // Fewer than before: it was forgotten and came back, or all was reset.
        const double before = seen.look + 1 == look_ && seen.calls <= calls ? seen.calls : 0;
        if (!is_first) executed += calls - before;
        seen = {calls, look_};
    }
    std::erase_if(seen_, [&](const auto& entry) { return entry.second.look != look_; });
}

void StatementCounter::write_texts(const PostgresRows& rows, ExpositionWriter& out) {
    if (rows.column_count() != 2) return;
    out.family("pg_stat_statements_query_id", "1 for a statement's id and text", "counter");
    for (size_t row = 0; row < rows.row_count(); ++row) {
        out.sample({{"queryid", rows.text(row, 0)}, {"query", rows.text(row, 1)}}, 1);
    }
}

}  // namespace kw::collect
