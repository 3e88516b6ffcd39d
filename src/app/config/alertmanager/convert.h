// Sections of alertmanager.yml → the options of `alerting`. The sections were checked when they were read.
#pragma once

#include <string>
#include <vector>

#include "alerting/inhibition.h"
#include "alerting/receiver_config.h"
#include "alerting/route.h"
#include "alerting/time_interval.h"
#include "app/config/alertmanager/alertmanager_config.h"
#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// Errors of all: kInvalid, kExhausted, with the place.

// Matchers that only the classic syntax reads, or that it reads differently, are warned of.
Result<alerting::RouteOptions> to_route(const Section& route, std::vector<ConfigWarning>& warnings);
Result<alerting::InhibitRule> to_inhibit_rule(const Section& rule,
                                              std::vector<ConfigWarning>& warnings);
Result<alerting::TimeInterval> to_time_interval(const Section& interval);
// With what it takes from `global`.
Result<alerting::Receiver> to_receiver(const Section& receiver, const Section& global,
                                       const std::string& directory);

}  // namespace kw::app
