#include "promql/native_math.h"

#include <algorithm>
#include <cmath>

#include "promql/floats.h"

namespace kw::promql {
namespace {

// Whether a bucket's observations lie evenly between its bounds, and not between their logarithms.
bool is_linear(const NativeHistogram& native, const BoundedBucket& bucket) {
    return native.is_custom() || (bucket.lower <= 0 && bucket.upper >= 0);
}

// Ends a bucket around zero at 0 where the histogram has nothing beyond it.
void end_at_zero(const NativeHistogram& native, BoundedBucket& bucket) {
    if (!(bucket.lower <= 0 && bucket.upper >= 0)) return;
    if (native.negative.empty() && !native.positive.empty())
        bucket.lower = 0;
    else if (native.positive.empty() && !native.negative.empty())
        bucket.upper = 0;
}

// The share of a bucket's observations that is at most `v`, for finite bounds around it.
double share_below(const BoundedBucket& bucket, double v, bool linear) {
    if (linear) return (v - bucket.lower) / (bucket.upper - bucket.lower);
    const double lower = std::log2(std::fabs(bucket.lower));
    const double upper = std::log2(std::fabs(bucket.upper));
    const double at = std::log2(std::fabs(v));
    return v > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

double middle_of(double lower, double upper, bool linear) {
    if (std::isinf(lower)) {
        if (std::isinf(upper)) return 0;
        return upper > 0 ? upper / 2 : upper;
    }
    if (std::isinf(upper)) return lower;
    if (linear) return (lower + upper) / 2;
    const double middle = std::sqrt(std::fabs(lower)) * std::sqrt(std::fabs(upper));
    return lower < 0 ? -middle : middle;
}

// What is left of a bucket: a count, and where its observations are taken to be.
struct Kept {
    double count = 0;
    double middle = 0;
};

// Of a bucket without a lower bound that `bound` falls into. With a positive upper bound it is taken to begin
// at 0; else nobody knows how its observations lie.
Kept kept_of_first(const BoundedBucket& bucket, double bound, bool keeps_below) {
    const bool begins_at_zero = bucket.upper > 0 && !std::isinf(bucket.upper);
    if (keeps_below) {
        if (begins_at_zero && bound > 0) return {bucket.count * bound / bucket.upper, bound / 2};
        if (bucket.upper <= 0) return {bucket.count, bound};
        return {};
    }
    if (begins_at_zero && bound >= 0)
        return {bucket.count * (1 - bound / bucket.upper), (bound + bucket.upper) / 2};
    return {};
}

Kept kept_of(const NativeHistogram& native, BoundedBucket bucket, double bound, bool keeps_below,
             bool is_zero_bucket) {
    if (is_zero_bucket) end_at_zero(native, bucket);
    const bool linear = is_zero_bucket || native.is_custom();
    const bool whole = keeps_below ? bucket.upper <= bound : bucket.lower >= bound;
    if (whole) return {bucket.count, middle_of(bucket.lower, bucket.upper, linear)};
    const bool reaches = keeps_below ? bucket.lower < bound : bucket.upper > bound;
    if (!reaches) return {};
    if (std::isinf(bucket.lower)) return kept_of_first(bucket, bound, keeps_below);
    if (std::isinf(bucket.upper)) return keeps_below ? Kept{} : Kept{bucket.count, bound};
    const double below = share_below(bucket, bound, linear);
    if (keeps_below) return {bucket.count * below, middle_of(bucket.lower, bound, linear)};
    return {bucket.count * (1 - below), middle_of(bound, bucket.upper, linear)};
}

}  // namespace

double native_quantile(double q, const NativeHistogram& native, NanEffect& effect) {
    if (q < 0) return -kInf;
    if (q > 1) return kInf;
    if (native.count == 0 || std::isnan(q)) return kNan;
    // From the nearer end, for the smaller rounding error; what is NaN would count as above all.
    const bool has_nan = std::isnan(native.sum);
    const bool ascends = has_nan || q < 0.5;
    double rank = ascends ? q * native.count : (1 - q) * native.count;
    std::vector<BoundedBucket> buckets = buckets_of(native);
    if (!ascends) std::ranges::reverse(buckets);
    BoundedBucket bucket;
    double count = 0;
    for (const BoundedBucket& next : buckets) {
        bucket = next;
        count += bucket.count;
        if (count >= rank) break;
    }
    if (!native.is_custom() && bucket.lower < 0 && bucket.upper > 0) {
        end_at_zero(native, bucket);
    } else if (native.is_custom()) {
        if (bucket.lower == -kInf) {
            if (bucket.upper <= 0) return bucket.upper;
            bucket.lower = 0;
        } else if (bucket.upper == kInf) {
            return bucket.lower;
        }
    }
    count = std::min(count, native.count);
    if (count < rank) {
        if (!has_nan) return bucket.upper;
        effect = NanEffect::kNan;
        return kNan;
    }
    if (has_nan) effect = NanEffect::kSkewed;
    rank = ascends ? rank - (count - bucket.count) : count - rank;
    const double share = rank / bucket.count;
    if (is_linear(native, bucket)) return bucket.lower + (bucket.upper - bucket.lower) * share;
    const double lower = std::log2(std::fabs(bucket.lower));
    const double upper = std::log2(std::fabs(bucket.upper));
    if (bucket.lower > 0) return std::exp2(lower + (upper - lower) * share);
    return -std::exp2(upper + (lower - upper) * (1 - share));
}

double native_fraction(double lower, double upper, const NativeHistogram& native,
                       NanEffect& effect) {
    if (native.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
    if (lower >= upper) return 0;
    const std::vector<BoundedBucket> buckets = buckets_of(native);
    double in_buckets = 0;
    for (const BoundedBucket& bucket : buckets) in_buckets += bucket.count;
    const bool has_nan = std::isnan(native.sum);
    const double most = has_nan ? in_buckets : native.count;
    if (has_nan) effect = NanEffect::kExcluded;

    const auto rank_of = [&](double v) {
        double rank = 0;
        for (BoundedBucket bucket : buckets) {
            end_at_zero(native, bucket);
            if (bucket.lower >= v) return rank;
            if (bucket.upper > v) {
                // Nobody knows how observations lie in an infinite bucket: all or none are below.
                if (std::isinf(bucket.lower)) return bucket.count;
                if (std::isinf(bucket.upper)) return rank;
                return rank + bucket.count * share_below(bucket, v, is_linear(native, bucket));
            }
            rank += bucket.count;
        }
        return most;
    };
    return (std::min(rank_of(upper), most) - std::min(rank_of(lower), most)) / native.count;
}

double native_variance(const NativeHistogram& native) {
    const double mean = native.sum / native.count;
    double variance = 0;
    for (const BoundedBucket& bucket : buckets_of(native)) {
        double middle = 0;
        if (native.is_custom())
            middle = (bucket.lower + bucket.upper) / 2;
        else if (!(bucket.lower <= 0 && bucket.upper >= 0))
            middle = middle_of(bucket.lower, bucket.upper, false);
        const double distance = middle - mean;
        variance += bucket.count * distance * distance;
    }
    return variance / native.count;
}

NativeHistogram trimmed_to(const NativeHistogram& native, double bound, bool keeps_below) {
    NativeHistogram out = native;
    compact(out);
    // The buckets in the order of buckets_of(), and where each count stands.
    const std::vector<BoundedBucket> buckets = buckets_of(out);
    std::vector<double*> counts;
    for (size_t i = out.negative.counts.size(); i-- > 0;) counts.push_back(&out.negative.counts[i]);
    if (out.zero_count != 0) counts.push_back(&out.zero_count);
    for (double& count : out.positive.counts) counts.push_back(&count);

    bool any_taken = false;
    double count = 0;
    double sum = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
        const Kept kept =
            kept_of(native, buckets[i], bound, keeps_below, counts[i] == &out.zero_count);
        any_taken |= kept.count != buckets[i].count;
        *counts[i] = kept.count;
        count += kept.count;
        sum += kept.middle * kept.count;
    }
    // What keeps every bucket keeps the exact sum.
    if (!any_taken) return native;
    out.count = count;
    out.sum = sum;
    compact(out);
    return out;
}

}  // namespace kw::promql
