// Calculations on the cumulative buckets of a classic histogram.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
#pragma once

#include <optional>
#include <vector>

#include "promql/annotations.h"

namespace kw::promql {

struct Bucket {
    double upper_bound = 0;
    double count = 0;  // of observations at most upper_bound
};

// The quantile, linear within a bucket. Sorts and mends `buckets`: equal bounds are added up, and a count below
// the one before is lifted to it; `forced`, when set, gets what was lifted by more than rounding errors.
// NaN without a +Inf bucket, with fewer than two, without observations.
double bucket_quantile(double q, std::vector<Bucket>& buckets,
                       std::optional<Annotations::Forced>& forced);

// The share of observations between two values. Sorts `buckets`, adds up equal bounds.
double bucket_fraction(double lower, double upper, std::vector<Bucket>& buckets);

}  // namespace kw::promql
