#include "collect/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <charconv>
#include <utility>

#include "collect/remote/shown_text.h"

namespace kw::collect {
namespace {

PGconn* of(const std::unique_ptr<void, void (*)(void*)>& connection) {
    return static_cast<PGconn*>(connection.get());
}
const PGresult* result_of(const std::unique_ptr<void, void (*)(void*)>& result) {
    return static_cast<const PGresult*>(result.get());
}

using Options = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;
Options parse_options(const std::string& dsn) {
    char* error = nullptr;
    Options options(PQconninfoParse(dsn.c_str(), &error), PQconninfoFree);
    if (error != nullptr) PQfreemem(error);
    return options;
}

}  // namespace

Result<PostgresAddress> parse_postgres_dsn(const std::string& dsn) {
    const Options options = parse_options(dsn);
    if (!options) {
        return invalid(
            "is no connection string of libpq; write postgresql://user@host:5432/database");
    }
    PostgresAddress address{.host = "localhost", .port = "5432", .database = {}};
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        const std::string value = option->val == nullptr ? "" : option->val;
        if (value.empty()) continue;
        if (keyword == "host") address.host = value;
        if (keyword == "hostaddr" && address.host == "localhost") address.host = value;
        if (keyword == "port") address.port = value;
        if (keyword == "dbname") address.database = value;
        if (keyword == "password" || keyword == "sslpassword") address.has_password = true;
    }
    return address;
}

PostgresRows::PostgresRows(void* result)
    : result_(result, [](void* held) { PQclear(static_cast<PGresult*>(held)); }) {}

size_t PostgresRows::row_count() const {
    return static_cast<size_t>(PQntuples(result_of(result_)));
}
size_t PostgresRows::column_count() const {
    return static_cast<size_t>(PQnfields(result_of(result_)));
}
std::string_view PostgresRows::column_name(size_t column) const {
    return PQfname(result_of(result_), static_cast<int>(column));
}

std::string_view PostgresRows::text(size_t row, size_t column) const {
    const int r = static_cast<int>(row);
    const int c = static_cast<int>(column);
    return {PQgetvalue(result_of(result_), r, c),
            static_cast<size_t>(PQgetlength(result_of(result_), r, c))};
}

std::optional<double> PostgresRows::number(size_t row, size_t column) const {
    if (PQgetisnull(result_of(result_), static_cast<int>(row), static_cast<int>(column)) != 0)
        return std::nullopt;
    const std::string_view digits = text(row, column);
    if (digits == "t") return 1;
    if (digits == "f") return 0;
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

PostgresConnection::PostgresConnection(void* connection)
    : connection_(connection, [](void* held) { PQfinish(static_cast<PGconn*>(held)); }) {}

std::string PostgresConnection::message() const {
    return shown_text(PQerrorMessage(of(connection_)));
}
int PostgresConnection::server_version() const { return PQserverVersion(of(connection_)); }
bool PostgresConnection::is_good() const {
    return !is_broken_ && PQstatus(of(connection_)) == CONNECTION_OK;
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const std::string& dsn,
                                                                     const std::string& password,
                                                                     const Deadline& deadline) {
    // `dbname` is expanded as a connection string; what follows it wins, what stands before it gives way.
    const char* const keywords[] = {"fallback_application_name", "dbname",
                                    password.empty() ? nullptr : "password", nullptr};
    const char* const values[] = {"kilowatch", dsn.c_str(), password.c_str(), nullptr};
    std::unique_ptr<PostgresConnection> connection(
        new PostgresConnection(PQconnectStartParams(keywords, values, /*expand_dbname=*/1)));
    if (!connection->connection_) return exhausted("no memory for a connection");
    // A notice, of a query that was truncated say, is nothing that the server's output should show.
    PQsetNoticeProcessor(of(connection->connection_), [](void*, const char*) {}, nullptr);
    KW_TRY(connection->finish_connecting(deadline));
    return connection;
}

Result<void> PostgresConnection::finish_connecting(const Deadline& deadline) {
    PGconn* const connection = of(connection_);
    if (PQstatus(connection) == CONNECTION_BAD) return unavailable("{}", message());
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED) return unavailable("{}", message());
        KW_TRY(deadline.wait_ready(PQsocket(connection),
                                   state == PGRES_POLLING_READING ? POLLIN : POLLOUT));
        state = PQconnectPoll(connection);
    }
    if (PQsetnonblocking(connection, 1) != 0) return unavailable("{}", message());
    return {};
}

Result<PostgresRows> PostgresConnection::query(std::string_view sql, const Deadline& deadline) {
    KW_TRY(deadline.check());
    // The whole time rather than what is left of it: pg_stat_statements has an entry for each text of a SET.
    const std::string transaction = fmt::format(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; {}; "
        "COMMIT",
        deadline.timeout().count(), kLockTimeoutMs, sql);
    Result<PostgresRows> rows = run(transaction, deadline);
    // A statement that failed leaves its transaction open.
    if (is_good() && PQtransactionStatus(of(connection_)) != PQTRANS_IDLE) {
        if (const Result<PostgresRows> ended = run("ROLLBACK", deadline); !ended.ok()) {
            return ended.error();
        }
    }
    return rows;
}

Result<PostgresRows> PostgresConnection::run(const std::string& sql, const Deadline& deadline) {
    if (PQsendQuery(of(connection_), sql.c_str()) == 0) {
        is_broken_ = true;
        return unavailable("{}", message());
    }
    Result<PostgresRows> rows = take_result(deadline);
    // A statement that runs on would meet the next one.
    if (!rows.ok() && rows.error().code != Code::kInvalid) is_broken_ = true;
    return rows;
}

// The rows of what was sent, of which at most one statement has some.
Result<PostgresRows> PostgresConnection::take_result(const Deadline& deadline) {
    std::optional<PostgresRows> rows;
    std::string error;
    for (;;) {
        KW_TRY(wait_for_result(deadline));
        PGresult* const result = PQgetResult(of(connection_));
        if (result == nullptr) break;
        PostgresRows taken(result);
        switch (PQresultStatus(result)) {
            case PGRES_TUPLES_OK: rows = std::move(taken); break;
            case PGRES_COMMAND_OK:
                if (!rows) rows = std::move(taken);
                break;
            default: error = shown_text(PQresultErrorMessage(result));
        }
    }
    // The statement is wrong or not allowed; the connection is as it was, unless it is gone.
    if (!error.empty()) return is_good() ? invalid("{}", error) : unavailable("{}", error);
    if (!rows) return unavailable("no answer");
    return *std::move(rows);
}

Result<void> PostgresConnection::wait_for_result(const Deadline& deadline) {
    PGconn* const connection = of(connection_);
    for (;;) {
        const int unsent = PQflush(connection);
        if (unsent < 0) return unavailable("{}", message());
        if (unsent == 0 && PQisBusy(connection) == 0) return {};
        KW_TRY(deadline.wait_ready(PQsocket(connection),
                                   static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0))));
        if (PQconsumeInput(connection) == 0) return unavailable("{}", message());
    }
}

}  // namespace kw::collect
