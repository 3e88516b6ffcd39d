// The questions behind `kilowatch query`: asked of a server's HTTP API (any that speaks Prometheus'), the
// answer written as a table, as PromQL or as the JSON that came.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/command.h"
#include "base/time.h"
#include "net/fields.h"

namespace kw::net {
class Fetcher;
}

namespace kw::app {

struct QueryOptions {
    std::string server;                // "http://localhost:9090", with a path where there is one
    std::string format = "table";      // or "promql", "json"
    std::vector<std::string> headers;  // "Name: value", sent along
    std::string http_config_file;      // an HTTP client block: basic_auth, tls_config, …
    std::string timeout = "2m";

    std::string expression;             // instant, range, explain, exemplars, check
    std::string label;                  // labels: whose values; empty: the names of all labels
    std::vector<std::string> matchers;  // series, labels
    // Seconds since the epoch or RFC 3339; empty: as each command has it.
    std::string time;
    std::string start;
    std::string end;
    std::string step;
    bool analyze = false;  // explain: evaluates, too
};

// Each answers with the exit code; what is wrong goes to the context's err.
int query_instant(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options);
// Without start and end: the last 5 minutes before `now`. Without a step: a 250th of the range.
int query_range(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options,
                Millis now);
// The plan of a query, at a time or, with a start, an end or a step, over a range: a table with a line an operator.
int explain_query(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options,
                  Millis now);
int query_series(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options);
// The exemplars of the series that the expression names; in all of time without start and end.
int query_exemplars(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options);
int query_labels(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options);
// The linter's remarks, from the server where one is named, else from the query alone. kExitLint when there are any.
int check_query(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options);

}  // namespace kw::app
