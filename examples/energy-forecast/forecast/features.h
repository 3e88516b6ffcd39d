// What the model looks at for one half-hour of a day-ahead forecast, and nothing that is not known at issue time.
//
//   issued ── the last slot whose load may be known: issued − kKnownDelay
//      │
//      └─ step 1 … 48: target = issued + step; its temperature is the weather service's forecast
//
// A lagged load is taken a whole number of days before the target, the fewest for which it is known at issue
// time: one day for the first steps, two for the rest. features_test proves that no value after the last known
// slot changes a row. Loads are in units of the zone's scale, so that zones share one model; absent is NaN, which
// XGBoost handles by itself.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "world/world.h"

namespace energy {

inline constexpr int kSteps = 48;
inline constexpr Slot kKnownDelay = kArrivalDelayMax + 1;
inline constexpr Slot kHistorySlots =
    kSlotsPerWeek + 2 * kSlotsPerDay;  // that a row may look back on

inline constexpr std::array<std::string_view, 19> kFeatureNames{"step",
                                                                "half_hour",
                                                                "weekday",
                                                                "holiday",
                                                                "season_sin",
                                                                "season_cos",
                                                                "temperature",
                                                                "heating_degrees",
                                                                "cooling_degrees",
                                                                "load_same_time",
                                                                "load_last_week",
                                                                "load_day_mean",
                                                                "load_latest",
                                                                "load_latest_week_ratio",
                                                                "temperature_change",
                                                                "temperature_week_change",
                                                                "holiday_before",
                                                                "holiday_last_week",
                                                                "zone"};
inline constexpr size_t kFeatureCount = kFeatureNames.size();
using FeatureRow = std::array<float, kFeatureCount>;

// The past of one zone without a gap from `first`; NaN where nothing is known.
struct History {
    size_t zone = 0;
    double scale_mw = 1;
    Slot first = 0;
    std::vector<float> load_mw;
    std::vector<float> temperature_c;

    float load_at(Slot slot) const;
    float temperature_at(Slot slot) const;
};

// What the model corrects instead of starting from nothing: last week's load at the same time, in units of the zone's
// scale; the day's where that is not known, the mean of the zone where neither is.
float baseline(const FeatureRow& row);

// `temperature_c` is the forecast for the target, issued at `issued`. step is 1 to kSteps.
FeatureRow feature_row(const History& history, Slot issued, int step, float temperature_c);

}  // namespace energy
