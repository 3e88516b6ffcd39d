// Why somebody is, or is not, told of an alert: where it is routed and by which matchers, with what it is grouped, what
// inhibits, silences or mutes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerting/alert.h"
#include "alerting/inhibition.h"
#include "alerting/route.h"
#include "alerting/settings.h"
#include "alerting/silences.h"
#include "alerting/time_interval.h"
#include "base/time.h"

namespace kw::alerting {

// One of the routes at which an alert stays.
struct RouteExplanation {
    // From the root to the route; the children that were passed over stand in the tree. Of Explanation::settings.
    std::vector<const Route*> path;
    LabelSet group_labels;
    std::string group_key;
    bool has_group = false;
    std::vector<AlertPtr>
        group_alerts;                   // that are in the group now, in the order of comes_before()
    std::optional<Millis> next_flush;   // nullopt: no group yet, or its flush is under way
    std::vector<std::string> muted_by;  // names of time intervals, now
};

struct Explanation {
    std::shared_ptr<const Settings> settings;
    LabelSet labels;
    Millis now;
    AlertPtr alert;  // as it is stored; null: it is not known
    std::vector<RouteExplanation> routes;
    std::optional<Inhibition> inhibition;
    std::vector<Silence> silences;  // that match, active and pending ones
};

// From the root to `node`, both among them; empty when it is not in the tree.
std::vector<const Route*> path_to(const Route& root, const Route& node);

// The names of the intervals for which nobody is told of `route` at `now`; none when somebody is.
std::vector<std::string> muting_intervals(const Route& route, const TimeIntervals& intervals,
                                          Millis now);

}  // namespace kw::alerting
