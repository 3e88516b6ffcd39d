// Health, the server's own metrics, reload and quit.
#include "api/envelope.h"
#include "api/prometheus_api.h"
#include "base/environment.h"
#include "base/metrics.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kNoLifecycle = "Lifecycle API is not enabled.";

}  // namespace

Result<void> PrometheusApi::healthy(const net::Request&, net::ResponseWriter& response) const {
    return response.send(200, kText, "Kilowatch is Healthy.\n");
}

Result<void> PrometheusApi::ready(const net::Request&, net::ResponseWriter& response) const {
    if (!is_ready()) return response.send(503, kText, "Service Unavailable");
    return response.send(200, kText, "Kilowatch is Ready.\n");
}

// For load balancers and people: one look at whether the server answers and whether it may be asked.
Result<void> PrometheusApi::health(const net::Request&, net::ResponseWriter& response) const {
    const bool is_up = is_ready();
    return response.send(is_up ? 200 : 503, "application/json",
                         is_up ? R"({"status":"up"})" : R"({"status":"starting"})");
}

// Always text format 0.0.4, which every scraper takes and which is what the registry renders.
Result<void> PrometheusApi::own_metrics(const net::Request&, net::ResponseWriter& response) const {
    std::string text;
    if (given_.further_metrics) given_.further_metrics(text);
    given_.env.metrics.render(text);
    return response.send(200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
                         text);
}

Result<void> PrometheusApi::reload(const net::Request&, net::ResponseWriter& response) const {
    if (!given_.options.enable_lifecycle || !given_.reload)
        return response.send(403, kText, kNoLifecycle);
    if (const Result<void> reloaded = given_.reload(); !reloaded.ok()) {
        return response.send(500, kText,
                             "failed to reload config: " + reloaded.error().message + "\n");
    }
    return response.send(200, kText, "");
}

Result<void> PrometheusApi::quit(const net::Request&, net::ResponseWriter& response) const {
    if (!given_.options.enable_lifecycle || !given_.quit)
        return response.send(403, kText, kNoLifecycle);
    const Result<void> sent = response.send(200, kText, "Requesting termination... Goodbye!");
    given_.quit();
    return sent;
}

Result<void> PrometheusApi::changes_by_post_only(const net::Request&,
                                                 net::ResponseWriter& response) const {
    response.set_header("Allow", "POST, PUT");
    return response.send(405, kText, "Only POST or PUT requests allowed");
}

}  // namespace kw::api
