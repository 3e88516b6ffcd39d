// Inhibition: while a source alert fires, the alerts that are its targets are not notified of.
//
// A target is muted by a source that fires and has the same values in the labels of `equal` (absent and
// empty are the same). What matches both sides is not muted by what matches both sides, so that no alert mutes
// itself.
// Threads: one owner; const members from any thread while nothing changes.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "alerting/alert.h"
#include "alerting/matchers.h"
#include "base/time.h"

namespace kw::alerting {

struct InhibitRule {
    std::string name;
    Matchers source;
    Matchers target;
    std::vector<std::string> equal;  // label names
};

// What mutes an alert: a source, and the rule by which it does.
struct Inhibition {
    AlertPtr source;
    InhibitRule rule;
};

class Inhibitor {
 public:
    Inhibitor() = default;
    explicit Inhibitor(std::vector<InhibitRule> rules);

    // Takes an alert's newest state as a possible source.
    void update(const AlertPtr& alert);
    // Forgets sources that are resolved.
    void collect_garbage(Millis now);
    // A source that mutes an alert of `labels` now, with its rule; nullopt when none does.
    std::optional<Inhibition> find(const LabelSet& labels, Millis now) const;
    // The fingerprint of a source that mutes an alert of `labels` now; nullopt when none does.
    std::optional<uint64_t> inhibited_by(const LabelSet& labels, Millis now) const;

 private:
    struct Rule {
        InhibitRule config;
        // Sources by the values of the labels of `equal`, then by fingerprint.
        std::unordered_map<std::string, std::unordered_map<LabelSet, AlertPtr, LabelSetHash>>
            sources;
    };
    // Calls take(source, rule) with the first that mutes. Whether one does.
    template <typename Take>
    bool look(const LabelSet& labels, Millis now, const Take& take) const;

    std::vector<Rule> rules_;
};

}  // namespace kw::alerting
