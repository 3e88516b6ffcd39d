// Routes, inhibition rules and time intervals → the options of `alerting`.
#include <algorithm>

#include "alerting/matchers.h"
#include "app/config/alertmanager/convert.h"
#include "model/labels.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

using alerting::Matchers;
using alerting::ParsedMatchers;

Result<void> add_matchers(const Section& section, std::string_view key, Matchers& into,
                          std::vector<ConfigWarning>& warnings) {
    for (const std::string& text : section.texts(key)) {
        Result<ParsedMatchers> parsed = alerting::parse_matchers(text);
        if (!parsed.ok()) return section.error(key, "{}", parsed.error().message);
        if (parsed->agreement != ParsedMatchers::Agreement::kBoth) {
            const std::string meant = alerting::matchers_text(parsed->matchers);
            warnings.push_back(
                {section.file(), section.line_of(key), section.path_of(key),
                 parsed->agreement == ParsedMatchers::Agreement::kDisagree
                     ? fmt::format("{} means something else in UTF-8 matchers; it is read in the "
                                   "classic way, as {}",
                                   text, meant)
                     : fmt::format("{} is read in the classic way only; write {}", text, meant)});
        }
        for (Matcher& matcher : parsed->matchers) into.push_back(std::move(matcher));
    }
    return {};
}

// match and match_re.
Result<void> add_old_matchers(const Section& section, std::string_view equal_key,
                              std::string_view regex_key, Matchers& into) {
    for (const auto& [name, values] : section.map(equal_key)) {
        into.push_back(alerting::old_style_equal(name, values.front()));
    }
    for (const auto& [name, values] : section.map(regex_key)) {
        // Kept as YAML, so that nothing and the empty text are told apart.
        KW_TRY_ASSIGN(const YamlDocument value, parse_yaml(values.front(), section.file()));
        if (value.root.kind != YamlNode::Kind::kScalar) {
            return section.error(regex_key, "{} has no regular expression; write one",
                                 kw::quoted(name));
        }
        if (!is_valid_label_name(name, NameScheme::kUtf8)) {
            return section.error(regex_key, "{} is not a label name", kw::quoted(name));
        }
        Result<Matcher> matcher = alerting::old_style_regex(name, value.root.text);
        if (!matcher.ok()) return section.error(regex_key, "{}", matcher.error().message);
        into.push_back(std::move(matcher).value());
    }
    return {};
}

std::optional<int64_t> duration_of(const Section& section, std::string_view key) {
    if (!std::holds_alternative<int64_t>(section.value(key).data)) return std::nullopt;
    return section.integer(key);
}

using ParseRange = Result<alerting::IntRange> (*)(std::string_view);

Result<void> add_ranges(const Section& period, std::string_view key, ParseRange parse,
                        std::vector<alerting::IntRange>& into) {
    for (const std::string& text : period.texts(key)) {
        const Result<alerting::IntRange> range = parse(text);
        if (!range.ok()) return period.error(key, "{}", range.error().message);
        into.push_back(*range);
    }
    return {};
}

Result<alerting::TimePeriod> to_period(const Section& section) {
    alerting::TimePeriod period;
    for (const Section& time : section.sections("times")) {
        const Result<alerting::IntRange> range =
            alerting::parse_minutes(time.text("start_time"), time.text("end_time"));
        if (!range.ok()) return time.error("", "{}", range.error().message);
        period.minutes.push_back(*range);
    }
    KW_TRY(add_ranges(section, "weekdays", alerting::parse_weekdays, period.weekdays));
    KW_TRY(
        add_ranges(section, "days_of_month", alerting::parse_days_of_month, period.days_of_month));
    KW_TRY(add_ranges(section, "months", alerting::parse_months, period.months));
    KW_TRY(add_ranges(section, "years", alerting::parse_years, period.years));
    period.location = section.text("location");
    const Result<void> location = alerting::check_location(period.location);
    if (!location.ok()) return section.error("location", "{}", location.error().message);
    return period;
}

}  // namespace

Result<alerting::RouteOptions> to_route(const Section& route,
                                        std::vector<ConfigWarning>& warnings) {
    alerting::RouteOptions options;
    options.receiver = route.text("receiver");
    options.continues = route.flag("continue");
    KW_TRY(add_old_matchers(route, "match", "match_re", options.matchers));
    KW_TRY(add_matchers(route, "matchers", options.matchers, warnings));
    options.group_by = route.texts("group_by");
    if (options.group_by == Texts{"..."}) {
        options.group_by.clear();
        options.groups_by_all = true;
    }
    options.group_wait_ms = duration_of(route, "group_wait");
    options.group_interval_ms = duration_of(route, "group_interval");
    options.repeat_interval_ms = duration_of(route, "repeat_interval");
    options.mute_time_intervals = route.texts("mute_time_intervals");
    options.active_time_intervals = route.texts("active_time_intervals");
    for (const auto& [name, values] : route.map("labels")) {
        options.labels.emplace_back(name, values.front());
    }
    for (const Section& child : route.sections("routes")) {
        KW_TRY_ASSIGN(alerting::RouteOptions one, to_route(child, warnings));
        options.routes.push_back(std::move(one));
    }
    return options;
}

Result<alerting::InhibitRule> to_inhibit_rule(const Section& rule,
                                              std::vector<ConfigWarning>& warnings) {
    alerting::InhibitRule options;
    options.name = rule.text("name");
    KW_TRY(add_old_matchers(rule, "source_match", "source_match_re", options.source));
    KW_TRY(add_matchers(rule, "source_matchers", options.source, warnings));
    KW_TRY(add_old_matchers(rule, "target_match", "target_match_re", options.target));
    KW_TRY(add_matchers(rule, "target_matchers", options.target, warnings));
    options.equal = rule.texts("equal");
    return options;
}

Result<alerting::TimeInterval> to_time_interval(const Section& interval) {
    alerting::TimeInterval options;
    options.name = interval.text("name");
    for (const Section& section : interval.sections("time_intervals")) {
        KW_TRY_ASSIGN(alerting::TimePeriod period, to_period(section));
        options.periods.push_back(std::move(period));
    }
    return options;
}

}  // namespace kw::app
