// The world that the platform forecasts: weather, demand, and how both become known.
//
// Everything is a pure function of (seed, zone, slot), built from hashed value noise instead of a running random
// generator: any slot can be asked for in any order, by any process, and the answer is the same.
//   temperature  year + day + passing weather (periods of 11, 4 and 1 days) + heat waves of 3 to 6 days in summer
//   demand       base x profile of the day (working day, Saturday, Sunday or holiday) x season + heating below
//                16 and cooling above 22 degrees + noise
// A CSV of real load (columns Time, Demand, Temperature, Date, Holiday) may stand in for one zone; beyond its ends
// it repeats by whole weeks, so that weekdays stay weekdays.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "world/slot.h"
#include "world/zone.h"

namespace energy {

// Half-hours without a gap from `first`.
struct LoadSeries {
    Slot first = 0;
    std::vector<double> demand_mw;
    std::vector<double> temperature_c;
};

// Errors: kInvalid with the line's number: header, a field's form, a gap, fewer than two weeks, over 2 000 000 rows.
kw::Result<LoadSeries> parse_load_csv(std::string_view text);

// One value that a meter operator sends. A slot's value may come again, revised.
struct Reading {
    Slot slot = 0;
    Slot arrival = 0;  // when the platform may know of it
    double demand_mw = 0;
    int revision = 0;  // 0 the first, 1 the corrected value
};

inline constexpr Slot kArrivalDelayMax = 4;  // of a first value, slots

class World final {
 public:
    explicit World(uint64_t seed) : seed_(seed) {}

    // `series` stands in for zones()[zone]. Precondition: at least two weeks (parse_load_csv() sees to it).
    void replace_zone(size_t zone, LoadSeries series);

    double temperature_c(size_t zone, Slot slot) const;
    double demand_mw(size_t zone, Slot slot) const;

    // What a weather service says at `issued` of `target`; its error grows with the distance: some 0.4 degrees
    // (standard deviation) for the next half-hour, 1.5 a day and more ahead.
    double forecast_temperature_c(size_t zone, Slot issued, Slot target) const;

    // The values sent for a slot, in order of arrival: the first 1 to 4 slots later. One in 16 is an estimate, up
    // to 4 % off, corrected 12 to 24 hours afterwards.
    std::vector<Reading> readings(size_t zone, Slot slot) const;

    // How much the users of a zone ask at a slot: 1 on average over a day, small at night, two peaks.
    static double traffic(size_t zone, Slot slot);

 private:
    double noise(uint64_t stream, double position) const;  // smooth, in [-1, 1]
    double heat_wave_c(size_t zone, Slot slot, const LocalTime& local) const;

    uint64_t seed_;
    std::optional<size_t> replaced_zone_;
    LoadSeries replacement_;
};

// A well-mixed 64-bit number of its arguments (splitmix64's finaliser): the example's only source of chance.
uint64_t mix(uint64_t a, uint64_t b = 0, uint64_t c = 0);
double unit_interval(uint64_t hash);  // [0, 1)

}  // namespace energy
