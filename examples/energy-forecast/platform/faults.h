// Faults on command: which exist, which process plays each, and the switch inside a process.
//
// The supervisor (supervisor.h) hears `POST /faults/NAME?for=5m` and either acts itself (stops PostgreSQL or the
// model service) or passes the call on to the process of the table. A fault ends by itself at its time; a process
// that restarts has none.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kilowatch/metrics.h"
#include "platform/http.h"

namespace energy {

enum class FaultPlayer { kApi, kModel, kWorld, kSupervisor, kNobody };

struct FaultKind {
    std::string_view name;
    FaultPlayer player;
    std::string_view what;     // happens
    std::string_view symptom;  // where it shows
};
std::span<const FaultKind> fault_kinds();
const FaultKind* find_fault(std::string_view name);  // null: there is none of that name

inline constexpr std::chrono::seconds kFaultDefault{300};
inline constexpr std::chrono::seconds kFaultMax{86'400};

// "90s", "5m", "1h30m", "45" (seconds); nullopt for anything else, for 0 and over kFaultMax.
std::optional<std::chrono::seconds> parse_fault_duration(std::string_view text);

// The faults of one process. Threads: all.
class FaultSwitch final {
 public:
    // Exposes fault_active{fault} for every fault that `player` plays, from 0.
    FaultSwitch(FaultPlayer player, kilowatch::Registry& registry);

    bool active(std::string_view name) const;
    // False: this process does not play it.
    bool start(std::string_view name, std::chrono::seconds duration);
    bool end(std::string_view name);

    // POST /faults/NAME?for=…, DELETE /faults/NAME, GET /faults.
    HttpResponse answer(const HttpRequest& request);

 private:
    using Time = std::chrono::steady_clock::time_point;
    FaultPlayer player_;
    mutable std::mutex mutex_;
    std::map<std::string, Time, std::less<>> until_;
    kilowatch::CollectorHandle collector_;
};

}  // namespace energy
