// How the server itself fares, part by part: what /health answers.
//
//   {"status":"degraded","components":{"store":"healthy","scrape":"healthy","rules":"degraded","configuration":"healthy"}}
//
// A part is *unhealthy* where it does not do its work: samples cannot be made durable, the schedule stands still. It is
// *degraded* where it works and somebody should look: a rule that fails is its author's affair, and no reason for who
// asks /health to start the server anew. The whole is as its worst part.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "rules/rule_manager.h"
#include "scrape/scrape_manager.h"

namespace kw::api {

// From best to worst.
enum class PartHealth : unsigned char { kHealthy, kDegraded, kStarting, kUnhealthy };

std::string_view part_health_text(PartHealth health);

// `since`: when the configuration began to act. A target is late three intervals and a time-out after its last scrape.
// kUnhealthy: all are late; kDegraded: some are. One that was never scraped counts only where none was: it may be new.
PartHealth scrape_health(const std::vector<scrape::TargetStatus>& targets, Millis since,
                         Millis now);
// Likewise of groups, three intervals after their last evaluation. kDegraded as well where a rule fails.
PartHealth rules_health(const std::vector<rules::GroupView>& groups, Millis since, Millis now);

struct ServerHealth {
    PartHealth status = PartHealth::kHealthy;
    std::vector<std::pair<std::string_view, PartHealth>> parts;  // in the order of the answer
    void add(std::string_view part, PartHealth health);
};

}  // namespace kw::api
