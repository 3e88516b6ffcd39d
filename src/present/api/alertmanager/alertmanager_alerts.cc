// alerts, alerts/groups.
#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "alerting/alertmanager.h"
#include "api/alertmanager/alertmanager_api.h"
#include "api/json_writer.h"
#include "api/parameters.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Go's zero time, in which clients say that they name none: 0001-01-01T00:00:00Z.
constexpr Millis kNoTime{-62'135'596'800'000};

// What a request asks for.
struct AlertFilter {
    bool active = true;
    bool silenced = true;
    bool inhibited = true;
    bool muted = true;
    std::vector<Matcher> matchers;
    std::optional<AnchoredRegex> receiver;

    bool takes(const alerting::AlertView& view) const {
        if (!active && !view.status.is_suppressed()) return false;
        if (!silenced && !view.status.silenced_by.empty()) return false;
        if (!inhibited && !view.status.inhibited_by.empty()) return false;
        if (!muted && !view.status.muted_by.empty()) return false;
        return matches_all(matchers, view.alert->labels);
    }
    bool takes_receiver(const std::string& name) const {
        return !receiver || receiver->matches(name);
    }
};

Result<AlertFilter> alert_filter(const net::Request& request) {
    AlertFilter filter;
    KW_TRY_ASSIGN(filter.active, flag_parameter(request, "active", true));
    KW_TRY_ASSIGN(filter.silenced, flag_parameter(request, "silenced", true));
    KW_TRY_ASSIGN(filter.inhibited, flag_parameter(request, "inhibited", true));
    KW_TRY_ASSIGN(filter.muted, flag_parameter(request, "muted", true));
    KW_TRY(flag_parameter(request, "unprocessed", true));
    KW_TRY_ASSIGN(filter.matchers, filter_parameters(request));
    if (const std::string_view receiver = request.params.get("receiver"); !receiver.empty()) {
        Result<AnchoredRegex> regex = AnchoredRegex::compile(receiver);
        if (!regex.ok()) {
            return invalid("failed to parse receiver param: {}", regex.error().message);
        }
        filter.receiver = std::move(regex).value();
    }
    return filter;
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
    json.key(key).begin_array();
    for (const std::string& text : texts) json.string(text);
    json.end_array();
}

void write_alert(JsonWriter& json, const alerting::AlertView& view) {
    const alerting::Alert& alert = *view.alert;
    json.begin_object().key("annotations").begin_object();
    for (const auto& [name, value] : alert.annotations) json.key(name).string(value);
    json.end_object();
    json.key("endsAt").string(format_rfc3339(alert.ends_at));
    json.key("fingerprint").string(alerting::fingerprint_text(alert.labels));
    json.key("receivers").begin_array();
    for (const std::string& name : view.receivers) {
        json.begin_object().key("name").string(name).end_object();
    }
    json.end_array();
    json.key("startsAt").string(format_rfc3339(alert.starts_at));
    json.key("status").begin_object();
    write_texts(json, "inhibitedBy", view.status.inhibited_by);
    write_texts(json, "mutedBy", view.status.muted_by);
    write_texts(json, "silencedBy", view.status.silenced_by);
    json.key("state").string(view.status.is_suppressed() ? "suppressed" : "active").end_object();
    json.key("updatedAt").string(format_rfc3339(alert.updated_at));
    json.key("generatorURL").string(alert.generator_url);
    json.key("labels").labels(alert.labels).end_object();
}

// --- posted alerts

using Pairs = std::vector<std::pair<std::string, std::string>>;

// {"name": "value"}. Errors: kInvalid.
Result<Pairs> read_pairs(element one, const char* key) {
    Pairs pairs;
    object members;
    const auto found = one[key];
    if (found.error() == simdjson::NO_SUCH_FIELD || found.value_unsafe().is_null()) return pairs;
    if (found.get(members) != simdjson::SUCCESS) return invalid("{} must be an object", key);
    for (const auto member : members) {
        std::string_view value;
        if (member.value.get(value) != simdjson::SUCCESS) {
            return invalid("{}.{} must be of type string", key, member.key);
        }
        pairs.emplace_back(std::string(member.key), std::string(value));
    }
    return pairs;
}

Result<std::string> read_text(element one, const char* key) {
    const auto found = one[key];
    if (found.error() == simdjson::NO_SUCH_FIELD || found.value_unsafe().is_null()) {
        return std::string();
    }
    std::string_view text;
    if (found.get(text) != simdjson::SUCCESS) return invalid("{} must be of type string", key);
    return std::string(text);
}

