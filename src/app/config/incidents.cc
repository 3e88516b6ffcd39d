#include "app/config/incidents.h"

#include <algorithm>
#include <utility>

#include "alerting/matchers.h"
#include "incidents/settings.h"
#include "promql/parser.h"

namespace kw::app {
namespace {

constexpr std::string_view kNone = "none";  // opens no incident

std::string without_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

Result<incidents::ClassRule> read_class(const Section& section) {
    incidents::ClassRule rule;
    rule.name = section.text("name");
    for (const std::string& text : section.texts("matchers")) {
        Result<alerting::ParsedMatchers> parsed = alerting::parse_matchers(text);
        if (!parsed.ok()) {
            return section.error("matchers", "{}: {}; write it as alertname = HighErrorRate",
                                 kw::quoted(text), parsed.error().message);
        }
        for (Matcher& matcher : parsed->matchers) rule.matchers.push_back(std::move(matcher));
    }
    if (without_case(section.text("severity")) != kNone) {
        const Result<incidents::Severity> severity =
            incidents::parse_severity(section.text("severity"));
        if (!severity.ok()) {
            return section.error("severity", "{}, or none: no incident", severity.error().message);
        }
        rule.severity = *severity;
    }
    rule.runbook = section.texts("runbook");
    rule.checks = section.texts("checks");
    for (const auto& [key, texts] :
         {std::pair("runbook", &rule.runbook), std::pair("checks", &rule.checks)}) {
        if (texts->size() > incidents::kItemsMax) {
            return section.error(key, "has {} entries; the most are {}", texts->size(),
                                 incidents::kItemsMax);
        }
        for (const std::string& text : *texts) {
            if (text.empty() || text.size() > incidents::kItemBytesMax) {
                return section.error(key, "has an entry of {} bytes; write 1 to {}", text.size(),
                                     incidents::kItemBytesMax);
            }
        }
    }
    for (const std::string& query : rule.checks) {
        const auto parsed = promql::parse(query, promql::ParseOptions::all_features());
        if (!parsed.ok()) {
            return section.error("checks", "{}: {}", kw::quoted(query), parsed.error().message);
        }
    }
    return rule;
}

Result<void> read_label_severities(const Section& section, incidents::SeverityRules& rules) {
    for (const auto& [value, texts] : section.map("label_severities")) {
        const Result<incidents::Severity> severity = incidents::parse_severity(texts.front());
        if (!severity.ok()) {
            return section.error("label_severities", "{}: {}", value, severity.error().message);
        }
        const std::string label = without_case(value);
        std::erase_if(rules.labels, [&](const auto& entry) { return entry.first == label; });
        rules.labels.emplace_back(label, *severity);
    }
    return {};
}

void read_names(const Section& section, std::string_view key, std::vector<std::string>& names) {
    if (section.is_written(key)) names = section.texts(key);
}

}  // namespace

Result<std::shared_ptr<const incidents::Settings>> read_incidents(const Section* section) {
    auto settings = std::make_shared<incidents::Settings>();
    if (section == nullptr) return std::shared_ptr<const incidents::Settings>(std::move(settings));
    settings->opens_from_alerts = section->flag("open_from_alerts");
    settings->pages = section->flag("page");
    settings->group_window_ms = section->integer("group_window");
    settings->auto_resolve_after_ms = section->integer("auto_resolve_after");
    settings->timeline_before_ms = section->integer("timeline_before");
    read_names(*section, "service_labels", settings->service_labels);
    read_names(*section, "zone_labels", settings->zone_labels);
    read_names(*section, "fault_metrics", settings->fault_metrics);
    for (const std::string_view key : {"service_labels", "zone_labels"}) {
        for (const std::string& name : section->texts(key)) {
            if (!is_classic_label_name(name)) {
                return section->error(key, "{} is no label name; write letters, digits and _",
                                      kw::quoted(name));
            }
        }
    }
    for (const std::string& name : section->texts("fault_metrics")) {
        if (!is_classic_metric_name(name)) {
            return section->error(
                "fault_metrics",
                "{} is no metric name; write letters, digits, _ and :", kw::quoted(name));
        }
    }
    settings->users_query = section->text("users_query");
    if (!settings->users_query.empty()) {
        const auto parsed =
            promql::parse(settings->users_query, promql::ParseOptions::all_features());
        if (!parsed.ok()) {
            return section->error("users_query", "{}: {}", kw::quoted(settings->users_query),
                                  parsed.error().message);
        }
    }
    incidents::SeverityRules& rules = settings->rules;
    std::vector<incidents::ClassRule> classes;
    for (const Section& one : section->sections("classes")) {
        KW_TRY_ASSIGN(incidents::ClassRule rule, read_class(one));
        classes.push_back(std::move(rule));
    }
    if (section->flag("shipped_classes")) {
        for (incidents::ClassRule& rule : rules.classes) classes.push_back(std::move(rule));
    }
    rules.classes = std::move(classes);
    KW_TRY(read_label_severities(*section, rules));
    const Result<incidents::Severity> fallback =
        incidents::parse_severity(section->text("default_severity"));
    if (!fallback.ok()) return section->error("default_severity", "{}", fallback.error().message);
    rules.fallback = *fallback;
    return std::shared_ptr<const incidents::Settings>(std::move(settings));
}

}  // namespace kw::app
