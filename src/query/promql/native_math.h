// What the functions of native histograms calculate from the buckets of one histogram.
// Within a bucket observations lie evenly on a logarithmic scale; in the zero bucket and in custom buckets on a linear
// one. A zero bucket ends at 0 on the side where there are no other buckets.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
#pragma once

#include "model/native_histogram.h"

namespace kw::promql {

// Observations that are NaN stand in the count and in no bucket; then the sum is NaN.
enum class NanEffect : unsigned char { kNone, kSkewed, kNan, kExcluded };

// -Inf below 0, +Inf above 1, NaN for NaN and without observations.
double native_quantile(double q, const NativeHistogram& native, NanEffect& effect);
// The share of observations between two values.
double native_fraction(double lower, double upper, const NativeHistogram& native,
                       NanEffect& effect);
// The variance estimated from the middles of the buckets.
double native_variance(const NativeHistogram& native);
// The observations up to `bound` (`</`), or from it on (`>/`). Where that takes any away, the sum is estimated
// from the middles of what is left.
NativeHistogram trimmed_to(const NativeHistogram& native, double bound, bool keeps_below);

}  // namespace kw::promql
