#include "intake/histogram_limits.h"

#include <algorithm>
#include <cmath>

#include "model/native_histogram.h"
#include "model/stored_histogram.h"

namespace kw::intake {

int32_t schema_of_factor(double factor) {
    if (factor <= 1) return kExponentialSchemaMax;
    const double schema = std::floor(-std::log2(std::log2(factor)));
    return static_cast<int32_t>(std::clamp(schema, static_cast<double>(kExponentialSchemaMin),
                                           static_cast<double>(kExponentialSchemaMax)));
}

Result<void> apply_limits(const HistogramLimits& limits,
                          std::shared_ptr<const Histogram>& histogram) {
    const bool is_custom = histogram->schema == kCustomBucketsSchema;
    const auto over = [&](size_t buckets) {
        return limits.buckets_max != 0 && buckets > limits.buckets_max;
    };
    const size_t buckets = histogram->positive_buckets.size() + histogram->negative_buckets.size();
    const int32_t schema_max = limits.bucket_factor_min > 0
                                   ? schema_of_factor(limits.bucket_factor_min)
                                   : kExponentialSchemaMax;
    if (is_custom && over(buckets)) {
        return exhausted("native histogram with {} custom buckets, over the limit of {}", buckets,
                         limits.buckets_max);
    }
    if (is_custom || (!over(buckets) && histogram->schema <= schema_max)) return {};
    NativeHistogram native = from_stored(*histogram);
    reduce_schema(native, schema_max);
    while (over(native.positive.counts.size() + native.negative.counts.size())) {
        if (native.schema <= kExponentialSchemaMin) {
            return exhausted("native histogram with {} buckets at the widest, over the limit of {}",
                             native.positive.counts.size() + native.negative.counts.size(),
                             limits.buckets_max);
        }
        reduce_schema(native, native.schema - 1);
    }
    histogram = std::make_shared<const Histogram>(to_stored(native));
    return {};
}

}  // namespace kw::intake
