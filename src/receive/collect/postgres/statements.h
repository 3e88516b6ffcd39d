// pg_stat_statements: what each of the costliest statements took, and how many were executed in all.
//
// pg_stat_statements_total{datname} counts executions from the collector's first look on, and never goes back: the
// extension forgets its least used statements when it is full, so that the sum of its counts does go back, which
// rate() would read as a restart and count everything again. Each statement's increase is added instead.
// Threads: one user.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace kw::collect {

class ExpositionWriter;
class PostgresRows;

class StatementCounter final {
 public:
    // The most statements of which the executions are followed; more are an error.
    static constexpr size_t kStatementsMax = 50'000;

    // The figures of all statements, from an extension in `schema` (quoted) of `version` ("1.10"): a server that was
    // upgraded keeps the extension's old one until somebody updates it.
    static std::string sql(std::string_view schema, std::string_view version);
    // The first `length_max` bytes or so of the texts of the statements `ids`.
    static std::string text_sql(std::string_view schema, const std::vector<std::string>& ids,
                                size_t length_max);

    // Writes the totals, and each of the `top_max` statements that took most time. Returns their ids.
    // Errors: kExhausted (over kStatementsMax), kInternal (rows of another statement).
    Result<std::vector<std::string>> write(const PostgresRows& rows, size_t top_max,
                                           ExpositionWriter& out);
    static void write_texts(const PostgresRows& rows, ExpositionWriter& out);

 private:
    struct Seen {
        double calls = 0;
        uint64_t look = 0;
    };

    void count(const PostgresRows& rows);

    uint64_t look_ = 0;
    std::unordered_map<std::string, Seen> seen_;           // by user, database and id
    std::map<std::string, double, std::less<>> executed_;  // by database
};

}  // namespace kw::collect
