// Gathers what happened around an incident from the samples that are stored: from half an hour before it began.
//
//   ALERTS ──────────────┐ in steps of 1 s to 48 s   alerts of the same services
//   *_info ──────────────┤ with what is between them deploys: another version of code, model or data
//   process_start_time ──┤ in steps                  restarts
//   config reload time ──┤ in steps                  reloads of this server's configuration
//   up, fault gauges ────┤ every sample              targets that went and came; faults on command
//   series of services ──┘ in steps                  departures: those furthest from their usual band
//
// A score from 0 to 1 says how likely an entry has to do with the incident: by its kind, and halved when it is of
// another service. A departure's grows with how many standard deviations the series left its mean of the three
// hours before.
// Bounded: window, steps, series a query, changes of a series, entries, points that are kept. What a bound or a failing
// query leaves out is a remark; of a kind whose query fails the entries of the former gathering stay.
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
    // The most users at a time from its beginning until it was over, by Settings::users_query; nullopt: not known.
    std::optional<int64_t> users;
};

// `former` is what the last gathering gave; null: there was none.
Gathered gather_timeline(const Incident& incident, const Settings& settings, const Timeline* former,
                         promql::Engine& engine, Millis now, const CancelToken& cancel);

}  // namespace kw::incidents
