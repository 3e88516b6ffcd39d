// alerts/routes, alerts/simulate: the routing tree, and what would happen to an alert in it.
#include <simdjson.h>

#include <optional>

#include "alerting/alertmanager.h"
#include "alerting/integration.h"
#include "alerting/matchers.h"
#include "alerting/simulation.h"
#include "api/envelope.h"
#include "api/json_writer.h"
#include "api/notifications/notifications_api.h"
#include "api/parameters.h"
#include "base/clock.h"
#include "model/sample.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr int64_t kHorizonMsMax = 31LL * 86'400'000;

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
    json.key(key).begin_array();
    for (const std::string& text : texts) json.string(text);
    json.end_array();
}

double seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

void write_tree(JsonWriter& json, const alerting::Route& route,
                const alerting::Settings& settings) {
    json.begin_object();
    write_route_members(json, route, settings);
    json.key("routes").begin_array();
    for (const alerting::Route& child : route.routes) write_tree(json, child, settings);
    json.end_array().end_object();
}

// A text with a time, or seconds since the epoch.
Result<Millis> time_of(element value, const char* key) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return parse_time(text).with_context(key);
    double number = 0;
    if (value.get(number) == simdjson::SUCCESS) {
        return parse_time(fmt::format("{}", number)).with_context(key);
    }
    return invalid("{} must be a time: 2026-01-02T13:36:40Z", key);
}

// {"labels": {…}, "at": …, "endsAt": …, "horizon": "24h"}.
Result<alerting::SimulationRequest> read_request(const net::Request& request, Millis now) {
    simdjson::dom::parser parser;
    object members;
    if (parser.parse(request.body).get(members) != simdjson::SUCCESS) {
        return invalid("the body is not a JSON object");
    }
    alerting::SimulationRequest asked;
    asked.at = now;
    for (const auto member : members) {
        if (member.key == "labels") {
            const std::string text = simdjson::minify(member.value);
            KW_TRY_ASSIGN(asked.labels, parse_labels_json(text).with_context("labels"));
        } else if (member.key == "at") {
            KW_TRY_ASSIGN(asked.at, time_of(member.value, "at"));
        } else if (member.key == "endsAt") {
            KW_TRY_ASSIGN(asked.ends_at, time_of(member.value, "endsAt"));
        } else if (member.key == "horizon") {
            std::string_view text;
            if (member.value.get(text) != simdjson::SUCCESS) {
                return invalid("horizon must be a duration as a string: \"24h\"");
            }
            KW_TRY_ASSIGN(asked.horizon_ms, parse_duration_ms(text).with_context("horizon"));
        } else {
            return invalid("{} is not known here; it takes labels, at, endsAt and horizon",
                           kw::quoted(member.key));
        }
    }
    if (asked.labels.empty()) return invalid("labels is missing: those of an alert");
    if (asked.horizon_ms <= 0 || asked.horizon_ms > kHorizonMsMax) {
        return invalid("horizon must be from 1ms to {}", format_duration_ms(kHorizonMsMax));
    }
    if (asked.ends_at && *asked.ends_at < asked.at) return invalid("endsAt is before at");
    return asked;
}

void write_event(JsonWriter& json, const alerting::SimulatedEvent& event) {
    json.begin_object().key("kind").string(alerting::event_text(event.kind));
    json.key("at").string(format_rfc3339(event.at));
    if (event.kind == alerting::SimulatedEvent::Kind::kSuppressed) {
        json.key("until").string(format_rfc3339(event.until)).key("flushes").count(event.flushes);
    }
    write_names(json, "integrations", event.integrations);
    write_names(json, "reasons", event.reasons);
    json.end_object();
}

}  // namespace

void write_route_members(JsonWriter& json, const alerting::Route& route,
                         const alerting::Settings& settings) {
    json.key("index").count(route.index).key("receiver").string(route.receiver);
    json.key("matchers").begin_array();
    for (const Matcher& matcher : route.matchers) json.string(alerting::matcher_text(matcher));
    json.end_array().key("continue").boolean(route.continues);
    write_names(json, "groupBy",
                route.groups_by_all ? std::vector<std::string>{"..."} : route.group_by);
    json.key("groupWait").number(seconds(route.group_wait_ms));
    json.key("groupInterval").number(seconds(route.group_interval_ms));
    json.key("repeatInterval").number(seconds(route.repeat_interval_ms));
    write_names(json, "muteTimeIntervals", route.mute_time_intervals);
    write_names(json, "activeTimeIntervals", route.active_time_intervals);
    json.key("integrations").begin_array();
    for (const alerting::Receiver& receiver : settings.notify->receivers) {
        if (receiver.name != route.receiver) continue;
        for (const alerting::IntegrationInfo& one : alerting::list_integrations(receiver)) {
            json.string(one.name);
        }
    }
    json.end_array();
}

NotificationsApi::Outcome NotificationsApi::routes(const net::Request&,
                                                   net::ResponseWriter& response) const {
    const std::shared_ptr<const alerting::Settings> settings = given_.manager.settings();
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("route");
    write_tree(json, settings->route, *settings);
    json.end_object();
    return envelope.end();
}

NotificationsApi::Outcome NotificationsApi::simulate(const net::Request& request,
                                                     net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const alerting::SimulationRequest asked,
                  read_request(request, given_.clock.now()));
    const alerting::Explanation explanation = given_.manager.explain(asked.labels);
    const std::vector<alerting::SimulatedRoute> simulated = alerting::simulate(explanation, asked);
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("labels").labels(asked.labels);
    json.key("at").string(format_rfc3339(asked.at));
    json.key("until").string(format_rfc3339(asked.at + asked.horizon_ms));
    json.key("routes").begin_array();
    for (const alerting::SimulatedRoute& one : simulated) {
        json.begin_object().key("route");
        write_route_explanation(json, explanation.routes[one.route], explanation);
        uint64_t message_count = 0;
        json.key("events").begin_array();
        for (const alerting::SimulatedEvent& event : one.events) {
            write_event(json, event);
            message_count += event.integrations.size();
        }
        json.end_array().key("messages").count(message_count);
        json.key("isCut").boolean(one.is_cut).end_object();
    }
    json.end_array();
    json.key("assumptions").begin_array();
    json.string("the alert fires without a gap");
    json.string("configuration and silences stay as they are");
    json.string("an alert that inhibits it now goes on");
    json.string("every message arrives");
    json.end_array().end_object();
    return envelope.end();
}

}  // namespace kw::api
