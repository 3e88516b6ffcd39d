// A PostgreSQL server as a target: one connection that is kept, a few dozen statements a scrape.
//
//   open or keep the connection ─▶ each PostgresQuery ─▶ families
//
// A statement that the role may not run, or that fails, costs its own families:
// pg_scrape_collector_success{collector} says 0. A server that cannot be reached or does not answer in time fails
// the scrape, which then has `pg_up 0` and nothing else.
// Threads: its worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "collect/postgres/connection.h"
#include "collect/postgres/statements.h"
#include "collect/remote/secret.h"
#include "collect/remote/worker.h"

namespace kw::collect {

struct PostgresOptions {
    std::string dsn{};  // without a password
    SecretSource password{};
    uint64_t statements_max = 100;  // costliest statements with figures of their own; 0: none
    bool statement_text = false;    // pg_stat_statements_query_id
    bool operator==(const PostgresOptions&) const = default;
};

class PostgresSource final : public RemoteSource {
 public:
    static constexpr size_t kStatementTextMax = 120;

    // `clock` outlives it.
    PostgresSource(const Clock& clock, PostgresOptions options);

    Result<void> collect(const Deadline& deadline, std::string& out) override;

 private:
    struct Outcome {
        std::string_view name;
        double seconds = 0;
        bool success = false;
    };

    Result<void> connect(const Deadline& deadline);
    Result<void> collect_connected(const Deadline& deadline, ExpositionWriter& out);
    Result<void> collect_statements(const Deadline& deadline, ExpositionWriter& out);

    const Clock& clock_;
    const PostgresOptions options_;
    std::unique_ptr<PostgresConnection> connection_;
    StatementCounter statements_;
};

}  // namespace kw::collect
