// The table of routes, and what is around every handler: CORS, readiness, errors.
#include "api/prometheus_api.h"

#include "api/envelope.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::api {
namespace {

enum Methods : unsigned char { kGet = 1, kPost = 2, kPut = 4 };
enum class When : unsigned char { kReady, kAlways };

struct PrometheusRoute {
    std::string_view path;
    unsigned char methods;
    PrometheusApi::Member handler;
    When when = When::kReady;
    bool changes_something = false;  // checked for Host and Origin
    bool is_public = false;          // no password is asked for
};

constexpr unsigned char kGetPost = kGet | kPost;
constexpr unsigned char kPostPut = kPost | kPut;
constexpr bool kChanges = true;
constexpr bool kPublic = true;

// A POST under kGetPost is a query in a form: it changes nothing.
constexpr PrometheusRoute kPrometheusRoutes[] = {
    {"/api/v1/query", kGetPost, &PrometheusApi::query},
    {"/api/v1/query_range", kGetPost, &PrometheusApi::query_range},
    {"/api/v1/format_query", kGetPost, &PrometheusApi::format_query},
    {"/api/v1/parse_query", kGetPost, &PrometheusApi::parse_query},
    {"/api/kw/v1/query/explain", kGetPost, &PrometheusApi::explain_query},
    {"/api/kw/v1/check_query", kGetPost, &PrometheusApi::check_query},
    {"/api/v1/series", kGetPost, &PrometheusApi::series},
    {"/api/v1/labels", kGetPost, &PrometheusApi::labels},
    {"/api/v1/label/:name/values", kGet, &PrometheusApi::label_values},
    {"/api/v1/metadata", kGet, &PrometheusApi::metadata},
    {"/api/v1/targets", kGet, &PrometheusApi::targets},
    {"/api/v1/targets/metadata", kGet, &PrometheusApi::target_metadata},
    {"/api/v1/targets/relabel_steps", kGet, &PrometheusApi::relabel_steps},
    {"/api/v1/scrape_pools", kGet, &PrometheusApi::scrape_pools},
    {"/api/v1/scrape_pools/config", kGet, &PrometheusApi::scrape_pool_config},
    {"/api/v1/rules", kGet, &PrometheusApi::rules},
    {"/api/v1/alerts", kGet, &PrometheusApi::alerts},
    {"/api/v1/alertmanagers", kGet, &PrometheusApi::alertmanagers},
    {"/api/v1/status/config", kGet, &PrometheusApi::status_config},
    {"/api/v1/status/flags", kGet, &PrometheusApi::status_flags},
    {"/api/v1/notifications", kGet, &PrometheusApi::notifications},
    {"/api/v1/status/runtimeinfo", kGet, &PrometheusApi::status_runtime},
    {"/api/v1/status/buildinfo", kGet, &PrometheusApi::status_build},
    {"/api/v1/status/tsdb", kGet, &PrometheusApi::status_tsdb},
    {"/api/v1/status/tsdb/blocks", kGet, &PrometheusApi::status_blocks},
    {"/api/v1/status/self_metrics", kGet, &PrometheusApi::self_metrics},
    {"/api/v1/features", kGet, &PrometheusApi::features, When::kAlways},
    {"/federate", kGet, &PrometheusApi::federate},
    {"/api/v1/status/walreplay", kGet, &PrometheusApi::status_wal_replay, When::kAlways},
    {"/api/kw/v1/status/warnings", kGet, &PrometheusApi::status_warnings, When::kAlways},
    {"/api/v1/admin/tsdb/delete_series", kPostPut, &PrometheusApi::delete_series, When::kReady,
     kChanges},
    {"/api/v1/admin/tsdb/clean_tombstones", kPostPut, &PrometheusApi::clean_tombstones,
     When::kReady, kChanges},
    {"/api/v1/admin/tsdb/snapshot", kPostPut, &PrometheusApi::snapshot, When::kReady, kChanges},
    {"/metrics", kGet, &PrometheusApi::own_metrics, When::kAlways},
    {"/health", kGet, &PrometheusApi::health, When::kAlways, false, kPublic},
    {"/-/healthy", kGet, &PrometheusApi::healthy, When::kAlways, false, kPublic},
    {"/-/ready", kGet, &PrometheusApi::ready, When::kAlways, false, kPublic},
    {"/-/reload", kPostPut, &PrometheusApi::reload, When::kReady, kChanges},
    {"/-/reload", kGet, &PrometheusApi::changes_by_post_only, When::kAlways},
    {"/-/quit", kPostPut, &PrometheusApi::quit, When::kAlways, kChanges},
    {"/-/quit", kGet, &PrometheusApi::changes_by_post_only, When::kAlways},
};

void handle(const PrometheusApi& api, const PrometheusRoute& route, const net::Request& request,
            net::ResponseWriter& response) {
    if (route.path.starts_with("/api/")) api.add_cors_headers(request, response);
    if (route.when == When::kReady && !api.is_ready()) {
        (void)response.send(503, "text/plain; charset=utf-8", "Service Unavailable");
        return;
    }
    const PrometheusApi::Outcome outcome = (api.*route.handler)(request, response);
    if (!outcome.ok()) send_error_or_abort(response, outcome.error());
}

}  // namespace

