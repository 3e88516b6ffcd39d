#include "platform/database.h"

#include <fmt/core.h>
#include <libpq-fe.h>

#include <charconv>
#include <cstring>

namespace energy {
namespace {

using Clock = std::chrono::steady_clock;

PGconn* raw_of(void* raw) { return static_cast<PGconn*>(raw); }

std::string words_of(PGconn* connection) {
    std::string text = PQerrorMessage(connection);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text.substr(0, 300);
}

kw::Error error_of(PGconn* connection, const PGresult* result) {
    const char* state_text =
        result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view state = state_text == nullptr ? "" : state_text;
    const std::string text = words_of(connection);
    if (PQstatus(connection) != CONNECTION_OK || state.starts_with("57P"))
        return kw::unavailable("database: {}", text);
    if (state == "57014" || state == "55P03") return kw::timed_out("database: {}", text);
    if (state == "23505") return kw::conflict("database: {}", text);
    return kw::invalid("database: {} ({})", text, state);
}

struct ResultFree {
    void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPointer = std::unique_ptr<PGresult, ResultFree>;

Rows rows_of(const PGresult* result) {
    Rows rows(static_cast<size_t>(PQntuples(result)));
    const int columns = PQnfields(result);
    for (size_t r = 0; r < rows.size(); ++r) {
        for (int c = 0; c < columns; ++c) {
            const int row = static_cast<int>(r);
            if (PQgetisnull(result, row, c))
                rows[r].emplace_back(std::nullopt);
            else
                rows[r].emplace_back(std::string(PQgetvalue(result, row, c),
                                                 static_cast<size_t>(PQgetlength(result, row, c))));
        }
    }
    return rows;
}

bool succeeded(const PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

}  // namespace

int64_t integer(const std::optional<std::string>& field) {
    int64_t value = 0;
    if (field) std::from_chars(field->data(), field->data() + field->size(), value);
    return value;
}

double real(const std::optional<std::string>& field) {
    double value = 0;
    if (field) std::from_chars(field->data(), field->data() + field->size(), value);
    return value;
}

kw::Result<std::unique_ptr<Connection>> Connection::open(const std::string& conninfo) {
    const std::string full = conninfo + " connect_timeout=1 options='-c statement_timeout=2000'";
    PGconn* raw = PQconnectdb(full.c_str());
    std::unique_ptr<Connection> connection(new Connection(raw));
    if (PQstatus(raw) != CONNECTION_OK) return kw::unavailable("database: {}", words_of(raw));
    PQsetNoticeProcessor(raw, [](void*, const char*) {}, nullptr);
    return connection;
}

Connection::~Connection() { PQfinish(raw_of(raw_)); }

bool Connection::alive() const { return PQstatus(raw_of(raw_)) == CONNECTION_OK; }

bool Connection::encrypted() const { return PQsslInUse(raw_of(raw_)) == 1; }

kw::Result<Rows> Connection::query(const char* sql, const Parameters& parameters) {
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const auto& parameter : parameters)
        values.push_back(parameter ? parameter->c_str() : nullptr);
    const ResultPointer result(PQexecParams(raw_of(raw_), sql, static_cast<int>(values.size()),
                                            nullptr, values.data(), nullptr, nullptr, 0));
    if (!succeeded(result.get())) return error_of(raw_of(raw_), result.get());
    return rows_of(result.get());
}

kw::Result<void> Connection::script(const std::string& sql) {
    const ResultPointer result(PQexec(raw_of(raw_), sql.c_str()));
    if (!succeeded(result.get())) return error_of(raw_of(raw_), result.get());
    return {};
}

kw::Result<void> Connection::copy_in(const char* sql, std::string_view rows) {
    const ResultPointer begun(PQexec(raw_of(raw_), sql));
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return error_of(raw_of(raw_), begun.get());
    constexpr size_t kPieceBytes = 1 << 20;
    for (size_t at = 0; at < rows.size(); at += kPieceBytes) {
        const std::string_view piece = rows.substr(at, kPieceBytes);
        if (PQputCopyData(raw_of(raw_), piece.data(), static_cast<int>(piece.size())) != 1)
            return error_of(raw_of(raw_), nullptr);
    }
    if (PQputCopyEnd(raw_of(raw_), nullptr) != 1) return error_of(raw_of(raw_), nullptr);
    kw::Result<void> outcome;
    while (PGresult* next = PQgetResult(raw_of(raw_))) {
        const ResultPointer result(next);
        if (!succeeded(next)) outcome = error_of(raw_of(raw_), next);
    }
    return outcome;
}

Database::Database(const Options& options, kilowatch::Registry& registry, kilowatch::Tracer& tracer)
    : options_(options),
      tracer_(tracer),
      queries_(registry.counter_family("database_queries_total", "Statements sent to the database.",
                                       {"operation", "status"})),
      seconds_(registry.histogram_family(
          "database_query_duration_seconds",
          "Time of a statement, waiting for a connection included.", {"operation"},
          {.bounds = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5},
           .native = kilowatch::NativeOptions{}})),
      timeouts_(registry.counter("database_pool_timeouts_total",
                                 "Waits for a free connection that were in vain.")) {
    collector_ = registry.add_collector([this](kilowatch::CollectorSink& sink) {
        const std::scoped_lock lock(mutex_);
        const std::pair<const char*, double> states[] = {
            {"used", used_},
            {"idle", static_cast<double>(idle_.size())},
            {"max", options_.connections_max}};
        for (const auto& [state, value] : states)
            sink.gauge("database_pool_connections", "Connections of the pool.", {{"state", state}},
                       value);
        sink.gauge("database_pool_waiting", "Requests that wait for a connection.", {}, waiting_);
    });
}

Database::~Database() = default;

void Database::set_delay(std::chrono::milliseconds delay) { delay_ms_ = delay.count(); }

kw::Result<Database::Lease> Database::lease() {
    std::unique_lock lock(mutex_);
    const auto deadline = Clock::now() + options_.wait_max;
    ++waiting_;
    const bool free =
        freed_.wait_until(lock, deadline, [this] { return used_ < options_.connections_max; });
    --waiting_;
    if (!free) {
        timeouts_.increment();
        return kw::exhausted("all {} connections to the database are in use",
                             options_.connections_max);
    }
    ++used_;
    lock.unlock();
    return connect_leased();
}

kw::Result<Database::Lease> Database::try_lease() {
    {
        const std::scoped_lock lock(mutex_);
        if (used_ >= options_.connections_max) return kw::exhausted("no connection is free");
        ++used_;
    }
    return connect_leased();
}

kw::Result<Database::Lease> Database::connect_leased() {
    std::unique_ptr<Connection> connection;
    {
        const std::scoped_lock lock(mutex_);
        if (!idle_.empty()) {
            connection = std::move(idle_.back());
            idle_.pop_back();
        }
    }
    if (!connection) {
        kw::Result<std::unique_ptr<Connection>> opened = Connection::open(options_.conninfo);
        if (!opened.ok()) {
            give_back(nullptr);
            return std::move(opened).error();
        }
        connection = std::move(opened).value();
    }
    return Lease(connection.release(), [this](Connection* used) { give_back(used); });
}

void Database::give_back(Connection* connection) {
    std::unique_ptr<Connection> owned(connection);
    const bool usable = owned && owned->alive();
    {
        const std::scoped_lock lock(mutex_);
        --used_;
        if (usable) idle_.push_back(std::move(owned));
    }
    freed_.notify_one();
}

kw::Result<Rows> Database::query(std::string_view operation, const char* sql,
                                 const Parameters& parameters) {
    const auto start = Clock::now();
    kilowatch::ScopedSpan span =
        tracer_.start_scoped(operation, {.kind = kilowatch::SpanKind::kClient,
                                         .parent = {},
                                         .root = false,
                                         .start = {},
                                         .attributes = {{"db.system", "postgresql"},
                                                        {"db.statement", sql},
                                                        {"peer.service", "database"}},
                                         .links = {}});
    kw::Result<Rows> result = run(sql, parameters);
    seconds_.with({operation}).observe(std::chrono::duration<double>(Clock::now() - start).count());
    queries_.with({operation, result.ok() ? "ok" : "error"}).increment();
    if (!result.ok()) span->set_status(kilowatch::SpanStatus::kError, result.error().message);
    return result;
}

kw::Result<Rows> Database::run(const char* sql, const Parameters& parameters) {
    for (int attempt = 0;; ++attempt) {
        KW_TRY_ASSIGN(Lease connection, lease());
        if (const int64_t delay = delay_ms_.load(); delay > 0)
            KW_TRY(connection->query("SELECT pg_sleep($1::float8)",
                                     {fmt::format("{}", static_cast<double>(delay) / 1000)}));
        kw::Result<Rows> result = connection->query(sql, parameters);
        // A connection that the server closed meanwhile says so only now; a fresh one is tried once.
        if (result.ok() || connection->alive() || attempt > 0) return result;
    }
}

bool Database::ping() {
    const std::scoped_lock lock(probe_mutex_);
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (!probe_) {
            kw::Result<std::unique_ptr<Connection>> opened = Connection::open(options_.conninfo);
            if (!opened.ok()) return false;
            probe_ = std::move(opened).value();
        }
        if (probe_->query("SELECT 1").ok()) return true;
        probe_.reset();
    }
    return false;
}

}  // namespace energy
