#include "promql/buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "promql/floats.h"

namespace kw::promql {
namespace {

// Relative difference up to which two counts are the same count with rounding errors.
constexpr double kRounding = 1e-12;

bool almost_equal(double a, double b) {
    if (a == b) return true;
    const double sum = std::fabs(a) + std::fabs(b);
    const double difference = std::fabs(a - b);
    constexpr double kSmallest = std::numeric_limits<double>::min();
    if (a == 0 || b == 0 || sum < kSmallest) return difference < kRounding * kSmallest;
    return difference / std::min(sum, std::numeric_limits<double>::max()) < kRounding;
}

// Sorts by bound and adds up buckets of one bound ("1" and "1.0").
void sort_and_merge(std::vector<Bucket>& buckets) {
    std::ranges::sort(buckets, {}, &Bucket::upper_bound);
    size_t last = 0;
    for (size_t i = 1; i < buckets.size(); ++i) {
        if (buckets[i].upper_bound == buckets[last].upper_bound)
            buckets[last].count += buckets[i].count;
        else
            buckets[++last] = buckets[i];
    }
    if (!buckets.empty()) buckets.resize(last + 1);
}

void make_monotonic(std::vector<Bucket>& buckets, std::optional<Annotations::Forced>& forced) {
    double before = buckets[0].count;
    for (size_t i = 1; i < buckets.size(); ++i) {
        const double count = buckets[i].count;
        if (count == before) continue;
        if (almost_equal(before, count)) {
            buckets[i].count = before;
            continue;
        }
        if (!(count < before)) {
            before = count;
            continue;
        }
        buckets[i].count = before;
        const double bound = buckets[i].upper_bound;
        if (!forced) forced = Annotations::Forced{bound, bound, 0, {}, {}, 1};
        forced->bucket_min = std::min(forced->bucket_min, bound);
        forced->bucket_max = std::max(forced->bucket_max, bound);
        forced->difference_max = std::max(forced->difference_max, before - count);
    }
}

bool ends_at_infinity(const std::vector<Bucket>& buckets) {
    return !buckets.empty() && buckets.back().upper_bound == kInf;
}

}  // namespace

double bucket_quantile(double q, std::vector<Bucket>& buckets,
                       std::optional<Annotations::Forced>& forced) {
    if (std::isnan(q)) return kNan;
    if (q < 0) return -kInf;
    if (q > 1) return kInf;
    sort_and_merge(buckets);
    if (!ends_at_infinity(buckets)) return kNan;
    make_monotonic(buckets, forced);
    if (buckets.size() < 2) return kNan;
    const double observations = buckets.back().count;
    if (observations == 0) return kNan;

    double rank = q * observations;
    const auto found =
        std::partition_point(buckets.begin(), buckets.end() - 1,
                             [&](const Bucket& bucket) { return !(bucket.count >= rank); });
    const auto b = static_cast<size_t>(found - buckets.begin());
    if (b == buckets.size() - 1) return buckets[b - 1].upper_bound;
    if (b == 0 && buckets[0].upper_bound <= 0) return buckets[0].upper_bound;
    double start = 0;
    double count = buckets[b].count;
    if (b > 0) {
        start = buckets[b - 1].upper_bound;
        count -= buckets[b - 1].count;
        rank -= buckets[b - 1].count;
    }
    return start + (buckets[b].upper_bound - start) * (rank / count);
}

double bucket_fraction(double lower, double upper, std::vector<Bucket>& buckets) {
    sort_and_merge(buckets);
    if (!ends_at_infinity(buckets)) return kNan;
    const double count = buckets.back().count;
    if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
    if (lower >= upper) return 0;

    // Observations below `value`.
    const auto rank_of = [&](double value) {
        double rank = 0;
        for (size_t i = 0; i < buckets.size(); ++i) {
            const double high = buckets[i].upper_bound;
            const double low = i > 0 ? buckets[i - 1].upper_bound : high > 0 ? 0 : -kInf;
            if (low >= value) return rank;
            if (high > value) {
                if (std::isinf(low)) return rank;
                return rank + (buckets[i].count - rank) * (value - low) / (high - low);
            }
            rank = buckets[i].count;
        }
        return count;
    };
    return (std::min(rank_of(upper), count) - std::min(rank_of(lower), count)) / count;
}

}  // namespace kw::promql
