// What is made of rows, without a server: tests/e2e has one.
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <set>

#include "collect/postgres/connection.h"
#include "collect/postgres/queries.h"
#include "collect/postgres/settings.h"
#include "collect/postgres/source.h"
#include "collect/postgres/statements.h"
#include "collect/writer.h"
#include "wire/exposition/checker.h"

namespace kw::collect {
namespace {

using Row = std::vector<std::optional<std::string>>;

PostgresRows rows_of(const std::vector<std::string>& columns, const std::vector<Row>& rows) {
    PGresult* const result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
    std::vector<PGresAttDesc> descriptions;
    for (const std::string& column : columns) {
        descriptions.push_back({.name = const_cast<char*>(column.c_str()),
                                .tableid = 0,
                                .columnid = 0,
                                .format = 0,
                                .typid = 25,
                                .typlen = -1,
                                .atttypmod = -1});
    }
    PQsetResultAttrs(result, static_cast<int>(columns.size()), descriptions.data());
    for (size_t row = 0; row < rows.size(); ++row) {
        for (size_t column = 0; column < columns.size(); ++column) {
            const std::optional<std::string>& cell = rows[row][column];
            std::string text = cell.value_or("");
            PQsetvalue(result, static_cast<int>(row), static_cast<int>(column),
                       cell ? text.data() : nullptr, cell ? static_cast<int>(text.size()) : -1);
        }
    }
    return PostgresRows(result);
}

TEST(PostgresDsn, SaysWhereWithoutThePassword) {
    struct Case {
        std::string dsn;
        std::string want;  // host:port/database, * with a password; empty: refused
    };
    const Case cases[] = {
        {"postgresql://kilowatch@db:5433/energy", "db:5433/energy"},
        {"postgres://db", "db:5432/"},
        {"host=db port=6000 dbname=x user=u", "db:6000/x"},
        {"host=/run/postgresql", "/run/postgresql:5432/"},
        {"hostaddr=10.0.0.7", "10.0.0.7:5432/"},
        {"", "localhost:5432/"},
        {"postgresql://u:secret@db/x", "db:5432/x*"},
        {"host=db password=secret", "db:5432/*"},
        {"postgresql://u:secret@[db/x", ""},
        {"host=db secret", ""},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.dsn);
        const Result<PostgresAddress> address = parse_postgres_dsn(one.dsn);
        if (!address.ok()) {
            EXPECT_EQ(one.want, "");
            EXPECT_EQ(address.error().message.find("secret"), std::string::npos)
                << address.error().message;
            continue;
        }
        EXPECT_EQ(address->host + ":" + address->port + "/" + address->database +
                      (address->has_password ? "*" : ""),
                  one.want);
    }
}

TEST(PostgresRows, GivesNumbersWhereThereAreSome) {
    const PostgresRows rows =
        rows_of({"a"}, {{"1.5e3"}, {"-1"}, {"t"}, {"f"}, {"on"}, {std::nullopt}, {"12x"}, {""}});
    const std::optional<double> want[] = {1500, -1, 1, 0, {}, {}, {}, {}};
    for (size_t row = 0; row < rows.row_count(); ++row)
        EXPECT_EQ(rows.number(row, 0), want[row]) << row;
}

TEST(PostgresQueries, EachIsBoundedAndItsNamesAreItsOwn) {
    std::set<std::string_view> names_of_14;
    for (const auto& queries :
         {postgres_server_queries(), postgres_database_queries(), postgres_table_queries()}) {
        for (const PostgresQuery& query : queries) {
            const std::string_view sql = query.sql;
            EXPECT_TRUE(sql.find("LIMIT") != std::string_view::npos || query.label_count == 0)
                << query.name;
            if (query.version_min > 140000 ||
                (query.version_max != 0 && query.version_max <= 140000))
                continue;
            for (const PostgresMetric& metric : query.metrics) {
                EXPECT_TRUE(names_of_14.insert(metric.name).second)
                    << metric.name << " is there twice";
            }
        }
    }
}

TEST(PostgresSettings, AreInBaseUnits) {
    const PostgresRows rows =
        rows_of({"name", "setting", "unit", "vartype", "short_desc"},
                {{"max_connections", "100", "", "integer", "Connections."},
                 {"shared_buffers", "16384", "8kB", "integer", "Buffers."},
                 {"statement_timeout", "1500", "ms", "integer", "Longest."},
                 {"temp_file_limit", "-1", "kB", "integer", "Most."},
                 {"log_rotation_age", "1440", "min", "integer", "Age."},
                 {"ssl", "on", "", "bool", "TLS."},
                 {"pg_stat_statements.max", "5000", "", "integer", "Statements."},
                 {"odd", "1", "furlong", "integer", "Nobody knows."}});
    std::string text;
    ExpositionWriter writer(text);
    write_postgres_settings(rows, writer);
    EXPECT_EQ(
        text,
        "# HELP pg_settings_max_connections Connections.\n# TYPE pg_settings_max_connections "
        "gauge\n"
        "pg_settings_max_connections 100\n"
        "# HELP pg_settings_shared_buffers_bytes Buffers. [Units converted to bytes.]\n"
        "# TYPE pg_settings_shared_buffers_bytes gauge\npg_settings_shared_buffers_bytes "
        "1.34217728e+08\n"
        "# HELP pg_settings_statement_timeout_seconds Longest. [Units converted to seconds.]\n"
        "# TYPE pg_settings_statement_timeout_seconds gauge\npg_settings_statement_timeout_seconds "
        "1.5\n"
        "# HELP pg_settings_temp_file_limit_bytes Most. [Units converted to bytes.]\n"
        "# TYPE pg_settings_temp_file_limit_bytes gauge\npg_settings_temp_file_limit_bytes -1\n"
        "# HELP pg_settings_log_rotation_age_seconds Age. [Units converted to seconds.]\n"
        "# TYPE pg_settings_log_rotation_age_seconds gauge\npg_settings_log_rotation_age_seconds "
        "86400\n"
        "# HELP pg_settings_ssl TLS.\n# TYPE pg_settings_ssl gauge\npg_settings_ssl 1\n"
        "# HELP pg_settings_pg_stat_statements_max Statements.\n"
        "# TYPE pg_settings_pg_stat_statements_max gauge\npg_settings_pg_stat_statements_max "
        "5000\n");
}

class Statements : public testing::Test {
 protected:
    struct Statement {
        std::string id;
        std::string calls;
        std::string seconds = "1";
        std::string database = "energy";
    };
    std::string look(const std::vector<Statement>& statements, size_t top = 0) {
        std::vector<Row> rows;
        for (const Statement& statement : statements) {
            rows.push_back({"app", statement.database, statement.id, "10 5 " + statement.id,
                            statement.calls, statement.seconds, "7", "0.5", "0.25"});
        }
        std::string text;
        ExpositionWriter writer(text);
        Result<std::vector<std::string>> ids = counter_.write(
            rows_of({"u", "d", "i", "k", "c", "s", "r", "br", "bw"}, rows), top, writer);
        EXPECT_TRUE(ids.ok());
        ids_ = ids.ok() ? *ids : std::vector<std::string>();
        return text;
    }
    static std::string total(const std::string& value) {
        return "# HELP pg_stat_statements_total Statements executed since the collector's first "
               "look\n"
               "# TYPE pg_stat_statements_total "
               "counter\npg_stat_statements_total{datname=\"energy\"} " +
               value + "\n";
    }

