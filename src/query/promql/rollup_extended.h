// Extended range selectors: `rate(x[5m] anchored)`, `increase(x[1m] smoothed)`.
//
// Both let rate, increase, delta (and for anchored, changes and resets) see beyond the window instead of
// extrapolating. anchored takes the last sample at or before the window's left end as if it stood there.
// smoothed interpolates linearly at both ends.
// Neighbours count when they are within the lookback of the window's end.
// Source: Prometheus' documentation of the feature promql-extended-range-selectors.
#pragma once

#include <optional>
#include <span>

#include "promql/rollup.h"

namespace kw::promql {

// The samples that an extended window uses: [first, last], both inclusive.
struct Reach {
    size_t first = 0;
    size_t last = 0;
};
// Nothing when no sample is near enough.
std::optional<Reach> reach_of(const RollupInput& in, size_t step, bool smoothed,
                              int64_t lookback_ms);
// rate, increase or delta over float samples.
double extended_difference(const RollupInput& in, RollupKernel kernel, Reach reach, size_t step,
                           bool smoothed);

// Evaluates `kernel`'s function on extended windows. in.windows are the plain windows.
void extended_over(const RollupInput& in, RollupKernel kernel, bool smoothed, int64_t lookback_ms,
                   std::span<double> out);

}  // namespace kw::promql
