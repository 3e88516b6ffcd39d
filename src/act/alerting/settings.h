// What alertmanager.yml says, as the engine needs it. `app` reads the file and makes one; a reload hands in the
// next.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerting/inhibition.h"
#include "alerting/receiver_config.h"
#include "alerting/route.h"
#include "alerting/time_interval.h"

namespace kw::alerting {

struct Settings {
    Route route;
    std::vector<InhibitRule> inhibit_rules;
    TimeIntervals time_intervals;  // those that routes name are all there
    std::vector<std::string>
        receiver_names;  // in the file's order, also of those that do not act yet
    std::shared_ptr<const NotifySettings> notify;
    int64_t resolve_timeout_ms = 5 * 60'000;
    std::string shown_yaml;  // defaults filled in, secrets as <secret>
};

}  // namespace kw::alerting
