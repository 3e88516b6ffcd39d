// A native histogram to calculate with: each side's buckets as two parallel arrays.
//
// model/sample.h has the form that is stored, with spans; this one makes every merge a walk over two sorted
// arrays. Bucket i of an exponential histogram covers (b^(i-1), b^i] with b = 2^(2^-schema), on the negative side
// mirrored; bucket i of custom bounds covers (bounds[i-1], bounds[i]], from -Inf for i = 0 and to +Inf for
// i = bounds.size().
// Invariants: indexes strictly ascend; as many counts as indexes; custom bounds ⇒ no negative and no zero bucket.
// Source: https://prometheus.io/docs/specs/native_histograms/
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/sample.h"

namespace kw {

struct BucketSide {
    std::vector<int32_t> indexes;
    std::vector<double> counts;
    bool empty() const { return indexes.empty(); }
    bool operator==(const BucketSide&) const = default;
};

struct NativeHistogram {
    CounterResetHint hint = CounterResetHint::kUnknown;
    int32_t schema = 0;
    double zero_threshold = 0;
    double zero_count = 0;
    double count = 0;
    double sum = 0;
    BucketSide positive;
    BucketSide negative;
    std::vector<double> bounds;  // custom ones

    bool is_custom() const { return schema == kCustomBucketsSchema; }
    uint64_t bytes() const;
};

// Buckets without observations are left out. Spans that promise more buckets than there are, and indexes past
// int32, are cut off.
NativeHistogram from_stored(const Histogram& stored);
Histogram to_stored(const NativeHistogram& native);

// One bucket with its bounds; which of them belong to it is a matter of printing only.
struct BoundedBucket {
    double lower = 0;
    double upper = 0;
    double count = 0;
    bool lower_inclusive = false;
    bool upper_inclusive = false;
};
// All buckets that have observations, ascending: negative, zero, positive.
std::vector<BoundedBucket> buckets_of(const NativeHistogram& native);
// Upper bound of exponential bucket `index`; the last before infinity ends at the greatest double.
double exponential_bound(int32_t index, int32_t schema);

// `{count:3, sum:1, [-0.001,0.001]:1, (0.5,1]:2}`, as Prometheus prints a histogram.
std::string histogram_text(const NativeHistogram& native);

// What went wrong or was mended while histograms were added up.
struct MergeRemarks {
    bool incompatible = false;    // exponential with custom buckets: there is no sum
    bool reset_conflict = false;  // one says that its counter restarted, one that it did not
    bool reconciled = false;      // custom bounds differ: only the common ones are left
};

// into += factor * other. The layout becomes one that both have: the coarser schema, the wider zero bucket, the
// common custom bounds. When incompatible `into` is unchanged.
void add_scaled(NativeHistogram& into, const NativeHistogram& other, double factor,
                MergeRemarks& remarks);
// The sum of all, with compensated rounding, or the mean. At least one. Nothing when incompatible.
std::optional<NativeHistogram> sum_of(std::span<const NativeHistogram* const> all,
                                      MergeRemarks& remarks);
std::optional<NativeHistogram> mean_of(std::span<const NativeHistogram* const> all,
                                       MergeRemarks& remarks);
// Every count and the sum. A negative factor makes it a gauge.
void scale(NativeHistogram& native, double factor);
// Division by zero leaves no buckets.
void divide(NativeHistogram& native, double divisor);
// The same observations in the coarser `schema`; not for custom bounds.
void reduce_schema(NativeHistogram& native, int32_t schema);
// Drops buckets without observations.
void compact(NativeHistogram& native);

// A histogram that lies `share` of the way from `a` to `b`, as if both grew evenly; of a counter that restarted
// between them, on the way from nothing to `b`. When incompatible: `a`.
NativeHistogram interpolated(const NativeHistogram& a, const NativeHistogram& b, double share,
                             bool is_counter, MergeRemarks& remarks);

// Whether a counter restarted between `before` and `now`.
bool is_reset(const NativeHistogram& now, const NativeHistogram& before);
// Equal but for buckets without observations and the hint.
bool same_observations(const NativeHistogram& a, const NativeHistogram& b);

}  // namespace kw
