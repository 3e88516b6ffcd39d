// Reads a CSV of real load into a LoadSeries (world.h). The columns may stand in any order; Date and Holiday are
// accepted and not needed, since the zone's calendar says both.
#include <fmt/core.h>

#include <array>
#include <charconv>

#include "world/world.h"

namespace energy {
namespace {

constexpr size_t kRowsMax = 2'000'000;  // 114 years
constexpr size_t kColumnsMax = 16;

struct Columns {
    std::array<std::string_view, kColumnsMax> fields;
    size_t count = 0;
};

// Fields of a line without quotes: none of the columns needs them.
kw::Result<Columns> split(std::string_view line, size_t number) {
    Columns columns;
    while (true) {
        if (columns.count == kColumnsMax)
            return kw::invalid("line {}: over {} columns", number, kColumnsMax);
        const size_t comma = line.find(',');
        columns.fields[columns.count++] = line.substr(0, comma);
        if (comma == std::string_view::npos) return columns;
        line.remove_prefix(comma + 1);
    }
}

kw::Result<double> number_of(std::string_view text, std::string_view column, size_t line) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value != value || value > 1e9 ||
        value < -1e9)
        return kw::invalid("line {}: {} '{}', want a number within 1e9", line, column,
                           text.substr(0, 40));
    return value;
}

}  // namespace

kw::Result<LoadSeries> parse_load_csv(std::string_view text) {
    LoadSeries series;
    std::array<size_t, 3> place{kColumnsMax, kColumnsMax, kColumnsMax};
    constexpr std::array<std::string_view, 3> kNames{"Time", "Demand", "Temperature"};
    size_t number = 0, columns_want = 0;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        KW_TRY_ASSIGN(const Columns columns, split(line, number));
        if (columns_want == 0) {
            columns_want = columns.count;
            for (size_t i = 0; i < columns.count; ++i)
                for (size_t k = 0; k < kNames.size(); ++k)
                    if (columns.fields[i] == kNames[k]) place[k] = i;
            for (size_t k = 0; k < kNames.size(); ++k)
                if (place[k] == kColumnsMax)
                    return kw::invalid(
                        "line {}: no column {}; want Time,Demand,Temperature,Date,Holiday", number,
                        kNames[k]);
            continue;
        }
        if (columns.count != columns_want)
            return kw::invalid("line {}: {} columns, want {}", number, columns.count, columns_want);
        if (series.demand_mw.size() == kRowsMax)
            return kw::invalid("line {}: over {} rows", number, kRowsMax);
        const std::string_view time = columns.fields[place[0]];
        const std::optional<int64_t> seconds = parse_utc(time);
        if (!seconds || *seconds % kSlotSeconds != 0)
            return kw::invalid("line {}: Time '{}', want a half-hour like 2026-01-31T13:30:00Z",
                               number, time.substr(0, 40));
        const Slot slot = slot_of(*seconds);
        if (series.demand_mw.empty()) series.first = slot;
        if (slot != series.first + static_cast<Slot>(series.demand_mw.size()))
            return kw::invalid("line {}: {} does not follow the half-hour before; fill the gap",
                               number, time);
        KW_TRY_ASSIGN(const double demand, number_of(columns.fields[place[1]], "Demand", number));
        KW_TRY_ASSIGN(const double temperature,
                      number_of(columns.fields[place[2]], "Temperature", number));
        series.demand_mw.push_back(demand);
        series.temperature_c.push_back(temperature);
    }
    if (series.demand_mw.size() < 2 * kSlotsPerWeek)
        return kw::invalid("{} rows; want two weeks ({}) or more", series.demand_mw.size(),
                           2 * kSlotsPerWeek);
    return series;
}

}  // namespace energy
