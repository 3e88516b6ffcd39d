#include "app/rule_alerts.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "alerting/alertmanager.h"
#include "alerting/message.h"
#include "forward/forwarder.h"
#include "model/sample.h"
#include "net/fields.h"

namespace kw::app {
namespace {

std::optional<LabelSet> labels_sent(const RuleAlerts::Settings& settings, const LabelSet& labels) {
    LabelBuilder builder(labels);
    for (const LabelView& label : settings.external_labels) {
        if (builder.get(label.name).empty()) builder.set(label.name, label.value);
    }
    if (!intake::relabel(settings.relabel, builder)) return std::nullopt;
    return builder.build();
}

constexpr size_t kSummaryExprMax = 500;  // characters

// For people who are told of an alert whose rule has no words for them.
std::string made_summary(std::string_view expr, const rules::Alert& alert) {
    return fmt::format("{}: {} = {}", alert.labels.get("alertname"),
                       alerting::cut_characters(std::string(expr), kSummaryExprMax),
                       format_value(alert.value));
}

}  // namespace

std::string expression_link(const std::string& external_url, std::string_view expr) {
    std::string link = external_url;
    while (link.ends_with('/')) link.pop_back();
    return link + "/graph?g0.expr=" + net::percent_encode(expr) + "&g0.tab=1";
}

void RuleAlerts::apply(Settings settings) {
    auto made = std::make_shared<const Settings>(std::move(settings));
    MutexLock lock(mutex_);
    settings_ = std::move(made);
}

std::shared_ptr<const RuleAlerts::Settings> RuleAlerts::settings() const {
    MutexLock lock(mutex_);
    return settings_;
}

std::optional<LabelSet> RuleAlerts::outgoing_labels(const LabelSet& labels) const {
    return labels_sent(*settings(), labels);
}

void RuleAlerts::send(std::string_view expr, std::span<const rules::Alert> alerts) {
    const std::shared_ptr<const Settings> settings = this->settings();
    const std::string link = expression_link(settings->external_url, expr);
    std::vector<alerting::Report> reports;
    std::vector<std::string> summaries;  // one a report; empty where it has annotations
    for (const rules::Alert& alert : alerts) {
        alerting::Report report;
        std::optional<LabelSet> labels = labels_sent(*settings, alert.labels);
        if (!labels) continue;
        report.labels = *std::move(labels);
        report.annotations = alert.annotations;
        report.starts_at = alert.fired_at.value_or(alert.active_at);
        report.ends_at = alert.resolved_at.value_or(alert.valid_until);
        report.generator_url = link;
        report.is_no_data = alert.is_no_data;
        summaries.push_back(alert.annotations.empty() ? made_summary(expr, alert) : "");
        reports.push_back(std::move(report));
    }
    if (reports.empty()) return;
    forwarder_.send(reports);  // others get what Prometheus would send
    for (size_t i = 0; i < reports.size(); ++i) {
        if (!summaries[i].empty()) {
            reports[i].annotations = {{"summary", std::move(summaries[i])}};
        }
    }
    // What a limit refused is counted and logged there; the rule says it again soon.
    (void)manager_.put(std::move(reports));
}

}  // namespace kw::app
