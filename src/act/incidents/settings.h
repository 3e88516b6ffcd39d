// What the block `incidents` of the configuration says. `app` reads the file and makes one; a reload hands in the
// next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "incidents/severity_rules.h"

namespace kw::incidents {

struct Settings {
    bool opens_from_alerts = true;
    // An alert joins the open incident of its service while alerts of that fire, or for so long after the last.
    int64_t group_window_ms = 30 * 60'000;
    // SEV3 and SEV4 that nobody acknowledged are resolved so long after their last alert ended; 0: never.
    int64_t auto_resolve_after_ms = 15 * 60'000;
    int64_t timeline_before_ms = 30 * 60'000;
    // SEV1 to SEV3 that no alert of ours tells of are told of as an alert IncidentOpen, through the routes.
    bool pages = true;
    std::vector<std::string> service_labels = {"service", "job"};  // the first that an alert has
    std::vector<std::string> zone_labels = {"zone", "region"};
    std::vector<std::string> fault_metrics = {
        "fault_active"};  // gauges: a fault on command is played
    // PromQL for how many use what we watch; its most while an incident lasts is how many it concerns. Empty: not asked.
    std::string users_query = "sum(active_users)";
    SeverityRules rules = {shipped_classes(), shipped_labels(), Severity::kSev3};
};

// The service of an alert: the value of the first label it has of `settings.service_labels`; empty: none.
std::string service_of(const LabelSet& alert, const Settings& settings);

}  // namespace kw::incidents
