// The zones of the example, and what the calendar on the wall of each says at a slot.
//
// They lie on three continents on purpose: one is always in its night, seasons are opposed, and each has clock
// changes of its own. Sizes and climates are round figures of the example's making, not measurements.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "world/slot.h"

namespace energy {

enum class Country { kAustralia, kUnitedStates, kGermany, kPortugal };

struct Zone {
    std::string_view name;       // as in /forecast?zone=
    std::string_view time_zone;  // IANA name
    Country country;             // whose public holidays count
    double base_mw;              // mean load without weather
    double temperature_mean;     // degrees Celsius over the year
    double temperature_season;   // half the distance of summer's mean to winter's
    double temperature_day;      // half the distance of afternoon to dawn
    int warmest_day;             // of the year
    double heating;              // share of base load per degree below 16
    double cooling;              // share of base load per degree above 22
};

std::span<const Zone> zones();
std::optional<size_t> zone_index(std::string_view name);  // position in zones()

// A slot as people of the zone see it.
struct LocalTime {
    int year = 0;
    int month = 0;        // 1..12
    int day = 0;          // 1..31
    int day_of_year = 0;  // 0..365
    int weekday = 0;      // 0 Monday .. 6 Sunday
    int half_hour = 0;    // 0..47 by the wall clock: one repeats and one lacks when clocks change
    bool holiday = false;
};

// Throws std::runtime_error when the system has no time zone database (package tzdata).
LocalTime local_time(const Zone& zone, Slot slot);

// Between 18:00 and 08:00, and on days without work: when access to customers' data is worth a look.
bool is_off_hours(const LocalTime& local);

bool is_public_holiday(Country country, int year, int month, int day);

// UTC as 2026-01-31T13:30:00Z, and back; the latter gives nullopt for anything but that form.
std::string format_utc(int64_t unix_seconds);
std::optional<int64_t> parse_utc(std::string_view text);

}  // namespace energy
