#include "incidents/timeline_queries.h"

#include <fmt/core.h>

#include <utility>

namespace kw::incidents {
namespace {

constexpr size_t kSeriesMax = 2'000;
constexpr int64_t kTimeoutMs = 10'000;

promql::QueryOptions query_options() {
    promql::QueryOptions options;
    options.timeout_ms = kTimeoutMs;
    return options;
}

}  // namespace

Result<promql::QueryResult> TimelineQueries::taken(const std::string& query,
                                                   Result<promql::QueryResult> result) const {
    if (!result.ok()) return std::move(result).error().with_context(query);
    if (result->series.size() > kSeriesMax) {
        return exhausted("{}: {} series, at most {} are looked at", query, result->series.size(),
                         kSeriesMax);
    }
    return result;
}

Result<promql::QueryResult> TimelineQueries::instant(const std::string& query, Millis at) const {
    return taken(query, engine_.instant(query, at, query_options(), cancel_));
}

Result<promql::QueryResult> TimelineQueries::range(const std::string& query, Millis from, Millis to,
                                                   int64_t step_ms) const {
    return taken(query, engine_.range(query, from, to, step_ms, query_options(), cancel_));
}

Result<promql::QueryResult> TimelineQueries::samples(const std::string& selector, Millis from,
                                                     Millis to) const {
    return instant(fmt::format("{}[{}ms]", selector, to - from), to);
}

}  // namespace kw::incidents
