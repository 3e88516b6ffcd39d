#include "app/rule_alerts.h"

#include <utility>
#include <vector>

#include "alerting/alertmanager.h"
#include "net/fields.h"

namespace kw::app {

std::string expression_link(const std::string& external_url, std::string_view expr) {
    std::string link = external_url;
    while (link.ends_with('/')) link.pop_back();
    return link + "/graph?g0.expr=" + net::percent_encode(expr) + "&g0.tab=1";
}

void RuleAlerts::apply(LabelSet external_labels, std::string external_url) {
    MutexLock lock(mutex_);
    external_labels_ = std::move(external_labels);
    external_url_ = std::move(external_url);
}

void RuleAlerts::send(std::string_view expr, std::span<const rules::Alert> alerts) {
    LabelSet external_labels;
    std::string link;
    {
        MutexLock lock(mutex_);
        external_labels = external_labels_;
        link = expression_link(external_url_, expr);
    }
    std::vector<alerting::Report> reports;
    for (const rules::Alert& alert : alerts) {
        alerting::Report report;
        LabelBuilder labels(alert.labels);
        for (const LabelView& label : external_labels) {
            if (labels.get(label.name).empty()) labels.set(label.name, label.value);
        }
        report.labels = labels.build();
        report.annotations = alert.annotations;
        report.starts_at = alert.fired_at.value_or(alert.active_at);
        report.ends_at = alert.resolved_at.value_or(alert.valid_until);
        report.generator_url = link;
        report.is_no_data = alert.is_no_data;
        reports.push_back(std::move(report));
    }
    // What a limit refused is counted and logged there; the rule says it again soon.
    (void)manager_.put(std::move(reports));
}

}  // namespace kw::app
