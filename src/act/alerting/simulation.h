// What would happen to an alert: who would be told at which times, flush by flush, with the configuration, the groups,
// the inhibiting alerts and the silences of now.
//
//   Explanation (routes, groups, silences) ─▶ simulate(): the dispatcher's and the log's rules on a made-up clock ─▶ events
//
// What is assumed: the alert fires without a gap from `at` to `ends_at`; an alert that inhibits it now goes on; nobody
// changes anything; each message arrives.
// Threads: a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alerting/explanation.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::alerting {

struct SimulationRequest {
    LabelSet labels;
    Millis at;                        // when it begins to fire
    std::optional<Millis> ends_at;    // nullopt: after the horizon
    int64_t horizon_ms = 86'400'000;  // how far to look, from `at`
};

struct SimulatedEvent {
    enum class Kind : unsigned char {
        kFiring,      // told for the first time
        kRepeat,      // told again, since repeat_interval has passed
        kResolved,    // told that it is over
        kSuppressed,  // nobody is told, for `reasons`
    };
    Kind kind = Kind::kFiring;
    Millis at;
    Millis until;                           // kSuppressed: of the last flush in a row; else as `at`
    uint64_t flushes = 1;                   // in a row with the same outcome
    std::vector<std::string> integrations;  // "slack[0]": who is told
    std::vector<std::string> reasons;
};
std::string_view event_text(
    SimulatedEvent::Kind kind);  // "firing", "repeat", "resolved", "suppressed"

struct SimulatedRoute {
    size_t route = 0;  // index in Explanation::routes
    std::vector<SimulatedEvent> events;
    bool is_cut = false;  // there would be more: see kSimulatedFlushesMax and kSimulatedEventsMax
};

inline constexpr uint64_t kSimulatedFlushesMax = 100'000;  // of one route
inline constexpr size_t kSimulatedEventsMax = 1'000;       // likewise

std::vector<SimulatedRoute> simulate(const Explanation& explanation,
                                     const SimulationRequest& request);

}  // namespace kw::alerting
