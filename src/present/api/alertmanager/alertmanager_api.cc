#include "api/alertmanager/alertmanager_api.h"

#include <algorithm>
#include <memory>

#include "alerting/alertmanager.h"
#include "alerting/matchers.h"
#include "api/json_writer.h"
#include "api/parameters.h"
#include "base/clock.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::api {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr int kValidationCode = 602;  // go-openapi's "required", which clients only show

using AlertmanagerHandler = void (AlertmanagerApi::*)(const net::Request&,
                                                      net::ResponseWriter&) const;
struct AlertmanagerRoute {
    std::string_view method;
    std::string_view path;
    AlertmanagerHandler handler;
};
constexpr AlertmanagerRoute kAlertmanagerRoutes[] = {
    {"GET", "/api/v2/status", &AlertmanagerApi::status},
    {"GET", "/api/v2/receivers", &AlertmanagerApi::receivers},
    {"GET", "/api/v2/alerts", &AlertmanagerApi::alerts},
    {"POST", "/api/v2/alerts", &AlertmanagerApi::post_alerts},
    {"GET", "/api/v2/alerts/groups", &AlertmanagerApi::alert_groups},
    {"GET", "/api/v2/silences", &AlertmanagerApi::silences},
    {"POST", "/api/v2/silences", &AlertmanagerApi::post_silence},
    {"GET", "/api/v2/silence/:id", &AlertmanagerApi::silence},
    {"DELETE", "/api/v2/silence/:id", &AlertmanagerApi::delete_silence},
};

}  // namespace

void add_alertmanager_routes(net::Router& routes, AlertmanagerApi::Dependencies dependencies) {
    const auto api = std::make_shared<const AlertmanagerApi>(std::move(dependencies));
    for (const AlertmanagerRoute& route : kAlertmanagerRoutes) {
        routes.add(route.method, route.path,
                   [api, &route](const net::Request& request, net::ResponseWriter& response) {
                       (api.get()->*route.handler)(request, response);
                   });
    }
}

void send_alertmanager_error(net::ResponseWriter& response, int status, std::string_view message) {
    response.set_status(status);
    response.set_header("Content-Type", kJsonType);
    JsonWriter json(response);
    json.string(message);
    (void)json.finish();
}

void send_validation_error(net::ResponseWriter& response, std::string_view message) {
    response.set_status(422);
    response.set_header("Content-Type", kJsonType);
    JsonWriter json(response);
    json.begin_object().key("code").integer(kValidationCode).key("message").string(message);
    json.end_object();
    (void)json.finish();
}

Result<std::vector<Matcher>> filter_parameters(const net::Request& request) {
    std::vector<Matcher> matchers;
    for (const std::string_view text : request.params.all("filter")) {
        KW_TRY_ASSIGN(Matcher matcher, alerting::parse_matcher(text));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

Result<bool> flag_parameter(const net::Request& request, std::string_view name, bool fallback) {
    const std::string_view text = request.params.get(name);
    if (text.empty()) return fallback;
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return invalid("{} in query must be of type boolean: {}", name, kw::quoted(text));
}

Result<Millis> parse_json_time(std::string_view text) {
    // A number of seconds is a time for Prometheus' API only.
    if (text.size() < 20 || text[4] != '-') {
        return invalid("{} is not a time as 2026-01-02T13:36:40Z", kw::quoted(text));
    }
    return parse_time(text);
}

void AlertmanagerApi::status(const net::Request&, net::ResponseWriter& response) const {
    response.set_header("Content-Type", kJsonType);
    JsonWriter json(response);
    json.begin_object();
    json.key("cluster").begin_object();
    json.key("peers").begin_array().end_array().key("status").string("disabled").end_object();
    json.key("config").begin_object().key("original");
    json.string(given_.manager.settings()->shown_yaml).end_object();
    json.key("uptime").string(format_rfc3339(given_.started));
    json.key("versionInfo").begin_object();
    json.key("branch").string(given_.build.branch);
    json.key("buildDate").string(given_.build.build_date);
    json.key("buildUser").string(given_.build.build_user);
    json.key("goVersion").string(given_.build.compiler);
    json.key("revision").string(given_.build.revision);
    json.key("version").string(given_.build.version);
    json.end_object().end_object();
    (void)json.finish();
}

void AlertmanagerApi::receivers(const net::Request&, net::ResponseWriter& response) const {
    const std::shared_ptr<const alerting::Settings> settings = given_.manager.settings();
    response.set_header("Content-Type", kJsonType);
    JsonWriter json(response);
    json.begin_array();
    for (const std::string& name : settings->receiver_names) {
        json.begin_object().key("name").string(name).end_object();
    }
    json.end_array();
    (void)json.finish();
}

}  // namespace kw::api
