// The platform's unit of time and its clock. Load is metered each half-hour, so a time is a *slot*: half-hours
// since the Unix epoch, UTC. A slot names the half-hour that begins there.
#pragma once

#include <cstdint>

namespace energy {

using Slot = int64_t;

inline constexpr int64_t kSlotSeconds = 1800;
inline constexpr Slot kSlotsPerDay = 48;
inline constexpr Slot kSlotsPerWeek = 7 * kSlotsPerDay;

constexpr Slot slot_of(int64_t unix_seconds) {
    return unix_seconds >= 0 ? unix_seconds / kSlotSeconds
                             : (unix_seconds - kSlotSeconds + 1) / kSlotSeconds;
}

// Simulated time as a function of real time, the same in every process that is started with the same three
// numbers: no process has to be asked what time it is.
struct SimClock {
    int64_t sim_start_s = 0;    // simulated Unix seconds at wall_start_ms
    int64_t wall_start_ms = 0;  // real Unix milliseconds
    double speed = 1;           // simulated seconds per second

    int64_t seconds_at(int64_t wall_ms) const {
        return sim_start_s +
               static_cast<int64_t>(static_cast<double>(wall_ms - wall_start_ms) / 1000 * speed);
    }
    int64_t now_s() const;  // seconds_at(the system clock)
    Slot now_slot() const { return slot_of(now_s()); }
};

}  // namespace energy
