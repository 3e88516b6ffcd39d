// alerts/why: the life of one alert, from its rule to the answers of those who were told, and what keeps others from it.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "alerting/alertmanager.h"
#include "alerting/matchers.h"
#include "api/envelope.h"
#include "api/json_writer.h"
#include "api/notifications/notifications_api.h"
#include "api/parameters.h"
#include "base/clock.h"
#include "net/request.h"
#include "net/response_writer.h"

namespace kw::api {
namespace {

constexpr size_t kGroupAlertsShown = 100;
constexpr uint32_t kNotificationsShown = 100;

// A rule that says the alert.
struct Saying {
    std::string group;
    std::string file;
    rules::Rule rule;
    std::shared_ptr<const rules::RuleStatus> status;
    rules::Alert alert;
    std::optional<LabelSet> labels;  // as they leave; nullopt: relabelling drops the alert
};

struct Step {
    std::string what;
    std::string text;
};
// In the order of time; of the same instant as they were added.
using Timeline = std::multimap<Millis, Step>;

struct Story {
    std::string fingerprint;
    std::optional<LabelSet> labels;  // nullopt: known only by what was sent
    std::vector<Saying> sayings;
    std::optional<alerting::Explanation> explanation;
    std::vector<alerting::HistoryLine> notifications;
};

// The alerts of rules that `is_it` takes, by their labels in the rule and as they leave.
template <typename IsIt>
std::vector<Saying> find_sayings(const NotificationsApi::Dependencies& given, const IsIt& is_it) {
    std::vector<Saying> found;
    for (const rules::GroupView& group : given.rule_groups()) {
        for (const rules::RuleView& view : group.rules) {
            for (const rules::Alert& alert : view.status->alerts) {
                std::optional<LabelSet> outgoing = given.outgoing_labels(alert.labels);
                if (!is_it(alert.labels) && !(outgoing && is_it(*outgoing))) continue;
                found.push_back(
                    {group.name, group.file, view.rule, view.status, alert, std::move(outgoing)});
            }
        }
    }
    return found;
}

std::string state_of(const Story& story, Millis now) {
    if (story.explanation && story.explanation->alert) {
        if (!story.explanation->alert->is_resolved_at(now)) return "firing";
    }
    for (const Saying& saying : story.sayings) {
        if (saying.alert.state == rules::AlertState::kFiring) return "firing";
        if (saying.alert.state == rules::AlertState::kPending) return "pending";
    }
    if (story.explanation && story.explanation->alert) return "resolved";
    return story.notifications.empty() ? "unknown" : "forgotten";
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
    return out;
}

void add_rule_steps(const Saying& saying, Timeline& steps) {
    const std::string rule = fmt::format("rule {} of group {}", saying.rule.name, saying.group);
    steps.emplace(
        saying.alert.active_at,
        Step{"pending",
             fmt::format("{}: {} began to hold{}", rule, saying.rule.expr,
                         saying.rule.for_ms > 0
                             ? fmt::format(", for {}", format_duration_ms(saying.rule.for_ms))
                             : std::string())});
    if (saying.alert.fired_at) {
        steps.emplace(*saying.alert.fired_at, Step{"firing", rule + " fires"});
    }
    if (saying.alert.resolved_at) {
        steps.emplace(
            *saying.alert.resolved_at,
            Step{"resolved", rule + (saying.alert.is_no_data ? ": there is no data any more"
                                                             : ": it does not hold any more")});
    }
    if (saying.status->last_evaluation != Millis{0}) {
        steps.emplace(saying.status->last_evaluation,
                      Step{"evaluated", fmt::format("{} was evaluated last: value {}{}", rule,
                                                    rules::alert_value_text(saying.alert.value),
                                                    saying.status->last_error.empty()
                                                        ? ""
                                                        : ", " + saying.status->last_error)});
    }
}

Timeline timeline_of(const Story& story, Millis now) {
    Timeline steps;
    for (const Saying& saying : story.sayings) add_rule_steps(saying, steps);
    if (story.explanation && story.explanation->alert) {
        const alerting::Alert& alert = *story.explanation->alert;
        steps.emplace(alert.starts_at, Step{"started", "it fires, as its sender says"});
        steps.emplace(alert.updated_at, Step{"reported", "it was reported last"});
        if (alert.is_resolved_at(now)) {
            steps.emplace(alert.ends_at, Step{"resolved", alert.ends_by_timeout
                                                              ? "nobody reported it any more"
                                                              : "it is over, as its sender says"});
        }
    }
    for (const alerting::HistoryLine& line : story.notifications) {
        steps.emplace(
            line.at,
            Step{line.outcome,
                 fmt::format("{} of receiver {}: {} firing, {} resolved{}{}", line.key.integration,
                             line.key.receiver, line.firing_count, line.resolved_count,
                             line.answer.empty() ? "" : "; answer: " + line.answer,
                             line.is_repeat ? "; sent again after a restart" : "")});
    }
    return steps;
}

// Why those whom a route would tell do not hear of it now; empty: they do.
std::vector<std::string> verdict_of(const Story& story, const std::string& state) {
    std::vector<std::string> verdict;
    for (const Saying& saying : story.sayings) {
        if (!saying.labels) {
            verdict.push_back("alert_relabel_configs drop it: nobody is told");
        } else if (saying.alert.state == rules::AlertState::kPending) {
            verdict.push_back(
                fmt::format("it is pending: rule {} fires after {}, at {}", saying.rule.name,
                            format_duration_ms(saying.rule.for_ms),
                            format_rfc3339(saying.alert.active_at + saying.rule.for_ms)));
        }
    }
    if (!story.explanation) {
        verdict.push_back("no alert of this fingerprint is known now; what was sent stands below");
        return verdict;
    }
    const alerting::Explanation& explanation = *story.explanation;
    if (explanation.inhibition) {
        verdict.push_back(fmt::format("inhibited by {}, which fires",
                                      explanation.inhibition->source->labels.to_string()));
    }
    for (const alerting::Silence& silence : explanation.silences) {
        const bool is_active = silence.state_at(explanation.now) == alerting::SilenceState::kActive;
        verdict.push_back(fmt::format(
            "{} silence {} by {}: {} (until {})", is_active ? "silenced by" : "will be silenced by",
            silence.id, silence.created_by, silence.comment, format_rfc3339(silence.ends_at)));
    }
    for (const alerting::RouteExplanation& route : explanation.routes) {
        const alerting::Route& node = *route.path.back();
        if (!route.muted_by.empty()) {
            verdict.push_back(fmt::format("receiver {}: {} {}", node.receiver,
                                          route.muted_by == node.active_time_intervals
                                              ? "outside of the active time intervals"
                                              : "muted by time interval",
                                          joined(route.muted_by)));
        }
    }
    if (state == "resolved") verdict.push_back("it is resolved");
    if (state == "unknown") verdict.push_back("it does not fire, and no rule says it now");
    return verdict;
}

void write_saying(JsonWriter& json, const Saying& saying) {
    json.begin_object().key("group").string(saying.group).key("file").string(saying.file);
    json.key("name").string(saying.rule.name).key("query").string(saying.rule.expr);
    json.key("for").number(static_cast<double>(saying.rule.for_ms) / 1000);
    json.key("state").string(rules::alert_state_text(saying.alert.state));
    json.key("value").string(rules::alert_value_text(saying.alert.value));
    json.key("activeAt").string(format_rfc3339(saying.alert.active_at));
    if (saying.alert.fired_at) json.key("firedAt").string(format_rfc3339(*saying.alert.fired_at));
    if (saying.alert.last_sent_at) {
        json.key("lastSentAt").string(format_rfc3339(*saying.alert.last_sent_at));
    }
    json.key("health").string(rules::rule_health_text(saying.status->health));
    if (!saying.status->last_error.empty()) json.key("lastError").string(saying.status->last_error);
    json.key("labels").labels(saying.alert.labels);
    json.key("isDropped").boolean(!saying.labels.has_value()).end_object();
}

void write_alert_members(JsonWriter& json, const alerting::Alert& alert) {
    json.key("annotations").begin_object();
    for (const auto& [name, value] : alert.annotations) json.key(name).string(value);
    json.end_object();
    json.key("startsAt").string(format_rfc3339(alert.starts_at));
    json.key("endsAt").string(format_rfc3339(alert.ends_at));
    json.key("updatedAt").string(format_rfc3339(alert.updated_at));
    json.key("generatorURL").string(alert.generator_url);
}

void write_inhibition(JsonWriter& json, const std::optional<alerting::Inhibition>& inhibition) {
    json.key("inhibitedBy");
    if (!inhibition) {
        json.null();
        return;
    }
    json.begin_object();
    json.key("fingerprint").string(alerting::fingerprint_text(inhibition->source->labels));
    json.key("labels").labels(inhibition->source->labels);
    json.key("sourceMatchers").string(alerting::matchers_text(inhibition->rule.source));
    json.key("targetMatchers").string(alerting::matchers_text(inhibition->rule.target));
    json.key("equal").begin_array();
    for (const std::string& name : inhibition->rule.equal) json.string(name);
    json.end_array().end_object();
}

void write_silences(JsonWriter& json, const alerting::Explanation& explanation) {
    json.key("silencedBy").begin_array();
    for (const alerting::Silence& silence : explanation.silences) {
        json.begin_object().key("id").string(silence.id);
        json.key("state").string(alerting::silence_state_text(silence.state_at(explanation.now)));
        json.key("matchers").string(alerting::matchers_text(silence.matchers));
        json.key("comment").string(silence.comment).key("createdBy").string(silence.created_by);
        json.key("startsAt").string(format_rfc3339(silence.starts_at));
        json.key("endsAt").string(format_rfc3339(silence.ends_at)).end_object();
    }
    json.end_array();
}

}  // namespace

void write_route_explanation(JsonWriter& json, const alerting::RouteExplanation& route,
                             const alerting::Explanation& explanation) {
    json.begin_object();
    write_route_members(json, *route.path.back(), *explanation.settings);
    json.key("path").begin_array();
    for (const alerting::Route* const node : route.path) {
        json.begin_object().key("index").count(node->index);
        json.key("matchers").string(alerting::matchers_text(node->matchers));
        json.key("receiver").string(node->receiver);
        json.key("continue").boolean(node->continues).end_object();
    }
    json.end_array();
    json.key("groupKey").string(route.group_key).key("groupLabels").labels(route.group_labels);
    json.key("groupAlerts").begin_array();
    for (size_t i = 0; i < std::min(route.group_alerts.size(), kGroupAlertsShown); ++i) {
        const alerting::Alert& alert = *route.group_alerts[i];
        json.begin_object().key("fingerprint").string(alerting::fingerprint_text(alert.labels));
        json.key("labels").labels(alert.labels).end_object();
    }
    json.end_array().key("groupSize").count(route.group_alerts.size()).key("nextFlush");
    if (route.next_flush) {
        json.string(format_rfc3339(*route.next_flush));
    } else {
        json.null();
    }
    json.key("mutedBy").begin_array();
    for (const std::string& name : route.muted_by) json.string(name);
    json.end_array().end_object();
}

NotificationsApi::Outcome NotificationsApi::why(const net::Request& request,
                                                net::ResponseWriter& response) const {
    Story story;
    story.fingerprint = request.params.get("fingerprint");
    const std::string_view labels_text = request.params.get("labels");
    if (story.fingerprint.empty() == labels_text.empty()) {
        return invalid("say fingerprint=… or labels={{\"alertname\":…}}, one of the two");
    }
    if (!labels_text.empty()) {
        Result<LabelSet> labels = parse_labels_json(labels_text);
        if (!labels.ok()) return invalid_parameter("labels", labels.error().message);
        story.labels = *std::move(labels);
        story.fingerprint = alerting::fingerprint_text(*story.labels);
        story.sayings = find_sayings(
            given_, [&](const LabelSet& labels_of) { return labels_of == *story.labels; });
    } else {
        story.labels = given_.manager.find_labels(story.fingerprint);
        story.sayings = find_sayings(given_, [&](const LabelSet& labels_of) {
            return alerting::fingerprint_text(labels_of) == story.fingerprint;
        });
    }
    // What leaves the rule is what is routed.
    for (const Saying& saying : story.sayings) {
        if (saying.labels) story.labels = saying.labels;
    }
    if (story.labels) {
        story.explanation = given_.manager.explain(*story.labels);
        story.fingerprint = alerting::fingerprint_text(*story.labels);
    }
    alerting::HistoryFilter filter;
    filter.fingerprint = story.fingerprint;
    filter.limit = kNotificationsShown;
    KW_TRY_ASSIGN(story.notifications, given_.pipeline.history(filter));
    if (!story.labels && story.notifications.empty() && story.sayings.empty()) {
        return not_found(
            "nothing is known of an alert with fingerprint {}: it is forgotten a quarter of an "
            "hour "
            "after its end; ask by its labels",
            story.fingerprint);
    }
    const Millis now = given_.clock.now();
    const std::string state = state_of(story, now);
    SuccessEnvelope envelope(response);
    JsonWriter& json = envelope.data();
    json.begin_object().key("fingerprint").string(story.fingerprint).key("state").string(state);
    json.key("labels");
    if (story.labels) {
        json.labels(*story.labels);
    } else {
        json.null();
    }
    if (story.explanation && story.explanation->alert) {
        write_alert_members(json, *story.explanation->alert);
    }
    json.key("verdict").begin_array();
    for (const std::string& text : verdict_of(story, state)) json.string(text);
    json.end_array().key("timeline").begin_array();
    for (const auto& [at, step] : timeline_of(story, now)) {
        json.begin_object().key("at").string(format_rfc3339(at));
        json.key("what").string(step.what).key("text").string(step.text).end_object();
    }
    json.end_array().key("rules").begin_array();
    for (const Saying& saying : story.sayings) write_saying(json, saying);
    json.end_array();
    if (story.explanation) {
        json.key("routes").begin_array();
        for (const alerting::RouteExplanation& route : story.explanation->routes) {
            write_route_explanation(json, route, *story.explanation);
        }
        json.end_array();
        write_inhibition(json, story.explanation->inhibition);
        write_silences(json, *story.explanation);
    }
    json.key("notifications").begin_array();
    for (const alerting::HistoryLine& line : story.notifications) write_history_line(json, line);
    json.end_array().end_object();
    return envelope.end();
}

}  // namespace kw::api
