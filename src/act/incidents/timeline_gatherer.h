// Gathers what happened around an incident from the samples that are stored: from half an hour before it began.
//
//   ALERTS ──────────────┐                       alerts of the same services
//   *_info ──────────────┤ one range query each  deploys: another version of code, model or data
//   process_start_time ──┤ over the window       restarts; `up`: targets that went and came
//   config reload time ──┼─▶ entries, scored     reloads of this server's configuration
//   fault gauges ────────┤                       faults on command
//   series of services ──┘                       departures: those furthest from their usual band
//
// A score from 0 to 1 says how likely an entry has to do with the incident: by its kind, and halved when it is of
// another service. A departure's grows with how many standard deviations the series left its mean of the three
// hours before.
// Bounded: window, steps, series a query, entries, points that are kept. What a bound or a failing query leaves out
// is a remark.
// Threads: a plain function.
#pragma once

#include <optional>

#include "base/cancel.h"
#include "base/time.h"
#include "incidents/incident.h"
#include "incidents/settings.h"
#include "incidents/timeline.h"

namespace kw::promql {
class Engine;
}

namespace kw::incidents {

struct Gathered {
    Timeline timeline;
    // When the first of its alerts became pending, as their rules remember; nullopt: not known.
    std::optional<Millis> pending_since;
};

Gathered gather_timeline(const Incident& incident, const Settings& settings, promql::Engine& engine,
                         Millis now, const CancelToken& cancel);

}  // namespace kw::incidents
