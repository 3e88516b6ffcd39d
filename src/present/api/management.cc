// Health, the server's own metrics, reload and quit.
#include "api/envelope.h"
#include "api/health.h"
#include "api/json_writer.h"
#include "api/prometheus_api.h"
#include "api/text_format.h"
#include "base/clock.h"
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

// For load balancers, monitors and people: the guide's form, without details, since nobody is asked for a password.
Result<void> PrometheusApi::health(const net::Request&, net::ResponseWriter& response) const {
    const ServerHealth health = server_health();
    const bool serves = health.status < PartHealth::kStarting;
    response.set_status(serves ? 200 : 503);
    response.set_header("Content-Type", "application/json");
    response.set_header("Cache-Control", "no-store");
    JsonWriter json(response);
    json.begin_object().key("status").string(part_health_text(health.status));
    json.key("components").begin_object();
    for (const auto& [name, part] : health.parts) json.key(name).string(part_health_text(part));
    json.end_object().end_object();
    return json.finish();
}

ServerHealth PrometheusApi::server_health() const {
    const Millis now = given_.env.clock.now();
    const RuntimeInfo runtime = given_.runtime ? given_.runtime() : RuntimeInfo{};
    const bool is_writable = !given_.store_is_writable || given_.store_is_writable();
    ServerHealth health;
    if (is_ready()) {
        const Millis since = runtime.acting_since;
        health.add("store", is_writable ? PartHealth::kHealthy : PartHealth::kUnhealthy);
        health.add("scrape", given_.targets.active_targets
                                 ? scrape_health(given_.targets.active_targets(""), since, now)
                                 : PartHealth::kHealthy);
        health.add("rules", given_.rule_groups ? rules_health(given_.rule_groups(), since, now)
                                               : PartHealth::kHealthy);
    } else {
        for (const std::string_view part : {"store", "scrape", "rules"}) {
            health.add(part, PartHealth::kStarting);
        }
    }
    health.add("configuration",
               runtime.reload_succeeded ? PartHealth::kHealthy : PartHealth::kDegraded);
    return health;
}

// What the registry renders is the same in both versions of the text format and in every escaping:
// all its names are classic.
Result<void> PrometheusApi::own_metrics(const net::Request& request,
                                        net::ResponseWriter& response) const {
    const TextFormat format = negotiate_text_format(request.headers.get("Accept"));
    return response.send(200, format.content_type(), own_metrics_text());
}

std::string PrometheusApi::own_metrics_text() const {
    std::string text;
    if (given_.further_metrics) given_.further_metrics(text);
    given_.env.metrics.render(text);
    return text;
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
