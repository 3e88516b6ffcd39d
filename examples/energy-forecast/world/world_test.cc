#include <gtest/gtest.h>

#include "platform/text_file.h"
#include "world/world.h"

namespace energy {
namespace {

TEST(Zone, SeesClockChanges) {
    const Zone& berlin = zones()[*zone_index("berlin")];
    struct Row {
        const char* utc;
        int half_hour, day;
    };
    const Row rows[] = {
        {"2026-03-29T00:30:00Z", 3, 29},  // 01:30, the last half-hour of winter time
        {"2026-03-29T01:00:00Z", 6, 29},  // 03:00: two to three does not exist
        {"2026-10-25T00:30:00Z", 5, 25},  // 02:30 in summer time
        {"2026-10-25T01:30:00Z", 5, 25},  // 02:30 again
        {"2026-12-31T23:00:00Z", 0, 1},   // the next year already
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.utc);
        const LocalTime local = local_time(berlin, slot_of(*parse_utc(row.utc)));
        EXPECT_EQ(local.half_hour, row.half_hour);
        EXPECT_EQ(local.day, row.day);
    }
}

TEST(Zone, KnowsHolidays) {
    struct Row {
        Country country;
        int year, month, day;
        bool want;
    };
    const Row rows[] = {
        {Country::kGermany, 2026, 4, 3, true},  // Good Friday
        {Country::kGermany, 2026, 4, 6, true},  // Easter Monday
        {Country::kPortugal, 2026, 4, 6, false},
        {Country::kUnitedStates, 2026, 11, 26, true},  // Thanksgiving
        {Country::kUnitedStates, 2026, 11, 19, false},
        {Country::kAustralia, 2027, 1, 26, true},
        {Country::kGermany, 2027, 1, 26, false},
        {Country::kPortugal, 2027, 12, 25, true},
    };
    for (const Row& row : rows)
        EXPECT_EQ(is_public_holiday(row.country, row.year, row.month, row.day), row.want)
            << row.year << "-" << row.month << "-" << row.day;
}

TEST(Zone, SomebodyIsAlwaysInTheNight) {
    for (Slot slot = 990'000; slot < 990'000 + 2 * kSlotsPerWeek; ++slot) {
        bool off = false;
        for (const Zone& zone : zones()) off = off || is_off_hours(local_time(zone, slot));
        EXPECT_TRUE(off) << slot;
    }
}

TEST(Utc, RoundTripsAndRejects) {
    for (const int64_t seconds : {int64_t{0}, int64_t{1'767'225'600}, int64_t{951'782'399}})
        EXPECT_EQ(parse_utc(format_utc(seconds)), seconds);
    for (const char* text :
         {"", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z",
          "2026-01-31T13:30:00+01", "2026-01-31 13:30:00Z", "x026-01-31T13:30:00Z"})
        EXPECT_EQ(parse_utc(text), std::nullopt) << text;
}

TEST(World, IsAFunctionOfSeedZoneAndSlot) {
    const World one(1), same(1), other(2);
    EXPECT_EQ(one.demand_mw(0, 990'123), same.demand_mw(0, 990'123));
    EXPECT_NE(one.demand_mw(0, 990'123), other.demand_mw(0, 990'123));
}

TEST(World, HasDaysWeeksSeasonsAndHeatWaves) {
    const World world(1);
    const size_t berlin = *zone_index("berlin"), melbourne = *zone_index("melbourne");
    const auto mean = [&](const auto& value, Slot from, Slot count) {
        double sum = 0;
        for (Slot slot = from; slot < from + count; ++slot) sum += value(slot);
        return sum / static_cast<double>(count);
    };
    const Slot january = slot_of(*parse_utc("2026-01-01T00:00:00Z")),
               july = slot_of(*parse_utc("2026-07-01T00:00:00Z"));
    const auto berlin_degrees = [&](Slot slot) { return world.temperature_c(berlin, slot); };
    const auto melbourne_degrees = [&](Slot slot) { return world.temperature_c(melbourne, slot); };
    EXPECT_GT(mean(berlin_degrees, july, 1440), mean(berlin_degrees, january, 1440) + 10);
    EXPECT_GT(mean(melbourne_degrees, january, 1440), mean(melbourne_degrees, july, 1440) + 5);
    // A Sunday is below the Wednesday before; 04:00 is below 18:00.
    const auto load = [&](Slot slot) { return world.demand_mw(berlin, slot); };
    const Slot wednesday = slot_of(*parse_utc("2026-06-09T22:00:00Z"));
    EXPECT_LT(mean(load, wednesday + 4 * kSlotsPerDay, kSlotsPerDay),
              mean(load, wednesday, kSlotsPerDay) * 0.95);
    EXPECT_LT(load(wednesday + 8), load(wednesday + 36) * 0.8);
    // Some summer day of ten years is hotter than the seasons alone allow.
    double hottest = 0;
    for (Slot slot = january; slot < january + 3650 * kSlotsPerDay; slot += 12)
        hottest = std::max(hottest, world.temperature_c(melbourne, slot));
    EXPECT_GT(hottest, 34);
    EXPECT_LT(hottest, 50);
}

TEST(World, ReadingsAreLateAndSometimesRevised) {
    const World world(1);
    int revised = 0;
    for (Slot slot = 990'000; slot < 992'000; ++slot) {
        const std::vector<Reading> readings = world.readings(1, slot);
        ASSERT_FALSE(readings.empty());
        EXPECT_GT(readings[0].arrival, slot);
        EXPECT_LE(readings[0].arrival, slot + kArrivalDelayMax);
        EXPECT_EQ(readings.back().demand_mw, world.demand_mw(1, slot));
        if (readings.size() == 2) {
            ++revised;
            EXPECT_GT(readings[1].arrival, readings[0].arrival);
            EXPECT_EQ(readings[1].revision, 1);
        }
    }
    EXPECT_GT(revised, 60);  // one in 16 of 2000 is 125
    EXPECT_LT(revised, 250);
}

TEST(World, WeatherForecastsGrowWorseWithDistance) {
    const World world(1);
    double near = 0, far = 0;
    for (Slot slot = 990'000; slot < 991'000; ++slot) {
        near += std::abs(world.forecast_temperature_c(1, slot, slot + 1) -
                         world.temperature_c(1, slot + 1));
        far += std::abs(world.forecast_temperature_c(1, slot, slot + 48) -
                        world.temperature_c(1, slot + 48));
    }
    EXPECT_GT(near, 100);
    EXPECT_GT(far, near * 2);
}

TEST(World, UsersSleepAtNight) {
    const Slot monday = slot_of(*parse_utc("2026-06-08T00:00:00Z"));  // 02:00 in Berlin
    const size_t berlin = *zone_index("berlin");
    EXPECT_LT(World::traffic(berlin, monday), World::traffic(berlin, monday + 14) / 4);
    double sum = 0;
    for (Slot slot = monday; slot < monday + kSlotsPerDay; ++slot)
        sum += World::traffic(berlin, slot);
    EXPECT_NEAR(sum / kSlotsPerDay, 1, 0.15);
}

std::string csv(size_t rows, std::string_view header = "Time,Demand,Temperature,Date,Holiday\n") {
    std::string text(header);
    for (size_t i = 0; i < rows; ++i)
        text += format_utc(static_cast<int64_t>(i) * kSlotSeconds) + "," + std::to_string(i) +
                ",20.5,1970-01-01,FALSE\n";
    return text;
}

TEST(LoadCsv, StandsInForAZoneAndRepeatsByWeeks) {
    kw::Result<LoadSeries> series = parse_load_csv(csv(700));
    ASSERT_TRUE(series.ok()) << series.error().message;
    World world(1);
    world.replace_zone(2, *series);
    EXPECT_EQ(world.demand_mw(2, 10), 10);
    EXPECT_EQ(world.demand_mw(2, 10 + 672), 10);   // 700 rows are two whole weeks
    EXPECT_EQ(world.demand_mw(2, 10 - 1344), 10);  // before its beginning, too
    EXPECT_EQ(world.temperature_c(2, 3), 20.5);
}

TEST(LoadCsv, ReadsTheOneThatIsShipped) {
    const kw::Result<std::string> text =
        read_file(std::string(ENERGY_SHARE) + "/data/melbourne.csv");
    ASSERT_TRUE(text.ok()) << text.error().message;
    const kw::Result<LoadSeries> series = parse_load_csv(*text);
    ASSERT_TRUE(series.ok()) << series.error().message;
    EXPECT_EQ(series->demand_mw.size(), 35U * kSlotsPerDay);
    const World world(1);  // the generator that made it
    EXPECT_NEAR(series->demand_mw[100],
                world.demand_mw(*zone_index("melbourne"), series->first + 100), 0.001);
}

TEST(LoadCsv, SaysWhatIsWrongAndWhere) {
    struct Row {
        std::string text;
        const char* want;
    };
    const Row rows[] = {
        {"", "0 rows"},
        {csv(3), "3 rows"},
        {csv(700, "Time,Load,Temperature\n"), "line 1: no column Demand"},
        {csv(2) + "1970-01-01T02:00:00Z,1,1,d,h\n", "line 4: 1970-01-01T02:00:00Z does not follow"},
        {csv(2) + "1970-01-01T01:10:00Z,1,1,d,h\n", "line 4: Time '1970-01-01T01:10:00Z'"},
        {csv(2) + "1970-01-01T01:00:00Z,many,1,d,h\n", "line 4: Demand 'many'"},
        {csv(2) + "1970-01-01T01:00:00Z,nan,1,d,h\n", "line 4: Demand 'nan'"},
        {csv(2) + "1970-01-01T01:00:00Z,1\n", "line 4: 2 columns, want 5"},
        {"Time,Demand,Temperature,,,,,,,,,,,,,,,,,\n", "line 1: over 16 columns"},
    };
    for (const Row& row : rows) {
        const kw::Result<LoadSeries> series = parse_load_csv(row.text);
        ASSERT_FALSE(series.ok()) << row.want;
        EXPECT_NE(series.error().message.find(row.want), std::string::npos)
            << series.error().message;
    }
}

}  // namespace
}  // namespace energy
