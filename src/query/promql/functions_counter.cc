// Rollups of how a series moves: rate, increase, delta and their instant forms, changes and resets.
//
// rate, increase and delta extrapolate from the samples seen to the ends of the window: all the way where the
// nearest sample is closer than 1.1 times the average distance between samples, else by half of it; a
// counter never below zero.
// A counter whose start timestamp lies in the window is known from there on: it began at zero, and nothing is
// extrapolated.
// A counter's restarts are found once a series; each window then adds what the restarts in it lost, in order, so
// that a window costs its restarts and not its samples.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
#include <cmath>

#include "promql/rollup.h"

namespace kw::promql {
namespace {

enum class CounterKind : unsigned char { kRate, kIncrease, kDelta };

bool restarted(const RollupInput& in, uint32_t i) {
    return in.values[i] < in.values[i - 1] || start_says_restart(in, i);
}

double extrapolated(const RollupInput& in, Window window, size_t step, double difference,
                    CounterKind kind) {
    return difference * extrapolation(in, window, step, in.values[window.begin], difference,
                                      kind != CounterKind::kDelta, kind == CounterKind::kRate);
}

void counter_over(const RollupInput& in, std::span<double> out, CounterKind kind) {
    std::vector<uint32_t>& restarts = in.scratch.indexes;
    restarts.clear();
    for (uint32_t i = 1; i < in.values.size(); ++i) {
        if (restarted(in, i)) restarts.push_back(i);
    }
    size_t first_restart = 0;  // the first in the window, the window's first sample not counting
    each_window(in, out, in.starts.empty() ? 2 : 1, [&](Window window, size_t step) {
        const bool from_zero = begins_inside(in, window, step);
        if (window.size() < 2 && !from_zero) return kAbsent;
        while (first_restart < restarts.size() && restarts[first_restart] <= window.begin)
            ++first_restart;
        double difference = in.values[window.end - 1] - in.values[window.begin];
        for (size_t r = first_restart; r < restarts.size() && restarts[r] < window.end; ++r) {
            difference += in.values[restarts[r] - 1];
        }
        if (!from_zero) return extrapolated(in, window, step, difference, kind);
        difference += in.values[window.begin];
        return kind == CounterKind::kRate
                   ? difference / (static_cast<double>(in.range.range_ms) / 1000)
                   : difference;
    });
}

void instant_over(const RollupInput& in, std::span<double> out, bool is_rate) {
    each_window(in, out, 2, [&](Window window, size_t) {
        const uint32_t last = window.end - 1;
        const int64_t distance_ms = in.times[last] - in.times[last - 1];
        double difference = in.values[last] - in.values[last - 1];
        if (!is_rate) return difference;
        if (restarted(in, last)) difference = in.values[last];
        return difference / (static_cast<double>(distance_ms) / 1000);
    });
}

// How many samples of each window, its first left out, meet `is_event(i)`.
template <typename IsEvent>
void count_events(const RollupInput& in, std::span<double> out, IsEvent is_event) {
    std::vector<uint32_t>& before = in.scratch.indexes;  // events up to and with each sample
    before.resize(in.values.size());
    uint32_t count = 0;
    for (uint32_t i = 0; i < in.values.size(); ++i) {
        if (i > 0 && is_event(i)) ++count;
        before[i] = count;
    }
    each_window(in, out, 1, [&](Window window, size_t) {
        return static_cast<double>(before[window.end - 1] - before[window.begin]);
    });
}

}  // namespace

bool start_says_restart(const RollupInput& in, uint32_t i) {
    return !in.starts.empty() && in.starts[i] != kNoStart.count &&
           in.starts[i] >= in.times[i - 1] && in.starts[i] != in.times[i];
}

bool begins_inside(const RollupInput& in, Window window, size_t step) {
    if (in.starts.empty()) return false;
    const int64_t start = in.starts[window.begin];
    return start != kNoStart.count && start > in.range.left(step).count &&
           start < in.times[window.begin];
}

double extrapolation(const RollupInput& in, Window window, size_t step, double first,
                     double difference, bool is_counter, bool is_rate) {
    const int64_t first_ms = in.times[window.begin];
    const int64_t last_ms = in.times[window.end - 1];
    double to_start = static_cast<double>(first_ms - in.range.left(step).count) / 1000;
    double to_end = static_cast<double>(in.range.right(step).count - last_ms) / 1000;
    const double sampled = static_cast<double>(last_ms - first_ms) / 1000;
    const double average = sampled / (window.size() - 1);
    const double threshold = average * 1.1;

    if (to_start >= threshold) to_start = average / 2;
    if (is_counter && difference > 0 && first >= 0) {
        const double to_zero = sampled * (first / difference);
        if (to_zero < to_start) to_start = to_zero;
    }
    if (to_end >= threshold) to_end = average / 2;

    double factor = (sampled + to_start + to_end) / sampled;
    if (is_rate) factor /= static_cast<double>(in.range.range_ms) / 1000;
    return factor;
}

void rate_over(const RollupInput& in, std::span<double> out) {
    counter_over(in, out, CounterKind::kRate);
}

void increase_over(const RollupInput& in, std::span<double> out) {
    counter_over(in, out, CounterKind::kIncrease);
}

void delta_over(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 2, [&](Window window, size_t step) {
        const double difference = in.values[window.end - 1] - in.values[window.begin];
        return extrapolated(in, window, step, difference, CounterKind::kDelta);
    });
}

void irate_over(const RollupInput& in, std::span<double> out) { instant_over(in, out, true); }

void idelta_over(const RollupInput& in, std::span<double> out) { instant_over(in, out, false); }

void changes_over(const RollupInput& in, std::span<double> out) {
    count_events(in, out, [&](uint32_t i) {
        const double a = in.values[i - 1];
        const double b = in.values[i];
        return a != b && !(std::isnan(a) && std::isnan(b));
    });
}

void resets_over(const RollupInput& in, std::span<double> out) {
    count_events(in, out, [&](uint32_t i) { return in.values[i] < in.values[i - 1]; });
}

}  // namespace kw::promql