    StatementCounter counter_;
    std::vector<std::string> ids_;
};

TEST_F(Statements, TheTotalNeverGoesBack) {
    EXPECT_EQ(look({{"1", "1000"}, {"2", "50"}}), total("0"));
    EXPECT_EQ(look({{"1", "1010"}, {"2", "55"}}), total("15"));
    EXPECT_EQ(look({{"1", "1012"}}), total("17")) << "2 was forgotten";
    EXPECT_EQ(look({{"1", "1012"}, {"2", "3"}}), total("20")) << "and came back";
    EXPECT_EQ(look({{"1", "4"}, {"2", "1"}}), total("25")) << "all was reset";
    EXPECT_EQ(look({}), total("25"));
}

TEST_F(Statements, OnlyTheCostliestHaveFigures) {
    const std::string text =
        look({{"1", "1", "0.1"}, {"2", "2", "9"}, {"-3", "3", "5"}, {"4", "4", "1"}}, 2);
    EXPECT_EQ(ids_, (std::vector<std::string>{"2", "-3"}));
    for (const char* const line : {
             "pg_stat_statements_calls_total{user=\"app\",datname=\"energy\",queryid=\"2\"} 2\n",
             "pg_stat_statements_seconds_total{user=\"app\",datname=\"energy\",queryid=\"-3\"} 5\n",
             "pg_stat_statements_rows_total{user=\"app\",datname=\"energy\",queryid=\"2\"} 7\n",
             "pg_stat_statements_block_read_seconds_total{user=\"app\",datname=\"energy\",queryid="
             "\"2\"} 0.5\n",
             "pg_stat_statements_block_write_seconds_total{user=\"app\",datname=\"energy\",queryid="
             "\"2\"} 0.25\n",
         }) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
    }
    EXPECT_EQ(text.find("queryid=\"4\""), std::string::npos);
}

