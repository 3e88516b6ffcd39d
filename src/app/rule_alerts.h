// What rules say of alerts, as reports to the Alertmanager side.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "model/labels.h"
#include "rules/alert.h"

namespace kw::alerting {
class Alertmanager;
}

namespace kw::app {

// Threads: all members from any thread.
class RuleAlerts final : public rules::AlertSink {
 public:
    // `manager` outlives this.
    explicit RuleAlerts(alerting::Alertmanager& manager) : manager_(manager) {}

    // external_labels stand for labels that an alert has not; `external_url` begins the links back.
    void apply(LabelSet external_labels, std::string external_url) KW_EXCLUDES(mutex_);
    void send(std::string_view expr, std::span<const rules::Alert> alerts) override
        KW_EXCLUDES(mutex_);

 private:
    alerting::Alertmanager& manager_;
    Mutex mutex_;
    LabelSet external_labels_ KW_GUARDED_BY(mutex_);
    std::string external_url_ KW_GUARDED_BY(mutex_);
};

// The page that shows an expression: <external_url>/graph?g0.expr=…&g0.tab=1
std::string expression_link(const std::string& external_url, std::string_view expr);

}  // namespace kw::app
