// Time intervals: when a route is muted, or active only.
//
// A period holds at an instant when each of its lists that is not empty has a range that does; an interval
// holds when one of its periods does. Local time is that of the period's location, UTC without one.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#time_interval-0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace kw::alerting {

// Both ends belong to it, but for minutes, where the end does not.
struct IntRange {
    int begin = 0;
    int end = 0;
    bool operator==(const IntRange&) const = default;
};

struct TimePeriod {
    std::vector<IntRange> minutes;        // of the day: 0 to 1440
    std::vector<IntRange> weekdays;       // 0: Sunday
    std::vector<IntRange> days_of_month;  // 1 to 31, or -31 to -1: from the month's end
    std::vector<IntRange> months;         // 1: January
    std::vector<IntRange> years;
    std::string location;  // of the IANA database, or "Local"; empty: UTC
    bool operator==(const TimePeriod&) const = default;

    bool contains(Millis instant) const;
};

struct TimeInterval {
    std::string name;
    std::vector<TimePeriod> periods;
    bool operator==(const TimeInterval&) const = default;

    bool contains(Millis instant) const;
};

// By name.
using TimeIntervals = std::map<std::string, TimeInterval, std::less<>>;

// Errors of all: kInvalid, saying what is wanted.
// "09:00" … "24:00", both; the start comes first.
Result<IntRange> parse_minutes(std::string_view start, std::string_view end);
Result<IntRange> parse_weekdays(std::string_view text);       // "monday:friday", "Sunday"
Result<IntRange> parse_days_of_month(std::string_view text);  // "1:5", "-3:-1", "15"
Result<IntRange> parse_months(std::string_view text);         // "january:3", "December"
Result<IntRange> parse_years(std::string_view text);          // "2026:2028"
// Whether the time zone database has it.
Result<void> check_location(std::string_view name);

}  // namespace kw::alerting
