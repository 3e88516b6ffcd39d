// rules, alerts.
#include <algorithm>
#include <charconv>

#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"

namespace kw::api {
namespace {

std::string time_text(Millis time) {
    return time == Millis{0} ? std::string(kNever) : format_rfc3339(time);
}

// What a request asks for.
struct RuleFilter {
    bool alerting = true;
    bool recording = true;
    bool with_alerts = true;
    std::vector<std::string> names;               // empty: all
    std::vector<std::string> groups;              // likewise
    std::vector<std::string> files;               // likewise
    std::vector<std::vector<Matcher>> selectors;  // one of them must match; empty: all
    uint64_t group_limit = 0;                     // 0: none
    std::string next_token;

    bool takes_group(const rules::GroupView& group) const {
        return is_one_of(group.name, groups) && is_one_of(group.file, files);
    }
    bool takes_rule(const rules::Rule& rule) const {
        const bool wants_kind = rule.kind == rules::Rule::Kind::kAlerting ? alerting : recording;
        return wants_kind && is_one_of(rule.name, names) && matches(rule);
    }

 private:
    static bool is_one_of(const std::string& name, const std::vector<std::string>& wanted) {
        return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    }
    // A label that is a template has no value to match.
    bool matches(const rules::Rule& rule) const {
        if (selectors.empty()) return true;
        LabelBuilder labels;
        for (const auto& [name, value] : rule.labels) {
            if (value.find("{{") == std::string::npos) labels.set(name, value);
        }
        const LabelSet fixed = labels.build();
        return std::any_of(
            selectors.begin(), selectors.end(),
            [&](const std::vector<Matcher>& one) { return matches_all(one, fixed); });
    }
};

std::vector<std::string> all_of(const net::Request& request, std::string_view name) {
    std::vector<std::string> values;
    for (const std::string_view value : request.params.all(name)) values.emplace_back(value);
    return values;
}

Result<void> read_page(const net::Request& request, RuleFilter& filter) {
    const std::string_view limit = request.params.get("group_limit");
    filter.next_token = std::string(request.params.get("group_next_token"));
    if (limit.empty()) {
        if (filter.next_token.empty()) return {};
        return invalid_parameter(
            "group_limit", "group_limit needs to be present in order to paginate over the groups");
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), value);
    if (error != std::errc() || end != limit.data() + limit.size()) {
        return invalid_parameter("group_limit", "group_limit needs to be a valid number");
    }
    if (value <= 0)
        return invalid_parameter("group_limit", "group_limit needs to be greater than 0");
    filter.group_limit = static_cast<uint64_t>(value);
    return {};
}

Result<RuleFilter> read_filter(const net::Request& request, const promql::ParseOptions& features) {
    RuleFilter filter;
    const std::string_view type = request.params.get("type");
    if (!type.empty() && type != "alert" && type != "record") {
        return invalid_parameter("type", fmt::format("not supported value {}", kw::quoted(type)));
    }
    filter.alerting = type != "record";
    filter.recording = type != "alert";
    const std::string_view exclude = request.params.get("exclude_alerts");
    static constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
    static constexpr std::string_view kFalse[] = {"0", "f", "F", "false", "FALSE", "False", ""};
    filter.with_alerts = std::find(std::begin(kTrue), std::end(kTrue), exclude) == std::end(kTrue);
    if (filter.with_alerts &&
        std::find(std::begin(kFalse), std::end(kFalse), exclude) == std::end(kFalse)) {
        return invalid_parameter("exclude_alerts",
                                 fmt::format("{} is not a boolean", kw::quoted(exclude)));
    }
    filter.names = all_of(request, "rule_name[]");
    filter.groups = all_of(request, "rule_group[]");
    filter.files = all_of(request, "file[]");
    if (!request.params.all("match[]").empty()) {
        KW_TRY_ASSIGN(filter.selectors, selector_parameters(request, features));
    }
    KW_TRY(read_page(request, filter));
    return filter;
}

// Names a group in a page's token.
std::string token_of(const rules::GroupView& group) {
    const LabelSet identity{{"file", group.file}, {"name", group.name}};
    return fmt::format("{:016x}", identity.hash());
}

void write_pairs(JsonWriter& json, const std::vector<std::pair<std::string, std::string>>& pairs) {
    json.begin_object();
    for (const auto& [name, value] : pairs) json.key(name).string(value);
    json.end_object();
}

void write_alert(JsonWriter& json, const rules::Alert& alert) {
    json.begin_object().key("labels").labels(alert.labels).key("annotations");
    write_pairs(json, alert.annotations);
    json.key("state").string(rules::alert_state_text(alert.state));
    json.key("activeAt").string(time_text(alert.active_at));
    if (alert.keep_firing_since)
        json.key("keepFiringSince").string(time_text(*alert.keep_firing_since));
    json.key("value").string(rules::alert_value_text(alert.value)).end_object();
}

void write_rule(JsonWriter& json, const rules::RuleView& view, bool with_alerts) {
    const rules::Rule& rule = view.rule;
    const bool is_alerting = rule.kind == rules::Rule::Kind::kAlerting;
    json.begin_object();
    if (is_alerting) json.key("state").string(rules::alert_state_text(view.status->state()));
    json.key("name").string(rule.name).key("query").string(rule.expr);
    if (is_alerting) {
        json.key("duration").number(static_cast<double>(rule.for_ms) / 1000);
        json.key("keepFiringFor").number(static_cast<double>(rule.keep_firing_for_ms) / 1000);
    }
    if (is_alerting || !rule.labels.empty()) {
        json.key("labels");
        write_pairs(json, rule.labels);
    }
    if (is_alerting) {
        json.key("annotations");
        write_pairs(json, rule.annotations);
        // Our own key shows where it says something else than Prometheus would do.
        const rules::OnNoData on_no_data = rule.on_no_data.value_or(rules::OnNoData::kResolve);
        if (on_no_data != rules::OnNoData::kResolve) {
            json.key("onNoData").string(rules::on_no_data_text(on_no_data));
        }
        if (with_alerts) {
            json.key("alerts").begin_array();
            for (const rules::Alert& alert : view.status->alerts) {
                if (json.gone()) break;
                write_alert(json, alert);
            }
            json.end_array();
        }
    }
    json.key("health").string(rules::rule_health_text(view.status->health));
    if (!view.status->last_error.empty()) json.key("lastError").string(view.status->last_error);
    json.key("evaluationTime").number(view.status->evaluation_seconds);
    json.key("lastEvaluation").string(time_text(view.status->last_evaluation));
    json.key("type").string(is_alerting ? "alerting" : "recording").end_object();
}

void write_group(JsonWriter& json, const rules::GroupView& group, bool with_alerts) {
    json.begin_object().key("name").string(group.name).key("file").string(group.file);
    json.key("rules").begin_array();
    for (const rules::RuleView& rule : group.rules) write_rule(json, rule, with_alerts);
    json.end_array();
    json.key("interval").number(static_cast<double>(group.interval_ms) / 1000);
    json.key("limit").count(group.limit);
    json.key("evaluationTime").number(group.evaluation_seconds);
    json.key("lastEvaluation").string(time_text(group.last_evaluation)).end_object();
}

// The groups of the page with the rules that are asked for; `next` becomes the token of the page behind it.
Result<std::vector<rules::GroupView>> select_groups(std::vector<rules::GroupView> all,
                                                    const RuleFilter& filter, std::string& next) {
    std::vector<rules::GroupView> chosen;
    bool is_on_page = filter.next_token.empty();
    for (rules::GroupView& group : all) {
        const std::string token = token_of(group);
        is_on_page = is_on_page || token == filter.next_token;
        if (!is_on_page || !filter.takes_group(group)) continue;
        std::erase_if(group.rules,
                      [&](const rules::RuleView& view) { return !filter.takes_rule(view.rule); });
        if (group.rules.empty()) continue;
        if (filter.group_limit > 0 && chosen.size() == filter.group_limit) {
            next = token;
            break;
        }
        chosen.push_back(std::move(group));
    }
    if (!is_on_page) {
        return invalid_parameter(
            "group_next_token",
            fmt::format("invalid group_next_token '{}'. were rule groups changed?",
                        filter.next_token));
    }
    return chosen;
}

}  // namespace

Result<void> PrometheusApi::rules(const net::Request& request,
                                  net::ResponseWriter& response) const {
    KW_TRY_ASSIGN(const RuleFilter filter, read_filter(request, given_.engine.options().features));
    std::string next;
    KW_TRY_ASSIGN(
        const std::vector<rules::GroupView> groups,
        select_groups(given_.rule_groups ? given_.rule_groups() : std::vector<rules::GroupView>(),
                      filter, next));
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("groups").begin_array();
    for (const rules::GroupView& group : groups) write_group(json, group, filter.with_alerts);
    json.end_array();
    if (!next.empty()) json.key("groupNextToken").string(next);
    json.end_object();
    return envelope.end();
}

Result<void> PrometheusApi::alerts(const net::Request&, net::ResponseWriter& response) const {
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("alerts").begin_array();
    if (given_.rule_groups) {
        for (const rules::GroupView& group : given_.rule_groups()) {
            for (const rules::RuleView& rule : group.rules) {
                for (const rules::Alert& alert : rule.status->alerts) write_alert(json, alert);
            }
        }
    }
    json.end_array().end_object();
    return envelope.end();
}

}  // namespace kw::api
