// libpq behind our own types: connects and queries without ever waiting past a deadline.
//
// The one file that knows libpq. Host names are resolved by libpq, which waits for the resolver; a numeric
// `hostaddr=` avoids that. A query that is given up is ended by closing the connection: libpq's own cancelling
// blocks, and statement_timeout ends the statement at the server.
// Threads: a connection belongs to one.
// Source: https://www.postgresql.org/docs/15/libpq-async.html
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "collect/remote/deadline.h"

namespace kw::collect {

// What a connection string of libpq says, without its password.
struct PostgresAddress {
    std::string host;  // as written; "localhost" when it says none
    std::string port;  // "5432"
    std::string database;
    bool has_password = false;
};
// Errors: kInvalid, without a word of the string: it may hold a password.
Result<PostgresAddress> parse_postgres_dsn(const std::string& dsn);

// The rows of a query, as text. Rows and columns count from 0.
class PostgresRows final {
 public:
    explicit PostgresRows(void* result);  // owns the PGresult

    size_t row_count() const;
    size_t column_count() const;
    // Views live as long as the rows.
    std::string_view column_name(size_t column) const;
    // NULL is empty.
    std::string_view text(size_t row, size_t column) const;
    // NULL is nullopt; so is what is no number. true and false ("t", "f") are 1 and 0.
    std::optional<double> number(size_t row, size_t column) const;

 private:
    std::unique_ptr<void, void (*)(void*)> result_;
};

class PostgresConnection final {
 public:
    // How long a statement waits for a lock: one that is not there soon costs one statement, not the time of all.
    static constexpr int kLockTimeoutMs = 100;

    // Connects as `dsn` says, with `password` unless it is empty. Errors: kInvalid (the string), kUnavailable (what
    // libpq says), kTimeout, kCancelled.
    static Result<std::unique_ptr<PostgresConnection>> open(const std::string& dsn,
                                                            const std::string& password,
                                                            const Deadline& deadline);
    // Runs one SELECT in a transaction of its own, which is read-only; a statement ends at the server after the
    // deadline's whole time. The session itself is left as it is: behind a pooler it may be somebody else's next.
    // Errors: kInvalid (what the server says of the statement), kUnavailable, kTimeout, kCancelled. After the last
    // three the connection is broken.
    Result<PostgresRows> query(std::string_view sql, const Deadline& deadline);

    // 150018 for 15.18.
    int server_version() const;
    // False when it cannot be used again.
    bool is_good() const;

 private:
    explicit PostgresConnection(void* connection);
    Result<void> finish_connecting(const Deadline& deadline);
    Result<PostgresRows> run(const std::string& sql, const Deadline& deadline);
    Result<PostgresRows> take_result(const Deadline& deadline);
    Result<void> wait_for_result(const Deadline& deadline);
    std::string message() const;

    std::unique_ptr<void, void (*)(void*)> connection_;
    bool is_broken_ = false;
};

}  // namespace kw::collect
