// What rules say of alerts, as reports to the Alertmanager side and to other Alertmanagers.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "intake/relabel.h"
#include "model/labels.h"
#include "rules/alert.h"

namespace kw::alerting {
class Alertmanager;
}
namespace kw::forward {
class Forwarder;
}

namespace kw::app {

// Threads: all members from any thread.
class RuleAlerts final : public rules::AlertSink {
 public:
    // Both outlive this.
    RuleAlerts(alerting::Alertmanager& manager, forward::Forwarder& forwarder)
        : manager_(manager), forwarder_(forwarder) {}

    struct Settings {
        LabelSet external_labels;                  // stand for labels that an alert has not
        std::vector<intake::RelabelRule> relabel;  // changes or drops alerts, after those labels
        std::string external_url;                  // begins the links back
    };
    void apply(Settings settings) KW_EXCLUDES(mutex_);
    // An alert's labels as they are sent; nullopt: relabelling drops it.
    std::optional<LabelSet> outgoing_labels(const LabelSet& labels) const KW_EXCLUDES(mutex_);
    void send(std::string_view expr, std::span<const rules::Alert> alerts) override
        KW_EXCLUDES(mutex_);

 private:
    std::shared_ptr<const Settings> settings() const KW_EXCLUDES(mutex_);

    alerting::Alertmanager& manager_;
    forward::Forwarder& forwarder_;
    mutable Mutex mutex_;
    std::shared_ptr<const Settings> settings_ KW_GUARDED_BY(mutex_) =
        std::make_shared<const Settings>();
};

// The page that shows an expression: <external_url>/graph?g0.expr=…&g0.tab=1
std::string expression_link(const std::string& external_url, std::string_view expr);

}  // namespace kw::app
