#include "api/incidents/incidents_api.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "api/envelope.h"
#include "api/incidents/action_rules.h"
#include "api/incidents/json_body.h"
#include "api/parameters.h"
#include "base/clock.h"
#include "incidents/incident_json.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::api {
namespace {

using incidents::Actor;
using incidents::Incident;
using incidents::IncidentPtr;

constexpr uint64_t kListLimit = 100;
constexpr uint64_t kBodyBytesMax = 1 << 20;

using IncidentHandler = void (IncidentsApi::*)(const net::Request&, net::ResponseWriter&) const;
struct IncidentRoute {
    std::string_view method;
    std::string_view path;
    IncidentHandler handler;
};
constexpr IncidentRoute kIncidentRoutes[] = {
    {"GET", "/api/kw/v1/incidents", &IncidentsApi::list},
    {"POST", "/api/kw/v1/incidents", &IncidentsApi::create},
    {"POST", "/api/kw/v1/incidents/webhook", &IncidentsApi::webhook},
    {"GET", "/api/kw/v1/incidents/severity_rules", &IncidentsApi::severity_rules},
    {"GET", "/api/kw/v1/incidents/:id", &IncidentsApi::one},
    {"GET", "/api/kw/v1/incidents/:id/postmortem", &IncidentsApi::postmortem},
    {"POST", "/api/kw/v1/incidents/:id/postmortem", &IncidentsApi::write_postmortem},
    {"POST", "/api/kw/v1/incidents/:id/timeline", &IncidentsApi::gather},
    {"POST", "/api/kw/v1/incidents/:id/:action", &IncidentsApi::act},
};

// Who asks: whoever authenticated cannot name another.
Result<Actor> actor_asking(const net::Request& request, const JsonBody& body) {
    KW_TRY_ASSIGN(const std::optional<std::string> by, body.text("by"));
    Actor actor;
    actor.name = !request.user.empty() ? request.user : by.value_or("");
    if (actor.name.empty()) actor.name = "anonymous";
    if (actor.name.size() > incidents::kWordBytesMax) {
        return invalid("by has {} bytes, at most {} are kept", actor.name.size(),
                       incidents::kWordBytesMax);
    }
    actor.origin = request.remote_address;
    return actor;
}

Result<int64_t> incident_id(const net::Request& request) {
    return incidents::parse_incident_name(request.path_params.get("id"));
}

void send_incident(net::ResponseWriter& response, const Result<IncidentPtr>& incident) {
    if (!incident.ok()) return send_error(response, incident.error());
    SuccessEnvelope envelope(response);
    envelope.data().raw(incidents::incident_json(**incident));
    (void)envelope.end();
}

// What a list asks for; nullopt: anything.
struct ListFilter {
    std::vector<incidents::Status> statuses;
    std::vector<incidents::Severity> severities;
    std::vector<incidents::Phase> phases;
    std::string service;
    std::string assignee;
    std::string text;  // in the title, in any case
    int64_t before_id = INT64_MAX;
    uint64_t limit = kListLimit;

