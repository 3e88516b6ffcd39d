#include "app/rule_alerts.h"

#include <utility>
#include <vector>

#include "alerting/alertmanager.h"
#include "forward/forwarder.h"
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
        reports.push_back(std::move(report));
    }
    if (reports.empty()) return;
    forwarder_.send(reports);
    // What a limit refused is counted and logged there; the rule says it again soon.
    (void)manager_.put(std::move(reports));
}

}  // namespace kw::app
