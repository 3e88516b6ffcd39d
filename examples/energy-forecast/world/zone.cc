#include "world/zone.h"

#include <date/tz.h>
#include <fmt/core.h>

#include <array>
#include <charconv>

namespace energy {
namespace {

constexpr std::array kZones{
    Zone{"melbourne", "Australia/Melbourne", Country::kAustralia, 4700, 15.5, 5.5, 5.0, 24, 0.014,
         0.026},
    Zone{"newyork", "America/New_York", Country::kUnitedStates, 6100, 12.8, 12.0, 4.5, 203, 0.010,
         0.024},
    Zone{"berlin", "Europe/Berlin", Country::kGermany, 5300, 10.2, 9.5, 4.5, 201, 0.016, 0.009},
    Zone{"lisbon", "Europe/Lisbon", Country::kPortugal, 2400, 17.2, 6.0, 4.0, 215, 0.012, 0.018},
};

// Gregorian Easter Sunday by the anonymous algorithm (Meeus, Jones, Butcher).
date::sys_days easter_sunday(int year) {
    const int a = year % 19, b = year / 100, c = year % 100;
    const int d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
    const int h = (19 * a + b - d - g + 15) % 30;
    const int i = c / 4, k = c % 4;
    const int l = (32 + 2 * e + 2 * i - h - k) % 7;
    const int m = (a + 11 * h + 22 * l) / 451;
    const int month = (h + l - 7 * m + 114) / 31, day = (h + l - 7 * m + 114) % 31 + 1;
    return date::year(year) / date::month(static_cast<unsigned>(month)) /
           date::day(static_cast<unsigned>(day));
}

struct FixedDay {
    Country country;
    int month, day;
};
constexpr FixedDay kFixedDays[] = {
    {Country::kAustralia, 1, 26},     {Country::kAustralia, 4, 25},
    {Country::kUnitedStates, 6, 19},  {Country::kUnitedStates, 7, 4},
    {Country::kUnitedStates, 11, 11}, {Country::kGermany, 5, 1},
    {Country::kGermany, 10, 3},       {Country::kPortugal, 4, 25},
    {Country::kPortugal, 5, 1},       {Country::kPortugal, 6, 10},
    {Country::kPortugal, 12, 8},
};

// get_info() costs a binary search and a copy of a name; the answer holds for half a year.
struct OffsetCache {
    const date::time_zone* zone = nullptr;
    date::sys_info info;
};

std::chrono::seconds utc_offset(const Zone& zone, date::sys_seconds time) {
    thread_local std::array<OffsetCache, kZones.size()> caches;
    OffsetCache& cache = caches[static_cast<size_t>(&zone - kZones.data())];
    if (cache.zone == nullptr) {
        cache.zone = date::locate_zone(std::string(zone.time_zone));
        cache.info = cache.zone->get_info(time);
    } else if (time < cache.info.begin || time >= cache.info.end) {
        cache.info = cache.zone->get_info(time);
    }
    return cache.info.offset;
}

}  // namespace

std::span<const Zone> zones() { return kZones; }

std::optional<size_t> zone_index(std::string_view name) {
    for (size_t i = 0; i < kZones.size(); ++i)
        if (kZones[i].name == name) return i;
    return std::nullopt;
}

bool is_public_holiday(Country country, int year, int month, int day) {
    if ((month == 1 && day == 1) ||
        (month == 12 && (day == 25 || (day == 26 && country != Country::kUnitedStates))))
        return true;
    for (const FixedDay& fixed : kFixedDays)
        if (fixed.country == country && fixed.month == month && fixed.day == day) return true;
    const date::sys_days today = date::year(year) / date::month(static_cast<unsigned>(month)) /
                                 date::day(static_cast<unsigned>(day));
    if (country == Country::kUnitedStates) {  // Thanksgiving
        const date::sys_days fourth = date::year(year) / date::November / date::Thursday[4];
        return today == fourth;
    }
    const date::sys_days easter = easter_sunday(year);
    return today == easter - date::days(2) ||
           (today == easter + date::days(1) && country != Country::kPortugal);
}

LocalTime local_time(const Zone& zone, Slot slot) {
    const date::sys_seconds time{std::chrono::seconds(slot * kSlotSeconds)};
    const date::sys_seconds local = time + utc_offset(zone, time);
    const auto day = date::floor<date::days>(local);
    const date::year_month_day ymd{day};
    const date::sys_days new_year = ymd.year() / date::January / 1;
    LocalTime result;
    result.year = static_cast<int>(ymd.year());
    result.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
    result.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
    result.day_of_year = static_cast<int>((day - new_year).count());
    result.weekday = static_cast<int>(date::weekday{day}.iso_encoding()) - 1;
    result.half_hour = static_cast<int>((local - day).count() / kSlotSeconds);
    result.holiday = is_public_holiday(zone.country, result.year, result.month, result.day);
    return result;
}

bool is_off_hours(const LocalTime& local) {
    return local.half_hour < 16 || local.half_hour >= 36 || local.weekday >= 5 || local.holiday;
}

std::string format_utc(int64_t unix_seconds) {
    const date::sys_seconds time{std::chrono::seconds(unix_seconds)};
    const auto day = date::floor<date::days>(time);
    const date::year_month_day ymd{day};
    const int64_t rest = (time - day).count();
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(ymd.year()),
                       static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                       rest / 3600, rest / 60 % 60, rest % 60);
}

std::optional<int64_t> parse_utc(std::string_view text) {
    constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
    if (text.size() != kForm.size()) return std::nullopt;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return std::nullopt;
    }
    const auto number = [&](size_t at, size_t length) {
        int value = 0;
        std::from_chars(text.data() + at, text.data() + at + length, value);
        return value;
    };
    const date::year_month_day ymd{date::year(number(0, 4)),
                                   date::month(static_cast<unsigned>(number(5, 2))),
                                   date::day(static_cast<unsigned>(number(8, 2)))};
    const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (!ymd.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return date::sys_days(ymd).time_since_epoch().count() * int64_t{86400} + hour * 3600 +
           minute * 60 + second;
}

}  // namespace energy
