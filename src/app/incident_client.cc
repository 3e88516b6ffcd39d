#include "app/incident_client.h"

#include <simdjson.h>

#include <ostream>

#include "alerting/json_text.h"
#include "app/server_conversation.h"
#include "incidents/incident.h"
#include "incidents/incident_json.h"
#include "incidents/postmortem.h"
#include "net/fields.h"

namespace kw::app {
namespace {

using alerting::JsonText;
using incidents::Incident;
using simdjson::dom::array;
using simdjson::dom::element;

constexpr std::string_view kPath = "/api/kw/v1/incidents";

Result<Incident> to_incident(element json) {
    return incidents::parse_incident(simdjson::minify(json));
}

void write_line(std::ostream& out, const Incident& incident) {
    out << fmt::format(
        "{:<8} {} {:<8} {:<8} {:<11} {} {}", incidents::incident_name(incident.id),
        incidents::severity_text(incident.severity), incidents::severity_name(incident.severity),
        incidents::status_text(incident.status), incidents::phase_text(incident.phase),
        incidents::readable_time(incident.opened_at), incident.title);
    if (!incident.assignee.empty()) out << " (" << incident.assignee << ")";
    out << "\n";
}

void write_times(std::ostream& out, const Incident& incident) {
    const auto line = [&](std::string_view what, std::optional<Millis> at) {
        if (at) out << fmt::format("  {:<13} {}\n", what, incidents::readable_time(*at));
    };
    line("began", incident.began_at);
    line("opened", incident.opened_at);
    line("acknowledged", incident.acknowledged_at);
    line("alerts ended", incident.restored_at);
    line("resolved", incident.resolved_at);
    line("closed", incident.closed_at);
    line("snoozed until", incident.snoozed_until);
}

void write_timeline(std::ostream& out, const incidents::Timeline& timeline) {
    out << "timeline\n";
    for (const incidents::TimelineEntry& entry : timeline.entries) {
        out << fmt::format("  {} {:.2f} {:<9} {}", incidents::readable_time(entry.at), entry.score,
                           entry.kind, entry.title);
        if (!entry.detail.empty()) out << ": " << entry.detail;
        out << "\n";
    }
    for (const std::string& remark : timeline.remarks) out << "  left out: " << remark << "\n";
}

void write_incident(std::ostream& out, const Incident& incident) {
    write_line(out, incident);
    write_times(out, incident);
    out << "  severity      " << incident.severity_reason << "\n";
    for (const std::string& service : incident.impact.services)
        out << "  service       " << service << "\n";
    for (const std::string& zone : incident.impact.zones) out << "  zone          " << zone << "\n";
    for (const incidents::Role& role : incident.roles)
        out << fmt::format("  {:<13} {}\n", role.role, role.person);
    for (const incidents::RunbookStep& step : incident.runbook)
        out << fmt::format("  step [{}]      {}\n", step.done_at ? "x" : " ", step.text);
    for (const incidents::Check& check : incident.checks)
        out << fmt::format("  check [{}]     {}: {}\n", check.is_green ? "x" : " ", check.query,
                           check.answer);
    for (const incidents::ActionItem& item : incident.actions)
        out << fmt::format("  action {} [{}]  {} ({}, {})\n", item.id, item.done_at ? "x" : " ",
                           item.text, item.owner, item.due);
    out << "history\n";
    for (const incidents::Note& note : incident.notes) {
        out << fmt::format("  {} {} ({}): {}\n", incidents::readable_time(note.at), note.who,
                           note.kind, note.text);
    }
}

std::string body_of(const IncidentOptions& options) {
    JsonText json;
    json.begin_object();
    for (const auto& [name, value] : options.members) json.member_if(name, value);
    json.member_if("by", options.by);
    if (!options.services.empty()) {
        json.key("services").begin_array();
        for (const std::string& service : options.services) json.text(service);
        json.end_array();
    }
    return json.end_object().take();
}

std::string path_of(const IncidentOptions& options, std::string_view action) {
    std::string path(kPath);
    path += "/" + net::percent_encode(options.id);
    if (!action.empty()) path += fmt::format("/{}", action);
    return path;
}

// Posts, and writes the line of what it is then.
Result<void> post(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options,
                  const std::string& path) {
    ServerConversation conversation(context, fetcher, options.query);
    KW_TRY_ASSIGN(const element data, conversation.call("POST", path, {}, body_of(options)));
    KW_TRY_ASSIGN(const Incident incident, to_incident(data));
    write_line(context.out, incident);
    return {};
}

Result<void> list(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options) {
    net::Params params;
    for (const std::string& status : options.statuses) params.add("status", status);
    for (const std::string& severity : options.severities) params.add("severity", severity);
    if (!options.service.empty()) params.add("service", options.service);
    ServerConversation conversation(context, fetcher, options.query);
    KW_TRY_ASSIGN(const element data, conversation.call("GET", kPath, params));
    if (options.is_json) {
        context.out << simdjson::minify(data) << "\n";
        return {};
    }
    array all;
    if (data["incidents"].get(all) != simdjson::SUCCESS) return invalid("the answer has no list");
    for (const element one : all) {
        KW_TRY_ASSIGN(const Incident incident, to_incident(one));
        write_line(context.out, incident);
    }
    if (all.size() == 0) context.out << "no incidents\n";
    return {};
}

// One with its timeline, as the API gives them.
Result<element> ask_for_one(ServerConversation& conversation, const IncidentOptions& options) {
    return conversation.call("GET", path_of(options, ""), {});
}

Result<Incident> incident_of(element data) {
    element json;
    if (data["incident"].get(json) != simdjson::SUCCESS) {
        return invalid("the answer has no incident");
    }
    return to_incident(json);
}

Result<void> show(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options) {
    ServerConversation conversation(context, fetcher, options.query);
    KW_TRY_ASSIGN(const element data, ask_for_one(conversation, options));
    if (options.is_json) {
        context.out << simdjson::minify(data) << "\n";
        return {};
    }
    KW_TRY_ASSIGN(const Incident incident, incident_of(data));
    write_incident(context.out, incident);
    element json;
    if (data["timeline"].get(json) != simdjson::SUCCESS || json.is_null()) return {};
    KW_TRY_ASSIGN(const incidents::Timeline timeline,
                  incidents::parse_timeline(simdjson::minify(json)));
    write_timeline(context.out, timeline);
    return {};
}

Result<void> postmortem(CommandContext& context, net::Fetcher& fetcher,
                        const IncidentOptions& options) {
    ServerConversation conversation(context, fetcher, options.query);
    if (options.is_draft) {
        KW_TRY(conversation.call("POST", path_of(options, "postmortem"), {}, body_of(options)));
    }
    KW_TRY_ASSIGN(const element data, ask_for_one(conversation, options));
    KW_TRY_ASSIGN(const Incident incident, incident_of(data));
    if (incident.postmortem.empty()) {
        return not_found("{} has no post-mortem; --draft makes one",
                         incidents::incident_name(incident.id));
    }
    context.out << incident.postmortem;
    return {};
}

}  // namespace

int incident_list(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options) {
    return exit_code(context, "incident", list(context, fetcher, options));
}
int incident_show(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options) {
    return exit_code(context, "incident", show(context, fetcher, options));
}
int incident_open(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options) {
    return exit_code(context, "incident", post(context, fetcher, options, std::string(kPath)));
}
int incident_act(CommandContext& context, net::Fetcher& fetcher, const IncidentOptions& options) {
    return exit_code(context, "incident",
                     post(context, fetcher, options, path_of(options, options.action)));
}
int incident_postmortem(CommandContext& context, net::Fetcher& fetcher,
                        const IncidentOptions& options) {
    return exit_code(context, "incident", postmortem(context, fetcher, options));
}

}  // namespace kw::app