    bool takes(const Incident& incident) const {
        const auto is_in = [](const auto& wanted, auto value) {
            return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
        };
        const std::vector<std::string>& services = incident.impact.services;
        return incident.id < before_id && is_in(statuses, incident.status) &&
               is_in(severities, incident.severity) && is_in(phases, incident.phase) &&
               (service.empty() ||
                std::find(services.begin(), services.end(), service) != services.end()) &&
               (assignee.empty() || incident.assignee == assignee) &&
               (text.empty() || lower(incident.title).find(text) != std::string::npos);
    }
    static std::string lower(std::string_view text) {
        std::string out(text);
        std::transform(out.begin(), out.end(), out.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        return out;
    }
};

Result<ListFilter> list_filter(const net::Request& request) {
    ListFilter filter;
    for (const std::string_view text : request.params.all("status")) {
        if (text.empty() || text == "all") continue;
        KW_TRY_ASSIGN(const incidents::Status status, incidents::parse_status(text));
        filter.statuses.push_back(status);
    }
    for (const std::string_view text : request.params.all("severity")) {
        if (text.empty()) continue;
        KW_TRY_ASSIGN(const incidents::Severity severity, incidents::parse_severity(text));
        filter.severities.push_back(severity);
    }
    for (const std::string_view text : request.params.all("phase")) {
        if (text.empty()) continue;
        KW_TRY_ASSIGN(const incidents::Phase phase, incidents::parse_phase(text));
        filter.phases.push_back(phase);
    }
    filter.service = std::string(request.params.get("service"));
    filter.assignee = std::string(request.params.get("assignee"));
    filter.text = ListFilter::lower(request.params.get("q"));
    if (const std::string_view before = request.params.get("before"); !before.empty()) {
        KW_TRY_ASSIGN(filter.before_id, incidents::parse_incident_name(before));
    }
    KW_TRY_ASSIGN(const uint64_t limit, limit_parameter(request));
    if (limit > 0) filter.limit = limit;
    return filter;
}

}  // namespace

void add_incidents_routes(net::Router& routes, IncidentsApi::Dependencies dependencies) {
    const auto api = std::make_shared<const IncidentsApi>(std::move(dependencies));
    for (const IncidentRoute& route : kIncidentRoutes) {
        net::RouteOptions options;
        options.body_bytes_max = kBodyBytesMax;
        routes.add(
            route.method, route.path,
            [api, &route](const net::Request& request, net::ResponseWriter& response) {
                (api.get()->*route.handler)(request, response);
            },
            options);
    }
}

void IncidentsApi::list(const net::Request& request, net::ResponseWriter& response) const {
    const Result<ListFilter> filter = list_filter(request);
    if (!filter.ok()) return send_error(response, filter.error());
    uint64_t total = 0;
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("incidents").begin_array();
    for (const IncidentPtr& incident : given_.incidents.list()) {
        if (!filter->takes(*incident)) continue;
        if (++total > filter->limit) continue;
        json.raw(incidents::incident_summary_json(*incident));
    }
    json.end_array().key("total").count(total).end_object();
    (void)envelope.end();
}

void IncidentsApi::one(const net::Request& request, net::ResponseWriter& response) const {
    const Result<int64_t> id = incident_id(request);
    if (!id.ok()) return send_error(response, id.error());
    const Result<std::optional<incidents::Timeline>> timeline = given_.incidents.timeline(*id);
    const IncidentPtr incident = given_.incidents.find(*id);
    if (timeline.ok() && incident == nullptr) {
        return send_error(response,
                          not_found("there is no incident {}", incidents::incident_name(*id)));
    }
    if (!timeline.ok()) return send_error(response, timeline.error());
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("incident").raw(incidents::incident_json(*incident));
    json.key("timeline");
    if (timeline->has_value()) {
        json.raw(incidents::timeline_json(**timeline));
    } else {
        json.null();
    }
    json.key("actionRules");
    write_action_rules(json, action_rules(*incident, given_.groups(), given_.engine,
                                          given_.clock.now(), request.cancel));
    json.end_object();
    (void)envelope.end();
}

void IncidentsApi::severity_rules(const net::Request&, net::ResponseWriter& response) const {
    const std::shared_ptr<const incidents::Settings> settings = given_.incidents.settings();
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("classes").begin_array();
    for (const incidents::ClassRule& rule : settings->rules.classes) {
        json.begin_object().key("name").string(rule.name).key("severity");
        json.string(rule.severity ? incidents::severity_text(*rule.severity) : "none");
        json.key("isShipped").boolean(rule.is_shipped).key("matchers").begin_array();
        for (const Matcher& matcher : rule.matchers) json.string(matcher.to_string());
        json.end_array().end_object();
    }
    json.end_array().key("labels").begin_object();
    for (const auto& [value, severity] : settings->rules.labels) {
        json.key(value).string(incidents::severity_text(severity));
    }
    json.end_object().key("default").string(incidents::severity_text(settings->rules.fallback));
    json.end_object();
    (void)envelope.end();
}

namespace {

Result<incidents::Incidents::Draft> read_draft(const JsonBody& body) {
    incidents::Incidents::Draft draft;
    KW_TRY_ASSIGN(draft.title, body.wanted_text("title"));
    KW_TRY_ASSIGN(const std::string severity, body.wanted_text("severity"));
    KW_TRY_ASSIGN(draft.severity, incidents::parse_severity(severity));
    KW_TRY_ASSIGN(const std::optional<std::string> summary, body.text("summary"));
    draft.summary = summary.value_or("");
    KW_TRY_ASSIGN(std::optional<std::vector<std::string>> services, body.texts("services"));
    if (services) draft.services = std::move(*services);
    KW_TRY_ASSIGN(std::optional<std::vector<std::string>> zones, body.texts("zones"));
    if (zones) draft.zones = std::move(*zones);
    KW_TRY_ASSIGN(draft.began_at, body.time("beganAt"));
    return draft;
}

}  // namespace

void IncidentsApi::create(const net::Request& request, net::ResponseWriter& response) const {
    const auto make = [&]() -> Result<IncidentPtr> {
        KW_TRY_ASSIGN(const JsonBody body, JsonBody::parse(request.body));
        KW_TRY_ASSIGN(const Actor actor, actor_asking(request, body));
        KW_TRY_ASSIGN(const incidents::Incidents::Draft draft, read_draft(body));
        return given_.incidents.create(draft, actor);
    };
    send_incident(response, make());
}

void IncidentsApi::webhook(const net::Request& request, net::ResponseWriter& response) const {
    const Result<std::vector<incidents::SeenAlert>> alerts =
        incidents::parse_webhook(request.body, given_.clock.now());
    if (!alerts.ok()) return send_error(response, alerts.error());
    const Actor actor{request.user.empty() ? "webhook" : request.user, request.remote_address};
    const Result<std::vector<IncidentPtr>> changed =
        given_.incidents.take(*alerts, "webhook", actor);
    if (!changed.ok()) return send_error(response, changed.error());
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("incidents").begin_array();
    for (const IncidentPtr& incident : *changed) {
        json.raw(incidents::incident_summary_json(*incident));
    }
    json.end_array().end_object();
    (void)envelope.end();
}

void IncidentsApi::postmortem(const net::Request& request, net::ResponseWriter& response) const {
    const Result<int64_t> id = incident_id(request);
    if (!id.ok()) return send_error(response, id.error());
    const IncidentPtr incident = given_.incidents.find(*id);
    if (incident == nullptr || incident->postmortem.empty()) {
        return send_error(response,
                          not_found("{} has no post-mortem; POST to the same path drafts one",
                                    incidents::incident_name(*id)));
    }
    response.set_header("Content-Disposition",
                        fmt::format("inline; filename=\"{}.md\"", incidents::incident_name(*id)));
    (void)response.send(200, "text/markdown; charset=utf-8", incident->postmortem);
}

void IncidentsApi::gather(const net::Request& request, net::ResponseWriter& response) const {
    const Result<int64_t> id = incident_id(request);
    if (!id.ok()) return send_error(response, id.error());
    const Result<incidents::Timeline> timeline = given_.incidents.gather(*id, request.cancel);
    if (!timeline.ok()) return send_error(response, timeline.error());
    SuccessEnvelope envelope(response);
    envelope.data().raw(incidents::timeline_json(*timeline));
    (void)envelope.end();
}

void IncidentsApi::act(const net::Request& request, net::ResponseWriter& response) const {
    do_action(request, response, request.path_params.get("action"));
}

void IncidentsApi::write_postmortem(const net::Request& request,
                                    net::ResponseWriter& response) const {
    do_action(request, response, "postmortem");
}

void IncidentsApi::do_action(const net::Request& request, net::ResponseWriter& response,
                             std::string_view action) const {
    const auto do_it = [&]() -> Result<IncidentPtr> {
        KW_TRY_ASSIGN(const int64_t id, incident_id(request));
        KW_TRY_ASSIGN(const JsonBody body, JsonBody::parse(request.body));
        KW_TRY_ASSIGN(const Actor actor, actor_asking(request, body));
        if (action == "action") {
            KW_TRY_ASSIGN(const std::optional<std::string> rule, body.text("rule"));
            if (rule && !rule->empty()) KW_TRY(check_action_rule(*rule, given_.groups()));
        }
        return act_on_incident(given_.incidents, id, action, body, actor, request);
    };
    send_incident(response, do_it());
}

}  // namespace kw::api
