#include "incidents/departures.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace kw::incidents {
namespace {

constexpr size_t kBaselinePointsMin = 10;
constexpr double kDeviationsMin = 4;   // 1 value of 16 000 is so far out by chance
constexpr double kBandDeviations = 3;  // where the band ends
// A series that stands still has no deviation: a 50th of its size counts as one, so that leaving it by 8 % is seen.
constexpr double kRelativeDeviationMin = 0.02;

bool is_counter(std::string_view name) {
    return name.ends_with("_total") || name.ends_with("_count");
}

// Per second, at the later of two points; a restart counts from 0.
std::vector<PinnedPoint> rate_of(const std::vector<PinnedPoint>& points) {
    std::vector<PinnedPoint> rates;
    for (size_t i = 1; i < points.size(); ++i) {
        const double seconds = static_cast<double>(points[i].at - points[i - 1].at) / 1000;
        const double now = points[i].value;
        const double grown = now >= points[i - 1].value ? now - points[i - 1].value : now;
        rates.push_back({points[i].at, grown / seconds});
    }
    return rates;
}

struct Mean {
    double sum = 0;
    size_t count = 0;
    void add(double value) {
        sum += value;
        ++count;
    }
    double value() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

Comparison compare(const std::string& query, const std::vector<PinnedPoint>& points,
                   const DepartureWindow& window) {
    Mean before;
    Mean during;
    Mean after;
    for (const PinnedPoint& point : points) {
        if (point.at < window.from) {
            before.add(point.value);
        } else if (window.over_at && point.at >= *window.over_at) {
            after.add(point.value);
        } else if (point.at >= window.began_at) {
            during.add(point.value);
        }
    }
    return {query, before.value(), during.value(), after.count > 0, after.value()};
}

// Around the beginning, where it can be seen.
std::vector<PinnedPoint> pinned(const std::vector<PinnedPoint>& points, Millis at) {
    const auto middle =
        std::lower_bound(points.begin(), points.end(), at,
                         [](const PinnedPoint& point, Millis t) { return point.at < t; });
    const auto index = static_cast<size_t>(middle - points.begin());
    const size_t first = index > kPinnedPointsMax / 2 ? index - kPinnedPointsMax / 2 : 0;
    const size_t last = std::min(points.size(), first + kPinnedPointsMax);
    return {points.begin() + static_cast<ptrdiff_t>(first),
            points.begin() + static_cast<ptrdiff_t>(last)};
}

std::string short_number(double value) { return fmt::format("{:.4g}", value); }

}  // namespace

double Departure::score() const { return 0.3 + 0.55 * (1 - std::exp(-deviations / 15)); }

std::string Departure::detail() const {
    return fmt::format("{} instead of {} to {}: {:.0f} standard deviations from the mean before",
                       short_number(extreme), short_number(mean - kBandDeviations * deviation),
                       short_number(mean + kBandDeviations * deviation), deviations);
}

std::optional<Departure> find_departure(const LabelSet& labels, std::vector<PinnedPoint> points,
                                        const DepartureWindow& window) {
    const bool counts = is_counter(labels.metric_name());
    std::erase_if(points, [](const PinnedPoint& point) { return !std::isfinite(point.value); });
    if (counts) points = rate_of(points);
    Mean mean;
    for (const PinnedPoint& point : points) {
        if (point.at < window.baseline_to) mean.add(point.value);
    }
    if (mean.count < kBaselinePointsMin) return std::nullopt;
    Mean squares;
    for (const PinnedPoint& point : points) {
        if (point.at >= window.baseline_to) break;
        squares.add((point.value - mean.value()) * (point.value - mean.value()));
    }
    Departure departure;
    departure.mean = mean.value();
    // A step from nothing is a departure too; its size is measured by itself.
    const double size = std::abs(departure.mean);
    departure.deviation = std::max(std::sqrt(squares.value()), kRelativeDeviationMin * size);
    bool is_found = false;
    for (const PinnedPoint& point : points) {
        if (point.at < window.from) continue;
        if (window.over_at && point.at > *window.over_at) break;
        const double distance = std::abs(point.value - departure.mean);
        const double unit = departure.deviation > 0 ? departure.deviation
                                                    : kRelativeDeviationMin * std::abs(point.value);
        if (unit == 0) continue;
        const double deviations = distance / unit;
        if (deviations >= kBandDeviations && !is_found) {
            is_found = true;
            departure.at = point.at;
        }
        if (deviations > departure.deviations) {
            departure.deviations = deviations;
            departure.extreme = point.value;
        }
    }
    if (!is_found || departure.deviations < kDeviationsMin) return std::nullopt;
    departure.query = counts ? fmt::format("rate({}[5m])", labels.to_string()) : labels.to_string();
    departure.title = fmt::format("{} left its usual band", labels.metric_name());
    departure.points = pinned(points, departure.at);
    departure.comparison = compare(departure.query, points, window);
    return departure;
}

}  // namespace kw::incidents
