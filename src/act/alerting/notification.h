// What the dispatcher hands to who sends: a group of alerts for one receiver, after inhibition, silences and
// time intervals took theirs away.
//
//   group's timer ─▶ inhibit ─▶ silence ─▶ times ──Notification──▶ NotificationSink (log, dedup, retry, send)
//                       ▲                                              │
//                       └─────────────── done(delivered) ◀─────────────┘
//
// A flush is told whether or not anything is new: whether the receiver hears of it (something new fired,
// something resolved, repeat_interval passed) is the sink's to decide from its log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alerting/alert.h"
#include "alerting/receiver_config.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::alerting {

struct Notification {
    std::string receiver;  // a name of the settings that were applied last
    // As Alertmanager builds it: `{}/{team="db"}:{alertname="HighErrorRate"}`. With the receiver's name it
    // identifies the group in the log, and stays the same over restarts and reloads.
    std::string group_key;
    LabelSet group_labels;
    TemplateMap route_labels;  // the route's `labels`, inherited ones among them; templates
    // In the order of comes_before(). Firing unless is_resolved_at(now); never empty.
    std::vector<AlertPtr> alerts;
    Millis now;
    int64_t repeat_interval_ms = 0;
    int64_t group_interval_ms = 0;
    // How long the sink may try, from now on: a group's interval, at least 10 s. Then it gives up, and the
    // group's next flush tries again.
    int64_t timeout_ms = 0;
};

class NotificationSink {
 public:
    // Called exactly once. `delivered`: every integration of the receiver has it, or needed nothing. Only
    // then does the dispatcher forget the alerts that are resolved.
    using Done = std::function<void(bool delivered)>;

    virtual ~NotificationSink() = default;
    // Takes over and returns: never waits for a network. `done` may run before it returns, on any thread. A
    // group has one notification at a time under way; different groups and receivers do not wait for each
    // other.
    virtual void notify(Notification notification, Done done) = 0;
    // What holds from the next notification on. Called before the first notify().
    virtual void apply(std::shared_ptr<const NotifySettings> settings) = 0;
    // Whether the receiver was, or is being, told that an alert of the group fires, and not of its end: then it is
    // to hear of that, also when the group was forgotten. A sink without a log knows of none.
    virtual bool was_told_firing(const std::string& /*group_key*/, const std::string& /*receiver*/,
                                 uint64_t /*fingerprint*/) const {
        return false;
    }
};

}  // namespace kw::alerting
