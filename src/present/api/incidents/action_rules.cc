#include "api/incidents/action_rules.h"

#include <fmt/core.h>

#include <algorithm>

#include "api/json_writer.h"
#include "model/labels.h"
#include "promql/lint.h"

namespace kw::api {
namespace {

constexpr int64_t kQueryTimeoutMs = 10'000;
constexpr int64_t kLookBackMsMax = 90LL * 24 * 3'600'000;  // that long an item may be done for

std::vector<std::string> alert_names(const std::vector<rules::GroupView>& groups) {
    std::vector<std::string> names;
    for (const rules::GroupView& group : groups) {
        for (const rules::RuleView& view : group.rules) {
            if (view.rule.kind == rules::Rule::Kind::kAlerting) names.push_back(view.rule.name);
        }
    }
    return names;
}

// The gravest state of the alerting rules of that name; nullopt: there is none.
std::optional<rules::AlertState> state_of(const std::string& name,
                                          const std::vector<rules::GroupView>& groups) {
    std::optional<rules::AlertState> gravest;
    for (const rules::GroupView& group : groups) {
        for (const rules::RuleView& view : group.rules) {
            if (view.rule.kind != rules::Rule::Kind::kAlerting || view.rule.name != name) continue;
            const rules::AlertState state = view.status->state();
            if (!gravest || state > *gravest) gravest = state;
        }
    }
    return gravest;
}

// Whether the alert fired between the two times, by what the rules wrote.
Result<bool> has_fired(const std::string& name, Millis since, Millis now, promql::Engine& engine,
                       const CancelToken& cancel) {
    const int64_t range_ms = std::max<int64_t>(now - since, 1);
    if (range_ms > kLookBackMsMax) {
        return exhausted("the item is done for longer than the {} days that are looked at",
                         kLookBackMsMax / (24 * 3'600'000));
    }
    promql::QueryOptions options;
    options.timeout_ms = kQueryTimeoutMs;
    KW_TRY_ASSIGN(
        const promql::QueryResult result,
        engine.instant(
            fmt::format("count_over_time(ALERTS{{alertname={},alertstate=\"firing\"}}[{}ms])",
                        kw::quoted(name), range_ms),
            now, options, cancel));
    return !result.series.empty();
}

}  // namespace

Result<void> check_action_rule(const std::string& name,
                               const std::vector<rules::GroupView>& groups) {
    const std::vector<std::string> names = alert_names(groups);
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    const std::string nearest = promql::nearest_of(name, names);
    return invalid("there is no alerting rule {}{}; the page Alerting lists them", kw::quoted(name),
                   nearest.empty() ? "" : "; the nearest is " + kw::quoted(nearest));
}

std::vector<ActionRule> action_rules(const incidents::Incident& incident,
                                     const std::vector<rules::GroupView>& groups,
                                     promql::Engine& engine, Millis now,
                                     const CancelToken& cancel) {
    std::vector<ActionRule> found;
    for (const incidents::ActionItem& item : incident.actions) {
        if (item.rule.empty()) continue;
        ActionRule one;
        one.action = item.id;
        one.rule = item.rule;
        if (const std::optional<rules::AlertState> state = state_of(item.rule, groups); state) {
            one.exists = true;
            one.state = rules::alert_state_text(*state);
        } else {
            one.nearest = promql::nearest_of(item.rule, alert_names(groups));
        }
        if (item.done_at) {
            const Result<bool> fired = has_fired(item.rule, *item.done_at, now, engine, cancel);
            if (fired.ok()) {
                one.has_fired = *fired;
            } else {
                one.error = fired.error().message;
            }
        }
        found.push_back(std::move(one));
    }
    return found;
}

void write_action_rules(JsonWriter& json, const std::vector<ActionRule>& found) {
    json.begin_array();
    for (const ActionRule& one : found) {
        json.begin_object().key("action").integer(one.action).key("rule").string(one.rule);
        json.key("exists").boolean(one.exists);
        if (one.exists) {
            json.key("state").string(one.state);
        } else if (!one.nearest.empty()) {
            json.key("nearest").string(one.nearest);
        }
        if (one.has_fired) json.key("firedSinceDone").boolean(*one.has_fired);
        if (!one.error.empty()) json.key("error").string(one.error);
        json.end_object();
    }
    json.end_array();
}

}  // namespace kw::api
