// The *_over_time family: rollups that treat the samples of a window alike, whatever lies between them.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#aggregation_over_time
#include <algorithm>
#include <cmath>

#include "promql/rollup.h"

namespace kw::promql {
namespace {

// The smallest or greatest value; NaN only when there is nothing else.
template <typename Better>
struct Extreme {
    double value = std::numeric_limits<double>::quiet_NaN();
    void add(double v) {
        if (std::isnan(value) || Better{}(v, value)) value = v;
    }
    void add(const Extreme& other) {
        if (!std::isnan(other.value)) add(other.value);
    }
};

// Aggregates every window: straight through where windows hardly overlap, else sliding.
template <typename Aggregate, typename Finish>
void aggregate(const RollupInput& in, std::span<double> out, Finish finish) {
    if (overlaps_much(in)) {
        SlidingWindow<Aggregate> sliding(in.values);
        each_window(in, out, 1,
                    [&](Window window, size_t) { return finish(sliding.of(window), window); });
        return;
    }
    each_window(in, out, 1, [&](Window window, size_t) {
        Aggregate all;
        for (uint32_t i = window.begin; i < window.end; ++i) all.add(in.values[i]);
        return finish(all, window);
    });
}

double seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

// Time of the last of the best values.
template <typename Better>
void time_of_extreme(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1, [&](Window window, size_t) {
        uint32_t best = window.begin;
        for (uint32_t i = window.begin + 1; i < window.end; ++i) {
            if (std::isnan(in.values[best]) || !Better{}(in.values[best], in.values[i])) {
                if (!std::isnan(in.values[i]) || std::isnan(in.values[best])) best = i;
            }
        }
        return seconds(in.times[best]);
    });
}

}  // namespace

double quantile_of(double q, std::span<double> values) {
    if (values.empty() || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
    if (q < 0) return -std::numeric_limits<double>::infinity();
    if (q > 1) return std::numeric_limits<double>::infinity();
    std::sort(values.begin(), values.end(), [](double a, double b) {
        if (std::isnan(a)) return !std::isnan(b);
        return a < b;
    });
    const double n = static_cast<double>(values.size());
    const double rank = q * (n - 1);
    const double lower = std::max(0.0, std::floor(rank));
    const double upper = std::min(n - 1, lower + 1);
    const double weight = rank - std::floor(rank);
    return values[static_cast<size_t>(lower)] * (1 - weight) +
           values[static_cast<size_t>(upper)] * weight;
}

double mean_of(std::span<const double> values) {
    CompensatedSum sum;
    sum.sum = values[0];
    double count = 1;
    bool is_incremental = false;
    for (const double value : values.subspan(1)) {
        count += 1;
        if (!is_incremental) {
            CompensatedSum next = sum;
            next.add(value);
            if (!std::isinf(next.sum)) {
                sum = next;
                continue;
            }
            // The sum overflows: go on with the mean itself.
            is_incremental = true;
            sum.sum /= count - 1;
            sum.lost /= count - 1;
        }
        const double share = (count - 1) / count;
        sum.sum *= share;
        sum.lost *= share;
        sum.add(value / count);
    }
    if (is_incremental) return sum.sum + sum.lost;
    return sum.sum / count + sum.lost / count;
}

void avg_over_time(const RollupInput& in, std::span<double> out) {
    if (!overlaps_much(in)) {
        each_window(in, out, 1, [&](Window window, size_t) {
            return mean_of(in.values.subspan(window.begin, window.size()));
        });
        return;
    }
    aggregate<CompensatedSum>(in, out, [&](const CompensatedSum& sum, Window window) {
        if (std::isinf(sum.sum)) return mean_of(in.values.subspan(window.begin, window.size()));
        const double count = window.size();
        return sum.sum / count + sum.lost / count;
    });
}

void sum_over_time(const RollupInput& in, std::span<double> out) {
    aggregate<CompensatedSum>(in, out,
                              [](const CompensatedSum& sum, Window) { return sum.total(); });
}

void min_over_time(const RollupInput& in, std::span<double> out) {
    aggregate<Extreme<std::less<>>>(in, out, [](const auto& least, Window) { return least.value; });
}

void max_over_time(const RollupInput& in, std::span<double> out) {
    aggregate<Extreme<std::greater<>>>(in, out,
                                       [](const auto& most, Window) { return most.value; });
}

void count_over_time(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1,
                [](Window window, size_t) { return static_cast<double>(window.size()); });
}

void present_over_time(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1, [](Window, size_t) { return 1.0; });
}

void first_over_time(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1, [&](Window window, size_t) { return in.values[window.begin]; });
}

void last_over_time(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1, [&](Window window, size_t) { return in.values[window.end - 1]; });
}

void stddev_over_time(const RollupInput& in, std::span<double> out) {
    aggregate<Moments>(in, out,
                       [](const Moments& all, Window) { return std::sqrt(all.variance()); });
}

void stdvar_over_time(const RollupInput& in, std::span<double> out) {
    aggregate<Moments>(in, out, [](const Moments& all, Window) { return all.variance(); });
}

void quantile_over_time(const RollupInput& in, std::span<double> out) {
    std::vector<double>& sorted = in.scratch.sorted;
    each_window(in, out, 1, [&](Window window, size_t step) {
        sorted.assign(in.values.begin() + window.begin, in.values.begin() + window.end);
        return quantile_of(in.params[0][step], sorted);
    });
}

void mad_over_time(const RollupInput& in, std::span<double> out) {
    std::vector<double>& sorted = in.scratch.sorted;
    each_window(in, out, 1, [&](Window window, size_t) {
        sorted.assign(in.values.begin() + window.begin, in.values.begin() + window.end);
        const double median = quantile_of(0.5, sorted);
        if (std::isnan(sorted.front())) return std::numeric_limits<double>::quiet_NaN();
        for (double& value : sorted) value = std::fabs(value - median);
        return quantile_of(0.5, sorted);
    });
}

void ts_of_first_over_time(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1, [&](Window window, size_t) { return seconds(in.times[window.begin]); });
}

void ts_of_last_over_time(const RollupInput& in, std::span<double> out) {
    each_window(in, out, 1,
                [&](Window window, size_t) { return seconds(in.times[window.end - 1]); });
}

void ts_of_min_over_time(const RollupInput& in, std::span<double> out) {
    time_of_extreme<std::less<>>(in, out);
}

void ts_of_max_over_time(const RollupInput& in, std::span<double> out) {
    time_of_extreme<std::greater<>>(in, out);
}

}  // namespace kw::promql
