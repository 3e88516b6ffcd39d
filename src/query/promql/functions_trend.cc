// Rollups that fit a line or a smoothed trend to a window: deriv, predict_linear,
// double_exponential_smoothing. Linear in the samples of each window, since a fit is not slid: the sums of a
// regression whose origin moves lose digits.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#deriv
#include <cmath>

#include "promql/rollup.h"

namespace kw::promql {
namespace {

struct Line {
    double slope = 0;
    double intercept = 0;
};

// Least squares over the window; x is seconds since `origin_ms`. At least two samples.
Line fit(const RollupInput& in, Window window, int64_t origin_ms) {
    const double first = in.values[window.begin];
    bool is_constant = true;
    CompensatedSum x_sum;
    CompensatedSum y_sum;
    CompensatedSum xy_sum;
    CompensatedSum xx_sum;
    for (uint32_t i = window.begin; i < window.end; ++i) {
        const double y = in.values[i];
        if (i > window.begin && y != first) is_constant = false;
        const double x = static_cast<double>(in.times[i] - origin_ms) / 1e3;
        x_sum.add(x);
        y_sum.add(y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    if (is_constant) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        return std::isinf(first) ? Line{nan, nan} : Line{0, first};
    }
    const double n = window.size();
    const double sx = x_sum.sum + x_sum.lost;
    const double sy = y_sum.sum + y_sum.lost;
    const double covariance = (xy_sum.sum + xy_sum.lost) - sx * sy / n;
    const double variance = (xx_sum.sum + xx_sum.lost) - sx * sx / n;
    const double slope = covariance / variance;
    return {slope, sy / n - slope * sx / n};
}

}  // namespace

void deriv_over(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 2, [&](Window window, size_t) {
        return fit(in, window, in.times[window.begin]).slope;
    });
}

void predict_linear_over(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 2, [&](Window window, size_t step) {
        const Line line = fit(in, window, in.grid.at(step).count);
        return line.slope * in.params[0][step] + line.intercept;
    });
}

void double_exponential_smoothing_over(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 2, [&](Window window, size_t step) {
        const double smoothing = in.params[0][step];
        const double trending = in.params[1][step];
        const double* values = in.values.data() + window.begin;
        double before = 0;
        double level = values[0];
        double trend = values[1] - values[0];
        for (uint32_t i = 1; i < window.size(); ++i) {
            if (i > 1) trend = trending * (level - before) + (1 - trending) * trend;
            const double next = smoothing * values[i] + (1 - smoothing) * (level + trend);
            before = level;
            level = next;
        }
        return level;
    });
}

}  // namespace kw::promql
