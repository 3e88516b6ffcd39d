// PostgreSQL by a pool of connections, each query timed, counted and traced.
//
// Exposed: database_queries_total{operation,status}, database_query_duration_seconds{operation},
// database_pool_connections{state} (used, idle, max), database_pool_waiting, database_pool_timeouts_total.
// Limits: 2 s for a statement (the server cancels it), 1 s to connect, 1 s to wait for a free connection.
// Threads: all; a connection belongs to one query or transaction at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kilowatch/metrics.h"
#include "kilowatch/trace.h"

namespace energy {

using Row = std::vector<std::optional<std::string>>;  // nullopt: NULL
using Rows = std::vector<Row>;
using Parameters = std::vector<std::optional<std::string>>;

int64_t integer(const std::optional<std::string>& field);  // 0 where it is NULL or no number
double real(const std::optional<std::string>& field);

// One connection, for what needs a session of its own: migrations, COPY, holding a lock.
class Connection final {
 public:
    // Errors: kUnavailable with libpq's words.
    static kw::Result<std::unique_ptr<Connection>> open(const std::string& conninfo);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // `sql` is one statement with $1, $2, … Errors: kTimeout (statement or lock timeout), kConflict (a key exists),
    // kUnavailable (the connection is gone), kInvalid (anything else that the server refuses).
    kw::Result<Rows> query(const char* sql, const Parameters& parameters = {});
    // Several statements, without parameters.
    kw::Result<void> script(const std::string& sql);
    // Sends rows as COPY … FROM STDIN wants them (text form, '\n' after each).
    kw::Result<void> copy_in(const char* sql, std::string_view rows);
    bool alive() const;
    bool encrypted() const;  // TLS on the wire

 private:
    explicit Connection(void* raw) : raw_(raw) {}
    void* raw_;  // PGconn
};

class Database final {
 public:
    struct Options {
        std::string conninfo;
        int connections_max = 8;
        std::chrono::milliseconds wait_max{1000};
    };
    // `registry` and `tracer` outlive it.
    Database(const Options& options, kilowatch::Registry& registry, kilowatch::Tracer& tracer);
    ~Database();

    // `operation` is the label: select_actuals, insert_audit, …, one of a fixed few.
    kw::Result<Rows> query(std::string_view operation, const char* sql,
                           const Parameters& parameters = {});

    // A connection out of the pool, given back at its end. Errors: kExhausted when none is free in time.
    using Lease = std::unique_ptr<Connection, std::function<void(Connection*)>>;
    kw::Result<Lease> lease();
    kw::Result<Lease> try_lease();  // without waiting, and without counting a time-out

    bool ping();  // connects and SELECT 1, beside the pool's queue
    void set_delay(
        std::chrono::milliseconds delay);  // the fault "slow query": pg_sleep before each statement

 private:
    kw::Result<Lease> connect_leased();  // of a place in the pool that is already counted as used
    kw::Result<Rows> run(const char* sql, const Parameters& parameters);
    void give_back(Connection* connection);

    const Options options_;
    kilowatch::Tracer& tracer_;
    kilowatch::CounterFamily& queries_;
    kilowatch::HistogramFamily& seconds_;
    kilowatch::Counter& timeouts_;
    std::atomic<int64_t> delay_ms_{0};
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<std::unique_ptr<Connection>> idle_;
    int used_ = 0;
    int waiting_ = 0;
    std::unique_ptr<Connection> probe_;
    std::mutex probe_mutex_;
    kilowatch::CollectorHandle collector_;
};

}  // namespace energy
