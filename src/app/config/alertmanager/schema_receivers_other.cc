// Receivers that open something elsewhere: incident.io, Jira, OpsGenie, Pushover, SNS, VictorOps. They are
// checked and do not act yet.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
#include <algorithm>

#include "app/config/alertmanager/schema.h"
#include "app/config/checks.h"
#include "model/labels.h"

namespace kw::app {
namespace {

constexpr Field kIncidentioFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    url("url"),
    text("url_file"),
    secret("alert_source_token"),
    text("alert_source_token_file"),
    count("max_alerts"),
    text("timeout"),
};
Result<void> check_incidentio(Section& incident) {
    KW_TRY(check_one_of_file(incident, "url"));
    KW_TRY(check_http_url(incident, "url"));
    KW_TRY(check_not_with_file(incident, "alert_source_token"));
    const bool has_token =
        incident.has("alert_source_token") || incident.has("alert_source_token_file");
    const Section* const http = incident.section("http_config");
    const bool has_header = http != nullptr && http->section("authorization") != nullptr;
    if (has_token && has_header) {
        return incident.error(
            "", "has alert_source_token and http_config.authorization; keep one of them");
    }
    if (!has_token && http != nullptr && !has_header) {
        return incident.error("", "alert_source_token is missing; add it");
    }
    return check_go_duration(incident, "timeout");
}

constexpr std::string_view kJiraTypes[] = {"auto", "cloud", "datacenter"};
constexpr Field kJiraFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    url("api_url"),
    one_of("api_type", kJiraTypes, "auto"),
    required(text("project")),
    of_kind("summary", Kind::kAny),
    of_kind("description", Kind::kAny),
    texts("labels"),
    text("priority", R"({{ template "jira.default.priority" . }})"),
    required(text("issue_type")),
    text("reopen_transition"),
    text("resolve_transition"),
    text("wont_fix_resolution"),
    duration("reopen_duration"),
    of_kind("fields", Kind::kAnyMap),
};
Result<void> check_jira(Section& jira) { return check_http_url(jira, "api_url"); }

constexpr std::string_view kResponderTypes[] = {"team", "teams", "user", "escalation", "schedule"};
constexpr Field kResponderFields[] = {
    text("id"),
    text("name"),
    text("username"),
    required(text("type")),
};
Result<void> check_responder(Section& responder) {
    if (!responder.has("id") && !responder.has("name") && !responder.has("username")) {
        return responder.error("", "name is missing; add it, or id, or username");
    }
    std::string type = responder.text("type");
    if (type.find("{{") != std::string::npos) return {};
    std::transform(type.begin(), type.end(), type.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (std::find(std::begin(kResponderTypes), std::end(kResponderTypes), type) ==
        std::end(kResponderTypes)) {
        return responder.error("type", "{} is not one of team, teams, user, escalation, schedule",
                               kw::quoted(type));
    }
    return {};
}
constexpr Block kResponderBlock = {"responder", kResponderFields, check_responder};
constexpr Field kOpsgenieFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("api_key"),
    text("api_key_file"),
    url("api_url"),
    text("message", R"({{ template "opsgenie.default.message" . }})"),
    text("description", R"({{ template "opsgenie.default.description" . }})"),
    text("source", R"({{ template "opsgenie.default.source" . }})"),
    text_map("details"),
    text("entity"),
    blocks("responders", kResponderBlock),
    text("actions"),
    text("tags"),
    text("note"),
    text("priority"),
    flag("update_alerts"),
};
Result<void> check_opsgenie(Section& opsgenie) {
    KW_TRY(check_not_with_file(opsgenie, "api_key"));
    return check_http_url(opsgenie, "api_url");
}

constexpr Field kPushoverFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("user_key"),
    text("user_key_file"),
    secret("token"),
    text("token_file"),
    text("title", R"({{ template "pushover.default.title" . }})"),
    text("message", R"({{ template "pushover.default.message" . }})"),
    text("url", R"({{ template "pushover.default.url" . }})"),
    text("url_title"),
    text("device"),
    text("sound"),
    text("priority", R"({{ if eq .Status "firing" }}2{{ else }}0{{ end }})"),
    text("retry", "1m"),
    text("expire", "1h"),
    text("ttl"),
    flag("html"),
    flag("monospace"),
};
Result<void> check_pushover(Section& pushover) {
    KW_TRY(check_one_of_file(pushover, "user_key"));
    KW_TRY(check_one_of_file(pushover, "token"));
    if (pushover.flag("html") && pushover.flag("monospace")) {
        return pushover.error("monospace", "excludes html; keep one of them");
    }
    for (const std::string_view key : {"retry", "expire", "ttl"}) {
        KW_TRY(check_go_duration(pushover, key));
    }
    return {};
}

constexpr Field kSnsSigv4Fields[] = {
    text("region"),      text("access_key"), secret("secret_key"),
    text("profile"),     text("role_arn"),   flag("use_fips_sts_endpoint"),
    text("external_id"),
};
Result<void> check_sns_sigv4(Section& sigv4) {
    if (sigv4.has("access_key") != sigv4.has("secret_key")) {
        return sigv4.error("", "wants access_key and secret_key together");
    }
    return {};
}
constexpr Block kSnsSigv4Block = {"sigv4", kSnsSigv4Fields, check_sns_sigv4};
constexpr Field kSnsFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    text("api_url"),
    block("sigv4", kSnsSigv4Block),
    text("topic_arn"),
    text("phone_number"),
    text("target_arn"),
    text("subject", R"({{ template "sns.default.subject" . }})"),
    text("message", R"({{ template "sns.default.message" . }})"),
    text_map("attributes"),
    flag("use_aws_http_client"),
};
Result<void> check_sns(Section& sns) {
    return check_exactly_one(sns, {"topic_arn", "phone_number", "target_arn"});
}

constexpr std::string_view kVictoropsOwn[] = {
    "routing_key",     "message_type", "state_message", "entity_display_name",
    "monitoring_tool", "entity_id",    "entity_state"};
constexpr Field kVictoropsFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("api_key"),
    text("api_key_file"),
    url("api_url"),
    required(text("routing_key")),
    text("message_type", "CRITICAL"),
    text("state_message", R"({{ template "victorops.default.state_message" . }})"),
    text("entity_display_name", R"({{ template "victorops.default.entity_display_name" . }})"),
    text("monitoring_tool", R"({{ template "victorops.default.monitoring_tool" . }})"),
    text_map("custom_fields"),
};
Result<void> check_victorops(Section& victorops) {
    KW_TRY(check_not_with_file(victorops, "api_key"));
    for (const auto& [name, values] : victorops.map("custom_fields")) {
        if (std::find(std::begin(kVictoropsOwn), std::end(kVictoropsOwn), name) !=
            std::end(kVictoropsOwn)) {
            return victorops.error("custom_fields", "{} is set by the receiver itself; remove it",
                                   kw::quoted(name));
        }
    }
    return check_http_url(victorops, "api_url");
}

}  // namespace

constexpr Block kIncidentioBlock = {"incidentio_config", kIncidentioFields, check_incidentio};
constexpr Block kJiraBlock = {"jira_config", kJiraFields, check_jira};
constexpr Block kOpsgenieBlock = {"opsgenie_config", kOpsgenieFields, check_opsgenie};
constexpr Block kPushoverBlock = {"pushover_config", kPushoverFields, check_pushover};
constexpr Block kSnsBlock = {"sns_config", kSnsFields, check_sns};
constexpr Block kVictoropsBlock = {"victorops_config", kVictoropsFields, check_victorops};

}  // namespace kw::app