TEST_F(Statements, TooManyAreAnError) {
    const std::vector<Row> rows(StatementCounter::kStatementsMax + 1, Row(9, "1"));
    std::string text;
    ExpositionWriter writer(text);
    const Result<std::vector<std::string>> ids =
        counter_.write(rows_of({"u", "d", "i", "k", "c", "s", "r", "br", "bw"}, rows), 10, writer);
    EXPECT_EQ(ids.error().code, Code::kExhausted);
    EXPECT_EQ(text, "");
}

TEST(StatementSql, FollowsTheExtensionsVersion) {
    for (const std::string_view version : {"1.8", "1.9", "1.10", "", "x"}) {
        EXPECT_NE(StatementCounter::sql("public", version).find("s.blk_read_time"),
                  std::string::npos)
            << version;
    }
    for (const std::string_view version : {"1.11", "1.12"}) {
        EXPECT_NE(StatementCounter::sql("public", version).find("s.shared_blk_read_time"),
                  std::string::npos)
            << version;
    }
}

TEST(PostgresSource, AServerThatIsNotThereFailsTheScrapeAndSaysSo) {
    const RealClock clock;
    const Interrupt interrupt;
    // Port 1 of the own machine: refused at once.
    PostgresSource source(clock, {.dsn = "postgresql://nobody@127.0.0.1:1/none"});
    std::string text;
    const Result<void> outcome =
        source.collect(Deadline(clock, std::chrono::seconds(10), interrupt), text);
    EXPECT_EQ(outcome.error().code, Code::kUnavailable) << outcome.error().message;
    EXPECT_NE(outcome.error().message.find("refused"), std::string::npos)
        << outcome.error().message;
    EXPECT_EQ(text,
              "# HELP pg_up Whether the server could be asked\n# TYPE pg_up gauge\npg_up 0\n");
}

TEST(PostgresSource, AMissingVariableIsNamed) {
    const RealClock clock;
    const Interrupt interrupt;
    PostgresSource source(
        clock, {.dsn = "postgresql://127.0.0.1:1", .password = {.variable = "KW_TEST_NOT_THERE"}});
    std::string text;
    EXPECT_EQ(
        source.collect(Deadline(clock, std::chrono::seconds(10), interrupt), text).error().message,
        "the environment has no variable KW_TEST_NOT_THERE");
}

}  // namespace
}  // namespace kw::collect
