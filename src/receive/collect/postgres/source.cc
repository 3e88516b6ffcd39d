#include "collect/postgres/source.h"

#include <functional>
#include <vector>

#include "collect/postgres/queries.h"
#include "collect/postgres/settings.h"
#include "collect/writer.h"

namespace kw::collect {
namespace {

constexpr std::string_view kUpHelp = "Whether the server could be asked";

bool fits(const PostgresQuery& query, int version) {
    return version >= query.version_min && (query.version_max == 0 || version < query.version_max);
}

Result<void> write_rows(const PostgresQuery& query, const PostgresRows& rows,
                        ExpositionWriter& out) {
    if (rows.column_count() != query.label_count + query.metrics.size()) {
        return internal_error("{} has {} columns", query.name, rows.column_count());
    }
    std::vector<LabelView> labels(query.label_count);
    for (size_t i = 0; i < query.metrics.size(); ++i) {
        const PostgresMetric& metric = query.metrics[i];
        out.family(metric.name, metric.help, metric.type);
        for (size_t row = 0; row < rows.row_count(); ++row) {
            const std::optional<double> value = rows.number(row, query.label_count + i);
            if (!value) continue;
            for (size_t label = 0; label < query.label_count; ++label) {
                labels[label] = {rows.column_name(label), rows.text(row, label)};
            }
            out.sample(labels, *value);
        }
    }
    return {};
}

void write_version(const PostgresRows& rows, int version, ExpositionWriter& out) {
    if (rows.row_count() != 1) return;
    out.family("pg_static", "Version string as reported by the server", "untyped");
    out.sample({{"version", rows.text(0, 0)},
                {"short_version", fmt::format("{}.{}.0", version / 10000, version % 10000)}},
               1);
}

// A statement that failed leaves the connection good: the next one may be asked.
bool ends_scrape(const Result<void>& outcome) {
    return !outcome.ok() && outcome.error().code != Code::kInvalid &&
           outcome.error().code != Code::kExhausted;
}

}  // namespace

PostgresSource::PostgresSource(const Clock& clock, PostgresOptions options)
    : clock_(clock), options_(std::move(options)) {}

Result<void> PostgresSource::collect(const Deadline& deadline, std::string& out) {
    std::string text;
    ExpositionWriter writer(text);
    Result<void> outcome = connect(deadline);
    if (outcome.ok()) outcome = collect_connected(deadline, writer);
    ExpositionWriter(out).gauge("pg_up", kUpHelp, outcome.ok() ? 1 : 0);
    if (outcome.ok()) {
        out += text;
    } else {
        connection_.reset();
    }
    return outcome;
}

Result<void> PostgresSource::connect(const Deadline& deadline) {
    // The kept one may have been closed by the server meanwhile.
    if (connection_ && connection_->is_good() && connection_->query("SELECT 1", deadline).ok())
        return {};
    connection_.reset();
    KW_TRY(deadline.check());
    KW_TRY_ASSIGN(const std::string password, read_secret(options_.password));
    KW_TRY_ASSIGN(connection_, PostgresConnection::open(options_.dsn, password, deadline));
    return {};
}

Result<void> PostgresSource::collect_connected(const Deadline& deadline, ExpositionWriter& out) {
    std::vector<Outcome> outcomes;
    // Runs one part; an error of it is returned only when the others cannot run any more.
    const auto run = [&](std::string_view name,
                         const std::function<Result<void>()>& part) -> Result<void> {
        const int64_t started_ns = clock_.steady_ns();
        Result<void> outcome = part();
        outcomes.push_back(
            {name, static_cast<double>(clock_.steady_ns() - started_ns) / 1e9, outcome.ok()});
        if (ends_scrape(outcome)) return std::move(outcome).with_context(name);
        return {};
    };
    const int version = connection_->server_version();
    for (const auto& queries :
         {postgres_server_queries(), postgres_database_queries(), postgres_table_queries()}) {
        for (const PostgresQuery& query : queries) {
            if (!fits(query, version)) continue;
            KW_TRY(run(query.name, [&]() -> Result<void> {
                KW_TRY_ASSIGN(const PostgresRows rows, connection_->query(query.sql, deadline));
                return write_rows(query, rows, out);
            }));
        }
    }
    KW_TRY(run("settings", [&]() -> Result<void> {
        KW_TRY_ASSIGN(const PostgresRows rows, connection_->query(kPostgresSettingsSql, deadline));
        write_postgres_settings(rows, out);
        KW_TRY_ASSIGN(const PostgresRows text, connection_->query("SELECT version()", deadline));
        write_version(text, version, out);
        return {};
    }));
    KW_TRY(run("stat_statements", [&] { return collect_statements(deadline, out); }));

    out.family("pg_scrape_collector_duration_seconds",
               "postgres_exporter: Duration of a collector scrape.", "gauge");
    for (const Outcome& outcome : outcomes)
        out.sample({{"collector", outcome.name}}, outcome.seconds);
    out.family("pg_scrape_collector_success", "postgres_exporter: Whether a collector succeeded.",
               "gauge");
    for (const Outcome& outcome : outcomes)
        out.sample({{"collector", outcome.name}}, outcome.success ? 1 : 0);
    return {};
}

// Nothing where the database has no such extension.
Result<void> PostgresSource::collect_statements(const Deadline& deadline, ExpositionWriter& out) {
    KW_TRY_ASSIGN(
        const PostgresRows extension,
        connection_->query(
            "SELECT quote_ident(n.nspname), extversion FROM pg_extension e JOIN pg_namespace n "
            "ON n.oid = e.extnamespace WHERE extname = 'pg_stat_statements'",
            deadline));
    if (extension.row_count() != 1) return {};
    const std::string schema(extension.text(0, 0));
    KW_TRY_ASSIGN(
        const PostgresRows rows,
        connection_->query(StatementCounter::sql(schema, extension.text(0, 1)), deadline));
    KW_TRY_ASSIGN(const std::vector<std::string> ids,
                  statements_.write(rows, options_.statements_max, out));
    if (!options_.statement_text || ids.empty()) return {};
    KW_TRY_ASSIGN(
        const PostgresRows texts,
        connection_->query(StatementCounter::text_sql(schema, ids, kStatementTextMax), deadline));
    StatementCounter::write_texts(texts, out);
    return {};
}

}  // namespace kw::collect
