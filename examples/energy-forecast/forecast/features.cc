#include "forecast/features.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace energy {
namespace {

constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

float at(const std::vector<float>& values, Slot first, Slot slot) {
    const Slot index = slot - first;
    return index >= 0 && index < static_cast<Slot>(values.size())
               ? values[static_cast<size_t>(index)]
               : kAbsent;
}

// The newest known load and the slot it belongs to: readings come late one by one, so look back a few slots.
struct Latest {
    Slot slot;
    float load;
};
Latest latest_known(const History& history, Slot last) {
    for (Slot slot = last; slot > last - 8; --slot)
        if (const float load = history.load_at(slot); !std::isnan(load)) return {slot, load};
    return {last, kAbsent};
}

float mean_of_day(const History& history, Slot last) {
    double sum = 0;
    int count = 0;
    for (Slot slot = last - kSlotsPerDay + 1; slot <= last; ++slot) {
        const float load = history.load_at(slot);
        if (std::isnan(load)) continue;
        sum += load;
        ++count;
    }
    return count == 0 ? kAbsent : static_cast<float>(sum / count);
}

}  // namespace

float baseline(const FeatureRow& row) {
    constexpr size_t kSameTime = 9, kLastWeek = 10;
    static_assert(kFeatureNames[kSameTime] == "load_same_time" &&
                  kFeatureNames[kLastWeek] == "load_last_week");
    for (const size_t feature : {kLastWeek, kSameTime})
        if (row[feature] > 0) return row[feature];  // false for NaN
    return 1;
}

float History::load_at(Slot slot) const { return at(load_mw, first, slot); }
float History::temperature_at(Slot slot) const { return at(temperature_c, first, slot); }

FeatureRow feature_row(const History& history, Slot issued, int step, float temperature_c) {
    const Zone& zone = zones()[history.zone];
    const Slot target = issued + step, last_known = issued - kKnownDelay;
    const Slot days_back = (target - last_known + kSlotsPerDay - 1) / kSlotsPerDay;
    const Slot same_time = target - days_back * kSlotsPerDay;
    const LocalTime local = local_time(zone, target), before = local_time(zone, same_time);
    const double angle = 2 * std::numbers::pi * local.day_of_year / 365.25;
    const auto scale = static_cast<float>(history.scale_mw);
    const Latest latest = latest_known(history, last_known);
    return {static_cast<float>(step),
            static_cast<float>(local.half_hour),
            static_cast<float>(local.weekday),
            local.holiday ? 1.0F : 0.0F,
            static_cast<float>(std::sin(angle)),
            static_cast<float>(std::cos(angle)),
            temperature_c,
            std::max(0.0F, 16 - temperature_c),
            std::max(0.0F, temperature_c - 22),
            history.load_at(same_time) / scale,
            history.load_at(target - kSlotsPerWeek) / scale,
            mean_of_day(history, last_known) / scale,
            latest.load / scale,
            latest.load / history.load_at(latest.slot - kSlotsPerWeek),
            temperature_c - history.temperature_at(same_time),
            temperature_c - history.temperature_at(target - kSlotsPerWeek),
            before.holiday ? 1.0F : 0.0F,
            local_time(zone, target - kSlotsPerWeek).holiday ? 1.0F : 0.0F,
            static_cast<float>(history.zone)};
}

}  // namespace energy
