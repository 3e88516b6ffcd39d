// Which SEV an alert is: the class rules in their order, then the map of severity labels.
//
//   labels ─▶ own rules ─▶ shipped rules (what the guide lists under each level) ─▶ label map ─▶ default
//
// So HighErrorRate is SEV2 by its class although its label is critical. A rule may also say that an alert opens
// no incident. How urgently somebody is told is the routes' matter, which go by the label.
// Source: the monitoring guide, Incident Response, Severity Levels.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "incidents/incident.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace kw::incidents {

struct ClassRule {
    std::string name;                  // "High error rates": shown as the reason
    std::vector<Matcher> matchers;     // all of them match
    std::optional<Severity> severity;  // nullopt: such an alert opens no incident
    std::vector<std::string> runbook;  // steps that an incident begins with
    std::vector<std::string> checks;   // expressions that must hold before it is resolved
    bool is_shipped = false;
};

struct Verdict {
    std::optional<Severity> severity;  // nullopt: no incident
    std::string reason;                // "class High error rates", "label severity=warning"
    const ClassRule* rule = nullptr;   // the class that decided
};

struct SeverityRules {
    std::vector<ClassRule> classes;
    // Values of the label `severity` in lower case.
    std::vector<std::pair<std::string, Severity>> labels;
    Severity fallback = Severity::kSev3;  // for an alert without such a label

    // The verdict's rule is of this object.
    Verdict verdict_of(const LabelSet& alert) const;
};

// The shipped classes and labels.
std::vector<ClassRule> shipped_classes();
std::vector<std::pair<std::string, Severity>> shipped_labels();

}  // namespace kw::incidents
