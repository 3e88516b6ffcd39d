#include "alerting/time_interval.h"

#include <date/date.h>
#include <date/tz.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <span>

#include "model/labels.h"

namespace kw::alerting {
namespace {

constexpr std::string_view kWeekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                          "thursday", "friday", "saturday"};
constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::optional<int> parse_number(std::string_view text) {
    int value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

std::optional<int> place_in(std::span<const std::string_view> names, std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), lower(name));
    if (found == names.end()) return {};
    return static_cast<int>(found - names.begin());
}

// "a:b", or "a" for "a:a". `read` gives nullopt for what is none.
template <typename Read>
Result<IntRange> parse_range(std::string_view text, std::string_view what, const Read& read) {
    const size_t colon = text.find(':');
    const std::string_view first = text.substr(0, colon);
    const std::string_view second =
        colon == std::string_view::npos ? first : text.substr(colon + 1);
    const std::optional<int> begin = read(first);
    const std::optional<int> end = read(second);
    if (!begin || !end) return invalid("{} is not {}", kw::quoted(text), what);
    return IntRange{*begin, *end};
}

// Minutes since midnight of "HH:MM".
std::optional<int> parse_clock(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return {};
    const std::optional<int> hours = parse_number(text.substr(0, 2));
    const std::optional<int> minutes = parse_number(text.substr(3, 2));
    if (!hours || !minutes || *hours < 0 || *minutes < 0 || *minutes > 59) return {};
    if (*hours > 23 && !(*hours == 24 && *minutes == 0)) return {};
    return *hours * 60 + *minutes;
}

// The moment in local time: what the lists are held against.
struct LocalTime {
    int minute = 0;
    int weekday = 0;
    int day = 0;
    int days_in_month = 0;
    int month = 0;
    int year = 0;
};

LocalTime local_time(Millis instant, const std::string& location) {
    const date::sys_time<std::chrono::milliseconds> utc{std::chrono::milliseconds(instant.count)};
    std::chrono::milliseconds since_epoch = utc.time_since_epoch();
    if (!location.empty()) {
        const date::time_zone* const zone =
            location == "Local" ? date::current_zone() : date::locate_zone(location);
        since_epoch = zone->to_local(utc).time_since_epoch();
    }
    const date::sys_time<std::chrono::milliseconds> local{since_epoch};
    const date::sys_days day = date::floor<date::days>(local);
    const date::year_month_day civil{day};
    const date::year_month_day_last last{civil.year(), date::month_day_last{civil.month()}};
    LocalTime out;
    out.minute =
        static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(local - day).count());
    out.weekday = static_cast<int>(date::weekday{day}.c_encoding());
    out.day = static_cast<int>(static_cast<unsigned>(civil.day()));
    out.days_in_month = static_cast<int>(static_cast<unsigned>(last.day()));
    out.month = static_cast<int>(static_cast<unsigned>(civil.month()));
    out.year = static_cast<int>(civil.year());
    return out;
}

bool holds(const std::vector<IntRange>& ranges, int value) {
    return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const IntRange& range) {
               return value >= range.begin && value <= range.end;
           });
}

bool holds_day(const std::vector<IntRange>& ranges, const LocalTime& time) {
    const auto counted = [&](int day) { return day < 0 ? time.days_in_month + day + 1 : day; };
    return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const IntRange& range) {
               return time.day >= counted(range.begin) && time.day <= counted(range.end);
           });
}

}  // namespace

bool TimePeriod::contains(Millis instant) const {
    const LocalTime time = local_time(instant, location);
    const bool in_minutes =
        minutes.empty() || std::any_of(minutes.begin(), minutes.end(), [&](const IntRange& range) {
            return time.minute >= range.begin && time.minute < range.end;
        });
    return in_minutes && holds_day(days_of_month, time) && holds(months, time.month) &&
           holds(weekdays, time.weekday) && holds(years, time.year);
}

bool TimeInterval::contains(Millis instant) const {
    return std::any_of(periods.begin(), periods.end(),
                       [&](const TimePeriod& period) { return period.contains(instant); });
}

Result<IntRange> parse_minutes(std::string_view start, std::string_view end) {
    const std::optional<int> begin = parse_clock(start);
    if (!begin) return invalid("{} is not a time of day; write HH:MM", kw::quoted(start));
    const std::optional<int> stop = parse_clock(end);
    if (!stop) return invalid("{} is not a time of day; write HH:MM", kw::quoted(end));
    if (*begin >= *stop) {
        return invalid("start_time {} is not before end_time {}; split it at 24:00", start, end);
    }
    return IntRange{*begin, *stop};
}

Result<IntRange> parse_weekdays(std::string_view text) {
    KW_TRY_ASSIGN(const IntRange range,
                  parse_range(text, "a day of the week (sunday … saturday) or a range of them",
                              [](std::string_view name) { return place_in(kWeekdays, name); }));
    if (range.begin > range.end) {
        return invalid("{} ends before it starts: weeks begin on Sunday; write two ranges",
                       kw::quoted(text));
    }
    return range;
}

Result<IntRange> parse_days_of_month(std::string_view text) {
    KW_TRY_ASSIGN(const IntRange range,
                  parse_range(text, "a day of the month (1 to 31, -31 to -1) or a range of them",
                              [](std::string_view day) -> std::optional<int> {
                                  const std::optional<int> number = parse_number(day);
                                  if (!number || *number == 0 || *number < -31 || *number > 31)
                                      return {};
                                  return number;
                              }));
    if (range.begin < 0 && range.end > 0) {
        return invalid("{} starts from the month's end; end it there too", kw::quoted(text));
    }
    // Months have different lengths: only what is wrong in all of them is refused.
    const auto counted = [](int day) { return day < 0 ? 30 + day : day; };
    if (counted(range.begin) > counted(range.end)) {
        return invalid("{} ends before it starts", kw::quoted(text));
    }
    return range;
}

Result<IntRange> parse_months(std::string_view text) {
    KW_TRY_ASSIGN(const IntRange range,
                  parse_range(text, "a month (january … december, 1 to 12) or a range of them",
                              [](std::string_view month) -> std::optional<int> {
                                  if (const std::optional<int> place = place_in(kMonths, month);
                                      place)
                                      return *place + 1;
                                  const std::optional<int> number = parse_number(month);
                                  if (!number || *number < 1 || *number > 12) return {};
                                  return number;
                              }));
    if (range.begin > range.end) {
        return invalid("{} ends before it starts; write two ranges", kw::quoted(text));
    }
    return range;
}

Result<IntRange> parse_years(std::string_view text) {
    KW_TRY_ASSIGN(const IntRange range,
                  parse_range(text, "a year or a range of years",
                              [](std::string_view year) { return parse_number(year); }));
    if (range.begin > range.end) return invalid("{} ends before it starts", kw::quoted(text));
    return range;
}

Result<void> check_location(std::string_view name) {
    if (name.empty() || name == "Local") return {};
    try {
        (void)date::locate_zone(std::string(name));
        return {};
    } catch (const std::exception&) {
        return invalid("{} is not a time zone; write one as Europe/Berlin", kw::quoted(name));
    }
}

}  // namespace kw::alerting
