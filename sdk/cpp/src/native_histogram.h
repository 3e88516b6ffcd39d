// A native (exponential) histogram that grows as values come and never past its bound: when its
// buckets would become too many, neighbours are joined and the schema falls by one.
//
// Bucket i of a sign holds (base^(i-1), base^i] with base = 2^(2^-schema), as in Prometheus; OTLP
// calls the same bucket i - 1. Joining: bucket i of schema s lies in bucket ceil(i / 2) of schema
// s - 1. Threads: the owner's lock.
#pragma once

#include <cstdint>
#include <vector>

#include "kilowatch/metric_snapshot.h"
#include "kilowatch/metrics.h"

namespace kilowatch {

inline constexpr int kNativeSchemaMin = -4;
inline constexpr int kNativeSchemaMax = 8;

// Index of the bucket for a positive, finite `value`.
int32_t native_bucket_index(double value, int schema);
// The bucket's upper bound, inclusive.
double native_bucket_bound(int32_t index, int schema);

class NativeHistogram final {
 public:
    explicit NativeHistogram(const NativeOptions& options);
    // A NaN is in no bucket; an infinite value is counted in the outermost.
    void observe(double value);
    const NativeHistogramValue& value() const { return value_; }

 private:
    bool fits(const NativeBuckets& buckets, int32_t index) const;
    void halve_resolution();

    uint32_t buckets_max_;
    NativeHistogramValue value_;
};

}  // namespace kilowatch
