#include "promql/rollup_extended.h"

#include <algorithm>

#include "base/check.h"

namespace kw::promql {
namespace {

double interpolate(const RollupInput& in, size_t i, size_t k, int64_t t, bool is_counter) {
    double a = in.values[i];
    const double b = in.values[k];
    if (is_counter && b < a) a = 0;  // a restart between the two: the counter began at zero
    return a + (b - a) * static_cast<double>(t - in.times[i]) /
                   static_cast<double>(in.times[k] - in.times[i]);
}

double difference_over(const RollupInput& in, Reach reach, int64_t left, int64_t right,
                       bool smoothed, bool is_counter) {
    auto [first, last] = reach;
    const bool cuts_left = smoothed && in.times[first] < left && first + 1 < in.times.size();
    const bool cuts_right = smoothed && last > 0 && in.times[last] > right;
    const double from =
        cuts_left ? interpolate(in, first, first + 1, left, is_counter) : in.values[first];
    const double to =
        cuts_right ? interpolate(in, last - 1, last, right, is_counter) : in.values[last];
    double difference = to - from;
    if (!is_counter) return difference;
    double before = from;
    for (size_t i = first; i <= last; ++i) {
        if (in.times[i] <= left || in.times[i] >= right) continue;
        if (in.values[i] < before) difference += before;
        before = in.values[i];
    }
    if (to < before) difference += before;
    return difference;
}

double events_over(const RollupInput& in, Reach reach, bool resets_only) {
    double count = 0;
    for (size_t i = reach.first + 1; i <= reach.last; ++i) {
        const double a = in.values[i - 1];
        const double b = in.values[i];
        const bool differs = a != b && !(std::isnan(a) && std::isnan(b));
        if (resets_only ? b < a : differs) count += 1;
    }
    return count;
}

}  // namespace

std::optional<Reach> reach_of(const RollupInput& in, size_t step, bool smoothed,
                              int64_t lookback_ms) {
    const auto index_after = [&](int64_t t) {  // of the first sample later than t
        return static_cast<size_t>(std::upper_bound(in.times.begin(), in.times.end(), t) -
                                   in.times.begin());
    };
    const int64_t left = in.range.left(step).count;
    const int64_t right = in.range.right(step).count;
    const size_t begin = index_after(left - lookback_ms);
    size_t end = index_after(right);
    if (smoothed && (end == 0 || in.times[end - 1] != right) && end < in.times.size() &&
        in.times[end] < right + lookback_ms) {
        ++end;  // the neighbour on the right
    }
    if (begin >= end) return std::nullopt;
    const size_t at_left = index_after(left);
    const Reach reach{at_left > begin ? at_left - 1 : begin, end - 1};
    if (in.times[reach.last] <= left || in.times[reach.first] > right) return std::nullopt;
    return reach;
}

double extended_difference(const RollupInput& in, RollupKernel kernel, Reach reach, size_t step,
                           bool smoothed) {
    const bool is_counter = kernel == rate_over || kernel == increase_over;
    KW_CHECK(is_counter || kernel == delta_over);
    const double difference = difference_over(in, reach, in.range.left(step).count,
                                              in.range.right(step).count, smoothed, is_counter);
    if (kernel != rate_over) return difference;
    return difference / (static_cast<double>(in.range.range_ms) / 1000);
}

void extended_over(const RollupInput& in, RollupKernel kernel, bool smoothed, int64_t lookback_ms,
                   std::span<double> out) {
    for (size_t step = 0; step < in.windows.size(); ++step) {
        out[step] = kAbsent;
        const std::optional<Reach> reach = reach_of(in, step, smoothed, lookback_ms);
        if (!reach) continue;
        if (kernel == changes_over || kernel == resets_over)
            out[step] = events_over(in, *reach, kernel == resets_over);
        else
            out[step] = extended_difference(in, kernel, *reach, step, smoothed);
    }
}

}  // namespace kw::promql
