// Alertmanager's HTTP API, version 2, over the engine in `alerting`: what amtool, Prometheus and Grafana ask.
//
//   routes ──▶ handler: parameters ─▶ call ─▶ JSON
//
// An error's body is a JSON string, as upstream's; what its validation refuses is 422 with code and message.
// Threads: handlers run on the server's threads.
// Source: Alertmanager's OpenAPI description, version 2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/prometheus_api.h"
#include "base/result.h"
#include "base/time.h"
#include "model/matcher.h"

namespace kw {
class Clock;
namespace alerting {
class Alertmanager;
struct AlertView;
}  // namespace alerting
namespace net {
struct Request;
class ResponseWriter;
class Router;
}  // namespace net
}  // namespace kw

namespace kw::api {

class JsonWriter;

class AlertmanagerApi final {
 public:
    struct Dependencies {
        Clock& clock;
        alerting::Alertmanager& manager;
        BuildInfo build;
        Millis started;
    };
    explicit AlertmanagerApi(Dependencies dependencies) : given_(std::move(dependencies)) {}

    void status(const net::Request& request, net::ResponseWriter& response) const;
    void receivers(const net::Request& request, net::ResponseWriter& response) const;
    // alertmanager_alerts.cc
    void alerts(const net::Request& request, net::ResponseWriter& response) const;
    void alert_groups(const net::Request& request, net::ResponseWriter& response) const;
    void post_alerts(const net::Request& request, net::ResponseWriter& response) const;
    // alertmanager_silences.cc
    void silences(const net::Request& request, net::ResponseWriter& response) const;
    void silence(const net::Request& request, net::ResponseWriter& response) const;
    void post_silence(const net::Request& request, net::ResponseWriter& response) const;
    void delete_silence(const net::Request& request, net::ResponseWriter& response) const;

 private:
    Dependencies given_;
};

// /api/v2/… What `dependencies` refers to outlives `routes`.
void add_alertmanager_routes(net::Router& routes, AlertmanagerApi::Dependencies dependencies);

// Shared by the handlers.
// A JSON string as the body.
void send_alertmanager_error(net::ResponseWriter& response, int status, std::string_view message);
// {"code":602,"message":…}, 422.
void send_validation_error(net::ResponseWriter& response, std::string_view message);
// Every `filter`. Errors: kInvalid.
Result<std::vector<Matcher>> filter_parameters(const net::Request& request);
// true or false, `fallback` when absent. Errors: kInvalid.
Result<bool> flag_parameter(const net::Request& request, std::string_view name, bool fallback);
// RFC 3339. Errors: kInvalid.
Result<Millis> parse_json_time(std::string_view text);

}  // namespace kw::api
