#include "world/world.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace energy {
namespace {

constexpr double kTau = 2 * std::numbers::pi;

enum Stream : uint64_t {
    kSlow = 1,
    kFront,
    kDaily,
    kHeat,
    kDemandSlow,
    kDemandFast,
    kForecast,
    kArrival
};

uint64_t stream_of(Stream stream, size_t zone) { return uint64_t{stream} << 8 | zone; }

// Share of the mean load by hour of the day; straight lines between.
using Profile = std::array<double, 24>;
constexpr Profile kWorkingDay{0.80, 0.76, 0.74, 0.73, 0.75, 0.82, 0.95, 1.08,
                              1.12, 1.11, 1.10, 1.10, 1.09, 1.08, 1.07, 1.07,
                              1.10, 1.17, 1.22, 1.19, 1.12, 1.04, 0.95, 0.86};
constexpr Profile kSaturday{0.82, 0.77, 0.74, 0.72, 0.72, 0.74, 0.79, 0.88, 0.98, 1.03, 1.04, 1.03,
                            1.02, 0.99, 0.97, 0.97, 1.00, 1.07, 1.12, 1.10, 1.04, 0.98, 0.92, 0.86};
constexpr Profile kSunday{0.80, 0.75, 0.72, 0.70, 0.69, 0.70, 0.73, 0.80, 0.89, 0.95, 0.98, 0.99,
                          0.99, 0.95, 0.92, 0.92, 0.95, 1.03, 1.09, 1.08, 1.03, 0.97, 0.90, 0.83};

double at_half_hour(const Profile& profile, int half_hour) {
    const size_t hour = static_cast<size_t>(half_hour / 2);
    if (half_hour % 2 == 0) return profile[hour];
    return (profile[hour] + profile[(hour + 1) % 24]) / 2;
}

const Profile& profile_of(const LocalTime& local) {
    if (local.holiday || local.weekday == 6) return kSunday;
    return local.weekday == 5 ? kSaturday : kWorkingDay;
}

double season(const Zone& zone, int day_of_year) {
    return std::cos(kTau * (day_of_year - zone.warmest_day) / 365.25);  // 1 in high summer
}

size_t wrapped(const LoadSeries& series, Slot slot) {
    const Slot period = static_cast<Slot>(series.demand_mw.size()) / kSlotsPerWeek * kSlotsPerWeek;
    const Slot offset = (slot - series.first) % period;
    return static_cast<size_t>(offset < 0 ? offset + period : offset);
}

}  // namespace

