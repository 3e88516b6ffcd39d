#include "native_histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kilowatch {
namespace {

// For schema s > 0: 2^s bounds within [0.5, 1), at [s][i] = 2^(i / 2^s - 1).
const std::vector<double>& bounds_of(int schema) {
    static const auto* const tables = [] {
        auto* made = new std::array<std::vector<double>, kNativeSchemaMax + 1>();
        for (int s = 1; s <= kNativeSchemaMax; ++s) {
            const int count = 1 << s;
            for (int i = 0; i < count; ++i)
                (*made)[s].push_back(std::exp2(static_cast<double>(i) / count - 1));
        }
        return made;
    }();
    return (*tables)[schema];
}

int32_t ceil_half(int32_t index) { return (index + (index > 0 ? 1 : 0)) / 2; }

void halve(NativeBuckets& buckets) {
    if (buckets.counts.empty()) return;
    const int32_t first = ceil_half(buckets.first_index);
    const int32_t last =
        ceil_half(buckets.first_index + static_cast<int32_t>(buckets.counts.size()) - 1);
    std::vector<uint64_t> joined(last - first + 1);
    for (size_t i = 0; i < buckets.counts.size(); ++i)
        joined[ceil_half(buckets.first_index + static_cast<int32_t>(i)) - first] +=
            buckets.counts[i];
    buckets = {first, std::move(joined)};
}

void count_in(NativeBuckets& buckets, int32_t index) {
    if (buckets.counts.empty()) {
        buckets.first_index = index;
        buckets.counts.push_back(1);
        return;
    }
    if (index < buckets.first_index) {
        buckets.counts.insert(buckets.counts.begin(), buckets.first_index - index, 0);
        buckets.first_index = index;
    }
    const size_t offset = index - buckets.first_index;
    if (offset >= buckets.counts.size()) buckets.counts.resize(offset + 1);
    ++buckets.counts[offset];
}

}  // namespace

int32_t native_bucket_index(double value, int schema) {
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);  // in [0.5, 1)
    if (schema > 0) {
        const std::vector<double>& bounds = bounds_of(schema);
        const auto at = std::lower_bound(bounds.begin(), bounds.end(), fraction) - bounds.begin();
        return static_cast<int32_t>(at) + (exponent - 1) * (1 << schema);
    }
    const int32_t index = fraction == 0.5 ? exponent - 1 : exponent;
    return (index + (1 << -schema) - 1) >> -schema;
}

double native_bucket_bound(int32_t index, int schema) {
    if (schema <= 0) return std::ldexp(1.0, index * (1 << -schema));
    const int32_t count = 1 << schema;
    const int32_t power = index >= 0 ? index / count : -((-index + count - 1) / count);
    return std::ldexp(bounds_of(schema)[index - power * count], power + 1);
}

NativeHistogram::NativeHistogram(const NativeOptions& options)
    : buckets_max_(std::clamp<uint32_t>(options.buckets_max, 4, 10'000)) {
    value_.schema = std::clamp(options.schema, kNativeSchemaMin, kNativeSchemaMax);
    value_.zero_threshold = options.zero_threshold >= 0 ? options.zero_threshold : 0;
}

bool NativeHistogram::fits(const NativeBuckets& buckets, int32_t index) const {
    if (buckets.counts.empty()) return true;
    const int64_t first = std::min(index, buckets.first_index);
    const int64_t last = std::max<int64_t>(
        index, buckets.first_index + static_cast<int64_t>(buckets.counts.size()) - 1);
    return last - first + 1 <= buckets_max_;
}

void NativeHistogram::halve_resolution() {
    halve(value_.positive);
    halve(value_.negative);
    --value_.schema;
}

void NativeHistogram::observe(double value) {
    if (std::isnan(value)) return;
    const double size = std::isinf(value) ? std::numeric_limits<double>::max() : std::abs(value);
    if (size <= value_.zero_threshold) {
        ++value_.zero_count;
        return;
    }
    NativeBuckets& buckets = value > 0 ? value_.positive : value_.negative;
    // At the coarsest schema all doubles have 130 buckets a sign, so that this ends; a bound below
    // that is not kept.
    while (!fits(buckets, native_bucket_index(size, value_.schema)) &&
           value_.schema > kNativeSchemaMin)
        halve_resolution();
    count_in(buckets, native_bucket_index(size, value_.schema));
}

}  // namespace kilowatch