PrometheusApi::PrometheusApi(Dependencies dependencies)
    : given_(std::move(dependencies)), memory_(given_.options.memory_bytes) {
    if (Result<AnchoredRegex> origin = AnchoredRegex::compile(given_.options.cors_origin);
        origin.ok()) {
        cors_origin_.push_back(std::move(origin).value());
    }
}

// Answers may be read by pages of the allowed origins: as Prometheus', every one unless configured.
void PrometheusApi::add_cors_headers(const net::Request& request,
                                     net::ResponseWriter& response) const {
    response.add_header("Vary", "Origin");
    const std::string_view origin = request.headers.get("Origin");
    if (origin.empty() || cors_origin_.empty() || !cors_origin_.front().matches(origin)) return;
    response.set_header("Access-Control-Allow-Headers",
                        "Accept, Authorization, Content-Type, Origin");
    response.set_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    response.set_header("Access-Control-Expose-Headers", "Date");
    response.set_header("Access-Control-Allow-Origin",
                        given_.options.cors_origin == ".*" ? "*" : origin);
}

void add_prometheus_routes(net::Router& routes, PrometheusApi::Dependencies dependencies) {
    const uint64_t write_body_bytes_max = dependencies.options.write_body_bytes_max;
    const auto api = std::make_shared<const PrometheusApi>(std::move(dependencies));
    constexpr std::pair<Methods, std::string_view> kMethods[] = {
        {kGet, "GET"}, {kPost, "POST"}, {kPut, "PUT"}};
    // A browser asks before it sends what a form could not: the answer is the CORS headers.
    const auto preflight = [api](const net::Request& request, net::ResponseWriter& response) {
        api->add_cors_headers(request, response);
        response.set_status(204);
    };
    for (const PrometheusRoute& route : kPrometheusRoutes) {
        if (route.path.starts_with("/api/")) routes.add("OPTIONS", route.path, preflight);
        for (const auto& [bit, method] : kMethods) {
            if ((route.methods & bit) == 0) continue;
            net::RouteOptions options;
            options.changes_something = route.changes_something;
            options.is_public = route.is_public;
            routes.add(
                method, route.path,
                [api, &route](const net::Request& request, net::ResponseWriter& response) {
                    handle(*api, route, request, response);
                },
                std::move(options));
        }
    }
    static constexpr PrometheusRoute kWrite{"/api/v1/write", kPost, &PrometheusApi::write,
                                            When::kReady, kChanges};
    net::RouteOptions options;
    options.body_bytes_max = write_body_bytes_max;
    options.decode_body = false;  // the encoding is remote write's own
    routes.add(
        "POST", kWrite.path,
        [api](const net::Request& request, net::ResponseWriter& response) {
            handle(*api, kWrite, request, response);
        },
        std::move(options));
}

}  // namespace kw::api