Result<std::optional<Millis>> read_time(element one, const char* key) {
    KW_TRY_ASSIGN(const std::string text, read_text(one, key));
    if (text.empty()) return std::optional<Millis>();
    KW_TRY_ASSIGN(const Millis time, parse_json_time(text).with_context(key));
    if (time <= kNoTime) return std::optional<Millis>();
    return std::optional(time);
}

Result<alerting::Report> read_report(element one) {
    if (!one.is_object()) return invalid("an alert must be an object");
    if (one["labels"].error() != simdjson::SUCCESS) return invalid("labels in body is required");
    alerting::Report report;
    KW_TRY_ASSIGN(const Pairs labels, read_pairs(one, "labels"));
    LabelBuilder builder;
    for (const auto& [name, value] : labels) builder.set(name, value);
    report.labels = builder.build();
    KW_TRY_ASSIGN(report.annotations, read_pairs(one, "annotations"));
    KW_TRY_ASSIGN(report.starts_at, read_time(one, "startsAt"));
    KW_TRY_ASSIGN(report.ends_at, read_time(one, "endsAt"));
    KW_TRY_ASSIGN(report.generator_url, read_text(one, "generatorURL"));
    return report;
}

}  // namespace

void AlertmanagerApi::alerts(const net::Request& request, net::ResponseWriter& response) const {
    const Result<AlertFilter> filter = alert_filter(request);
    if (!filter.ok()) return send_alertmanager_error(response, 400, filter.error().message);
    response.set_header("Content-Type", "application/json");
    JsonWriter json(response);
    json.begin_array();
    for (const alerting::AlertView& view : given_.manager.alerts()) {
        const bool has_receiver =
            std::any_of(view.receivers.begin(), view.receivers.end(),
                        [&](const std::string& name) { return filter->takes_receiver(name); });
        if (has_receiver && filter->takes(view)) write_alert(json, view);
    }
    json.end_array();
    (void)json.finish();
}

void AlertmanagerApi::alert_groups(const net::Request& request,
                                   net::ResponseWriter& response) const {
    const Result<AlertFilter> filter = alert_filter(request);
    if (!filter.ok()) return send_alertmanager_error(response, 400, filter.error().message);
    response.set_header("Content-Type", "application/json");
    JsonWriter json(response);
    json.begin_array();
    for (alerting::AlertGroupView& group : given_.manager.groups()) {
        if (!filter->takes_receiver(group.receiver)) continue;
        std::erase_if(group.alerts,
                      [&](const alerting::AlertView& view) { return !filter->takes(view); });
        if (group.alerts.empty()) continue;
        json.begin_object().key("alerts").begin_array();
        for (const alerting::AlertView& view : group.alerts) write_alert(json, view);
        json.end_array().key("labels").labels(group.labels);
        json.key("receiver").begin_object().key("name").string(group.receiver).end_object();
        json.end_object();
    }
    json.end_array();
    (void)json.finish();
}

void AlertmanagerApi::post_alerts(const net::Request& request,
                                  net::ResponseWriter& response) const {
    simdjson::dom::parser parser;
    simdjson::dom::array list;
    if (parser.parse(request.body).get(list) != simdjson::SUCCESS) {
        return send_alertmanager_error(response, 400, "the body is not a JSON list of alerts");
    }
    std::vector<alerting::Report> reports;
    for (const element one : list) {
        Result<alerting::Report> report = read_report(one);
        if (!report.ok()) return send_validation_error(response, report.error().message);
        reports.push_back(std::move(report).value());
    }
    const alerting::PutOutcome outcome = given_.manager.put_durably(std::move(reports));
    if (!outcome.errors.empty()) {
        std::string message;
        for (const std::string& error : outcome.errors) {
            message += (message.empty() ? "" : "; ") + error;
        }
        return send_alertmanager_error(response, 400, message);
    }
    if (outcome.limited_count > 0) {
        return send_alertmanager_error(
            response, 503,
            fmt::format("{} alerts refused: {}", outcome.limited_count, outcome.limit));
    }
    if (!outcome.unrecorded.empty()) {
        return send_alertmanager_error(
            response, 503,
            fmt::format(
                "the alerts are in force, but a crash would lose them, since they cannot be "
                "written: {}; make room or mend the disk, and send them again",
                outcome.unrecorded));
    }
    (void)response.send(200, "application/json", "");
}

}  // namespace kw::api
