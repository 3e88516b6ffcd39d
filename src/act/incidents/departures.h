// How far a series left its usual band: the mean and the standard deviation of a baseline before the incident,
// against the values around its beginning. A counter is looked at as its rate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "incidents/timeline.h"
#include "model/labels.h"

namespace kw::incidents {

struct DepartureWindow {
    Millis baseline_to;  // exclusive; the baseline begins with the points
    Millis from;         // what is held against it begins here
    Millis began_at;
    std::optional<Millis> over_at;  // nullopt: it goes on
};

struct Departure {
    Millis at;  // the first value outside of the band
    std::string title;
    std::string query;
    double deviations = 0;  // of the furthest value, in standard deviations
    double mean = 0;        // of the baseline
    double deviation = 0;   // of the baseline
    double extreme = 0;     // the furthest value
    std::vector<PinnedPoint> points;
    Comparison comparison;

    double score() const;  // 0.3 to 0.85
    std::string detail() const;
};

// `points` ascending in time. nullopt: it stayed within its band, or the baseline is too short to have one.
std::optional<Departure> find_departure(const LabelSet& labels, std::vector<PinnedPoint> points,
                                        const DepartureWindow& window);

}  // namespace kw::incidents
