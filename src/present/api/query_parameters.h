// The parameters that queries share: query, query_range, query/explain. Errors are kInvalid, in Prometheus' words.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "promql/ast.h"

namespace kw::net {
struct Request;
}
namespace kw::promql {
struct QueryOptions;
}

namespace kw::api {

// `timeout`, `lookback_delta`.
Result<promql::QueryOptions> query_options(const net::Request& request);
// `start`, `end`, `step`, all of which must be there; at most `points_max` steps.
Result<promql::QueryRange> query_range_parameters(const net::Request& request, uint64_t points_max);

}  // namespace kw::api
