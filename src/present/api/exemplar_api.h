// query_exemplars of Prometheus' HTTP API: the exemplars of the series that a query names.
//
//   GET, POST /api/v1/query_exemplars?query=&start=&end=
//
// Threads: handlers run on the server's threads.
// Source: https://prometheus.io/docs/prometheus/latest/querying/api/#querying-exemplars
#pragma once

#include <functional>

#include "promql/parser.h"

namespace kw {
class ExemplarStore;
namespace net {
class Router;
}
}  // namespace kw

namespace kw::api {

// All given outlives the routes.
struct ExemplarApi {
    ExemplarStore& exemplars;
    promql::ParseOptions features;
    std::function<bool()> is_ready;
};

void add_exemplar_routes(net::Router& routes, ExemplarApi api);

}  // namespace kw::api
