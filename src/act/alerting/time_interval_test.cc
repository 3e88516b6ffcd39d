// Time intervals: what is read of them, and which instants they hold.
#include "alerting/time_interval.h"

#include <gtest/gtest.h>

#include <optional>

namespace kw::alerting {
namespace {

std::optional<IntRange> value_of(const Result<IntRange>& parsed) {
    return parsed.ok() ? std::optional(*parsed) : std::nullopt;
}

TEST(TimeInterval, RangesAreRead) {
    struct Row {
        Result<IntRange> (*parse)(std::string_view);
        std::string_view text;
        std::optional<IntRange> want;
    };
    const Row rows[] = {
        {parse_weekdays, "monday:friday", IntRange{1, 5}},
        {parse_weekdays, "Sunday", IntRange{0, 0}},
        {parse_weekdays, "friday:monday", {}},
        {parse_weekdays, "mon", {}},
        {parse_days_of_month, "1:5", IntRange{1, 5}},
        {parse_days_of_month, "-3:-1", IntRange{-3, -1}},
        {parse_days_of_month, "15:-1", IntRange{15, -1}},
        {parse_days_of_month, "-3:3", {}},
        {parse_days_of_month, "0", {}},
        {parse_days_of_month, "32", {}},
        {parse_days_of_month, "5:1", {}},
        {parse_months, "january:3", IntRange{1, 3}},
        {parse_months, "December", IntRange{12, 12}},
        {parse_months, "13", {}},
        {parse_months, "may:march", {}},
        {parse_years, "2026:2028", IntRange{2026, 2028}},
        {parse_years, "2028:2026", {}},
        {parse_years, "", {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(value_of(row.parse(row.text)), row.want);
    }
    EXPECT_EQ(value_of(parse_minutes("09:00", "24:00")), (IntRange{540, 1440}));
    EXPECT_FALSE(parse_minutes("17:00", "09:00").ok());
    EXPECT_FALSE(parse_minutes("9:00", "17:00").ok());
    EXPECT_FALSE(parse_minutes("24:01", "24:00").ok());
    EXPECT_TRUE(check_location("Europe/Berlin").ok());
    EXPECT_FALSE(check_location("Europe/Atlantis").ok());
}

constexpr int64_t kHourMs = 3'600'000;

TEST(TimePeriod, HoldsWhereAllListsDo) {
    TimePeriod office;
    office.minutes = {{540, 1020}};
    office.weekdays = {{1, 5}};
    const Millis friday_noon{1'772'798'400'000};  // 2026-03-06T12:00:00Z
    EXPECT_TRUE(office.contains(friday_noon));
    EXPECT_TRUE(office.contains(friday_noon - 3 * kHourMs));    // the start belongs to it
    EXPECT_FALSE(office.contains(friday_noon + 5 * kHourMs));   // the end does not
    EXPECT_FALSE(office.contains(friday_noon + 24 * kHourMs));  // Saturday
    office.months = {{4, 4}};
    EXPECT_FALSE(office.contains(friday_noon));
    office.months = {{1, 3}};
    office.years = {{2025, 2025}};
    EXPECT_FALSE(office.contains(friday_noon));
}

TEST(TimePeriod, CountsDaysFromTheMonthsEnd) {
    TimePeriod last_days;
    last_days.days_of_month = {{-2, -1}};
    const Millis february_28{1'772'236'800'000};  // 2026-02-28T00:00:00Z
    EXPECT_TRUE(last_days.contains(february_28));
    EXPECT_TRUE(last_days.contains(february_28 - 24 * kHourMs));
    EXPECT_FALSE(last_days.contains(february_28 - 48 * kHourMs));
    EXPECT_FALSE(last_days.contains(february_28 + 24 * kHourMs));
    TimePeriod from_30;
    from_30.days_of_month = {{30, 31}};
    EXPECT_FALSE(from_30.contains(february_28));
}

TEST(TimePeriod, IsInLocalTimeOfItsPlace) {
    TimePeriod morning;
    morning.minutes = {{480, 540}};
    morning.location = "Europe/Berlin";
    // 08:30 in Berlin: 07:30 UTC in winter, 06:30 UTC in summer.
    EXPECT_TRUE(morning.contains(Millis{1'768'462'200'000}));   // 2026-01-15T07:30:00Z
    EXPECT_FALSE(morning.contains(Millis{1'784'100'600'000}));  // 2026-07-15T07:30:00Z
    EXPECT_TRUE(morning.contains(Millis{1'784'097'000'000}));   // 2026-07-15T06:30:00Z
}

}  // namespace
}  // namespace kw::alerting
