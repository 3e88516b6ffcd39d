// Limits of scraped native histograms: how many buckets, and how fine.
// Source: Prometheus, native_histogram_bucket_limit and native_histogram_min_bucket_factor.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "model/sample.h"

namespace kw::intake {

struct HistogramLimits {
    uint64_t buckets_max = 0;  // positive and negative; 0: no limit
    double bucket_factor_min =
        0;  // how much wider each bucket is than the one below; 0: as it comes
    bool operator==(const HistogramLimits&) const = default;
};

// The finest schema whose buckets grow by `factor` or more: 8 for 1.002 and less, 3 for 1.09, -4 at the most.
int32_t schema_of_factor(double factor);

// Replaces the histogram by one with wider buckets where it is over a limit.
// Errors: kExhausted (still too many buckets at the coarsest, or custom ones).
Result<void> apply_limits(const HistogramLimits& limits,
                          std::shared_ptr<const Histogram>& histogram);

}  // namespace kw::intake
