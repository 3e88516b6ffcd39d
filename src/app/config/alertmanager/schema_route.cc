// Routes, inhibition rules and time intervals of alertmanager.yml.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#route-related-settings
#include <algorithm>
#include <utility>

#include "app/config/alertmanager/schema.h"
#include "model/labels.h"

namespace kw::app {
namespace {

Result<void> check_label_names(const Section& section, std::string_view key) {
    for (const std::string& name : section.texts(key)) {
        if (!is_valid_label_name(name, NameScheme::kUtf8)) {
            return section.error(key, "{} is not a label name", kw::quoted(name));
        }
    }
    return {};
}

constexpr Field kRouteFields[] = {
    text("receiver"),
    texts("group_by"),
    labels("match"),
    of_kind("match_re", Kind::kAnyMap),
    texts("matchers"),
    flag("continue"),
    blocks("routes", kRouteBlock),
    text_map("labels"),
    duration("group_wait"),
    duration("group_interval"),
    duration("repeat_interval"),
    texts("mute_time_intervals"),
    texts("active_time_intervals"),
};
Result<void> check_route(Section& route) {
    const Texts& group_by = route.texts("group_by");
    const bool has_all = std::find(group_by.begin(), group_by.end(), "...") != group_by.end();
    if (has_all && group_by.size() > 1) {
        return route.error("group_by", "... stands for all labels; remove the others");
    }
    if (!has_all) KW_TRY(check_label_names(route, "group_by"));
    for (size_t i = 1; i < group_by.size(); ++i) {
        if (std::find(group_by.begin(), group_by.begin() + static_cast<ptrdiff_t>(i),
                      group_by[i]) != group_by.begin() + static_cast<ptrdiff_t>(i)) {
            return route.error("group_by", "{} is there twice; remove one",
                               kw::quoted(group_by[i]));
        }
    }
    for (const std::string_view key : {"group_interval", "repeat_interval"}) {
        const Value& value = std::as_const(route).value(key);
        if (std::holds_alternative<int64_t>(value.data) && route.integer(key) == 0) {
            return route.error(key, "is 0; it must be above");
        }
    }
    return {};
}

constexpr Field kInhibitRuleFields[] = {
    text("name"),
    labels("source_match"),
    of_kind("source_match_re", Kind::kAnyMap),
    texts("source_matchers"),
    labels("target_match"),
    of_kind("target_match_re", Kind::kAnyMap),
    texts("target_matchers"),
    texts("equal"),
};
Result<void> check_inhibit_rule(Section& rule) { return check_label_names(rule, "equal"); }

constexpr Field kTimeRangeFields[] = {
    required(text("start_time")),
    required(text("end_time")),
};
constexpr Block kTimeRangeBlock = {"time_range", kTimeRangeFields};
constexpr Field kPeriodFields[] = {
    blocks("times", kTimeRangeBlock),
    texts("weekdays"),
    texts("days_of_month"),
    texts("months"),
    texts("years"),
    text("location"),
};
constexpr Block kPeriodBlock = {"time_interval_spec", kPeriodFields};
constexpr Field kTimeIntervalFields[] = {
    required(text("name")),
    blocks("time_intervals", kPeriodBlock),
};

}  // namespace

constexpr Block kRouteBlock = {"route", kRouteFields, check_route};
constexpr Block kInhibitRuleBlock = {"inhibit_rule", kInhibitRuleFields, check_inhibit_rule};
constexpr Block kTimeIntervalBlock = {"time_interval", kTimeIntervalFields};

}  // namespace kw::app
