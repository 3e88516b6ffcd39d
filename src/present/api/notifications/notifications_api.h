// Our own API over notifications: what was sent and answered, tests of receivers, acknowledgements; and of an alert, why
// somebody was or was not told, and who would be.
//
//   routes ──▶ handler: parameters or JSON body ─▶ call ─▶ envelope as Prometheus' API
//
// Threads: handlers run on the server's threads; a test of a receiver waits for its answers, 10 s for each message at
// most.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "alerting/explanation.h"
#include "alerting/notification_log.h"
#include "alerting/notify_pipeline.h"
#include "base/result.h"
#include "model/labels.h"
#include "rules/rule_manager.h"

namespace kw {
class Clock;
namespace alerting {
class Alertmanager;
}
namespace net {
struct Request;
class ResponseWriter;
class Router;
}  // namespace net
}  // namespace kw

namespace kw::api {

class JsonWriter;

class NotificationsApi final {
 public:
    struct Dependencies {
        Clock& clock;
        alerting::Alertmanager& manager;
        alerting::NotifyPipeline& pipeline;
        std::function<std::vector<rules::GroupView>()> rule_groups;
        // What an alert's labels are once it leaves its rule; nullopt: relabelling drops it.
        std::function<std::optional<LabelSet>(const LabelSet&)> outgoing_labels;
    };
    explicit NotificationsApi(Dependencies dependencies) : given_(std::move(dependencies)) {}

    using Outcome = Result<void>;
    // notifications_api.cc
    Outcome history(const net::Request& request, net::ResponseWriter& response) const;
    Outcome receivers(const net::Request& request, net::ResponseWriter& response) const;
    Outcome test(const net::Request& request, net::ResponseWriter& response) const;
    Outcome acknowledge(const net::Request& request, net::ResponseWriter& response) const;
    // alert_story.cc
    Outcome why(const net::Request& request, net::ResponseWriter& response) const;
    // alert_simulation.cc
    Outcome routes(const net::Request& request, net::ResponseWriter& response) const;
    Outcome simulate(const net::Request& request, net::ResponseWriter& response) const;

 private:
    Dependencies given_;
};

// /api/kw/v1/notifications, /api/kw/v1/alerts/… What `dependencies` refers to outlives `routes`.
void add_notification_routes(net::Router& routes, NotificationsApi::Dependencies dependencies);

// Shared by the handlers.
// {"name":"value", …} as a JSON text. Errors: kInvalid.
Result<LabelSet> parse_labels_json(std::string_view text);
void write_history_line(JsonWriter& json, const alerting::HistoryLine& line);
// The members of a route, in an object that is open.
void write_route_members(JsonWriter& json, const alerting::Route& route,
                         const alerting::Settings& settings);
// As an object. Its settings are those of `explanation`.
void write_route_explanation(JsonWriter& json, const alerting::RouteExplanation& route,
                             const alerting::Explanation& explanation);

}  // namespace kw::api
