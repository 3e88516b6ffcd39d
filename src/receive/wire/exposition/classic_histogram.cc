#include "wire/exposition/classic_histogram.h"

#include <algorithm>
#include <cmath>

#include "model/stored_histogram.h"

namespace kw::wire {

void ClassicHistogram::clear() {
    buckets_.clear();
    count_.reset();
    sum_.reset();
}

Result<Histogram> ClassicHistogram::convert() {
    std::ranges::sort(buckets_);
    if (std::ranges::any_of(buckets_,
                            [](const auto& bucket) { return std::isnan(bucket.first); })) {
        return invalid("a bucket without a bound");
    }
    const bool has_infinity = !buckets_.empty() && std::isinf(buckets_.back().first);
    if (!has_infinity) {
        if (!count_) return invalid("neither a count nor a bucket to +Inf");
        buckets_.emplace_back(HUGE_VAL, *count_);
    }
    const double count = count_.value_or(buckets_.back().second);
    if (count != buckets_.back().second) {
        return invalid("count {}, but the bucket to +Inf has {}", format_value(count),
                       format_value(buckets_.back().second));
    }
    Histogram histogram;
    histogram.schema = kCustomBucketsSchema;
    histogram.count = count;
    histogram.sum = sum_.value_or(0);
    histogram.positive_spans = {{0, static_cast<uint32_t>(buckets_.size())}};
    double below = 0;
    for (const auto& [bound, up_to] : buckets_) {
        if (!(up_to >= below)) {
            return invalid("the bucket to {} has {}, one below it {}", format_value(bound),
                           format_value(up_to), format_value(below));
        }
        histogram.positive_buckets.push_back(up_to - below);
        below = up_to;
        if (!std::isinf(bound)) histogram.custom_values.push_back(bound);
    }
    KW_TRY(check_histogram(histogram));
    return histogram;
}

}  // namespace kw::wire