uint64_t mix(uint64_t a, uint64_t b, uint64_t c) {
    uint64_t x = a * 0x9e3779b97f4a7c15U + b * 0xbf58476d1ce4e5b9U + c * 0x94d049bb133111ebU +
                 0x2545f4914f6cdd1dU;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

double unit_interval(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1p-53; }

void World::replace_zone(size_t zone, LoadSeries series) {
    replaced_zone_ = zone;
    replacement_ = std::move(series);
}

double World::noise(uint64_t stream, double position) const {
    const double floor = std::floor(position);
    const auto cell = static_cast<int64_t>(floor);
    const double t = position - floor, s = t * t * (3 - 2 * t);  // smoothstep
    const double left = 2 * unit_interval(mix(seed_, stream, static_cast<uint64_t>(cell))) - 1;
    const double right = 2 * unit_interval(mix(seed_, stream, static_cast<uint64_t>(cell + 1))) - 1;
    return left + (right - left) * s;
}

// Summer is cut into spells of 16 days; two in five hold a heat wave of 3 to 6 days and 5 to 10 degrees.
double World::heat_wave_c(size_t zone, Slot slot, const LocalTime& local) const {
    if (season(zones()[zone], local.day_of_year) < 0.6) return 0;
    constexpr Slot kSpell = 16 * kSlotsPerDay;
    const uint64_t spell = mix(seed_, stream_of(kHeat, zone), static_cast<uint64_t>(slot / kSpell));
    if (spell % 5 >= 2) return 0;
    const double days = 3 + 3 * unit_interval(mix(spell, 1)),
                 from = 9 * unit_interval(mix(spell, 2)) + 0.5;
    const double day = static_cast<double>(slot % kSpell) / kSlotsPerDay - from;
    if (day <= 0 || day >= days) return 0;
    const double strength = 5 + 5 * unit_interval(mix(spell, 3));
    return strength * std::min({1.0, day, days - day});  // a day to rise, a day to fall
}

double World::temperature_c(size_t zone, Slot slot) const {
    if (replaced_zone_ == zone) return replacement_.temperature_c[wrapped(replacement_, slot)];
    const Zone& place = zones()[zone];
    const LocalTime local = local_time(place, slot);
    const double days = static_cast<double>(slot) / kSlotsPerDay;
    const double day =
        -std::cos(kTau * (local.half_hour - 8) / 48.0);  // coldest at 04:00, warmest at 16:00
    return place.temperature_mean + place.temperature_season * season(place, local.day_of_year) +
           place.temperature_day * day * (1 + 0.3 * noise(stream_of(kDaily, zone), days)) +
           3.0 * noise(stream_of(kSlow, zone), days / 11) +
           3.5 * noise(stream_of(kFront, zone), days / 4) + heat_wave_c(zone, slot, local);
}

double World::demand_mw(size_t zone, Slot slot) const {
    if (replaced_zone_ == zone) return replacement_.demand_mw[wrapped(replacement_, slot)];
    const Zone& place = zones()[zone];
    const LocalTime local = local_time(place, slot);
    // Buildings follow the weather of the last hours, not of the moment.
    const double felt = (temperature_c(zone, slot) + temperature_c(zone, slot - 4) +
                         temperature_c(zone, slot - 8)) /
                        3;
    const double weather =
        place.heating * std::max(0.0, 16 - felt) + place.cooling * std::max(0.0, felt - 22);
    const double days = static_cast<double>(slot) / kSlotsPerDay;
    const double chance = 0.035 * noise(stream_of(kDemandSlow, zone), days / 3) +
                          0.015 * noise(stream_of(kDemandFast, zone), days * 8);
    const double lighting = 1 - 0.03 * season(place, local.day_of_year);
    return place.base_mw *
           (at_half_hour(profile_of(local), local.half_hour) * lighting + weather + chance);
}

double World::forecast_temperature_c(size_t zone, Slot issued, Slot target) const {
    const double ahead = std::clamp(static_cast<double>(target - issued) / kSlotsPerDay, 0.0, 1.0);
    const double size = 0.7 + 1.9 * ahead;  // noise() has a standard deviation of about 0.55
    // A service issues anew every 6 hours; errors of neighbouring targets go together.
    const uint64_t run = mix(stream_of(kForecast, zone), static_cast<uint64_t>(issued / 12));
    return temperature_c(zone, target) + size * noise(run, static_cast<double>(target) / 12);
}

std::vector<Reading> World::readings(size_t zone, Slot slot) const {
    const uint64_t chance = mix(seed_, stream_of(kArrival, zone), static_cast<uint64_t>(slot));
    const double demand = demand_mw(zone, slot);
    const Slot first = slot + 1 + static_cast<Slot>(chance % kArrivalDelayMax);
    if (chance >> 32 & 15) return {Reading{slot, first, demand, 0}};
    const double error = 0.08 * unit_interval(mix(chance, 1)) - 0.04;
    const Slot later = first + 24 + static_cast<Slot>(mix(chance, 2) % 25);
    return {Reading{slot, first, demand * (1 + error), 0}, Reading{slot, later, demand, 1}};
}

double World::traffic(size_t zone, Slot slot) {
    const LocalTime local = local_time(zones()[zone], slot);
    const double hour = local.half_hour / 2.0;
    const auto peak = [&](double at, double width) {
        return std::exp(-(hour - at) * (hour - at) / (2 * width * width));
    };
    const double rate = 0.25 + 1.9 * peak(9, 2.2) + 1.5 * peak(16.5, 2.6);
    return rate * (local.weekday >= 5 || local.holiday ? 0.45 : 1) / 1.06;
}

}  // namespace energy
