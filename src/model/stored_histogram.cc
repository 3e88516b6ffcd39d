#include "model/stored_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "model/native_histogram.h"

namespace kw {
namespace {

bool same_bits(double a, double b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
    return std::ranges::equal(a, b, [](double x, double y) { return same_bits(x, y); });
}

// A hint that says what a store sees itself.
bool is_observed(CounterResetHint hint) {
    return hint == CounterResetHint::kUnknown || hint == CounterResetHint::kNotReset;
}

Result<void> check_spans(std::span<const HistogramSpan> spans, size_t buckets) {
    uint64_t promised = 0;
    int64_t end = 0;  // index behind the last bucket
    for (size_t i = 0; i < spans.size(); ++i) {
        if (i > 0 && spans[i].offset < 0) {
            return invalid(
                "span number {} with offset {}: histogram has a span whose offset is negative",
                i + 1, spans[i].offset);
        }
        promised += spans[i].length;
        end += int64_t{spans[i].offset} + int64_t{spans[i].length};
        if (end > INT32_MAX)
            return invalid("span number {} ends at bucket {}, beyond {}", i + 1, end, INT32_MAX);
    }
    if (promised == buckets) return {};
    return invalid(
        "spans need {} buckets, have {} buckets: histogram spans specify different number of "
        "buckets than provided",
        promised, buckets);
}

// Adds the counts to `sum`.
Result<void> check_counts(std::span<const double> counts, double& sum) {
    for (size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] < 0) {
            return invalid(
                "bucket number {} has observation count of {}: histogram has a bucket whose "
                "observation count is "
                "negative",
                i + 1, format_value(counts[i]));
        }
        sum += counts[i];
    }
    return {};
}

Result<void> check_bounds(const Histogram& histogram) {
    const std::vector<double>& bounds = histogram.custom_values;
    for (size_t i = 0; i < bounds.size(); ++i) {
        if (!std::isfinite(bounds[i])) {
            return invalid("custom bound number {} is {}: histogram custom bounds must be finite",
                           i + 1, format_value(bounds[i]));
        }
        if (i > 0 && bounds[i] <= bounds[i - 1]) {
            return invalid(
                "previous bound is {} and current is {}: histogram custom bounds must be in "
                "strictly increasing order",
                format_value(bounds[i - 1]), format_value(bounds[i]));
        }
    }
    int64_t end = 0;
    for (const HistogramSpan& span : histogram.positive_spans) {
        if (span.offset < 0) return invalid("a span with offset {} of custom buckets", span.offset);
        end += int64_t{span.offset} + int64_t{span.length};
    }
    if (end > static_cast<int64_t>(bounds.size()) + 1) {
        return invalid(
            "only {} custom bounds defined which is insufficient to cover total span length of {}: "
            "histogram custom bounds are too few",
            bounds.size(), end);
    }
    if (histogram.zero_count != 0) return invalid("custom buckets: must have zero count of 0");
    if (histogram.zero_threshold != 0)
        return invalid("custom buckets: must have zero threshold of 0");
    if (!histogram.negative_spans.empty())
        return invalid("custom buckets: must not have negative spans");
    if (!histogram.negative_buckets.empty())
        return invalid("custom buckets: must not have negative buckets");
    return {};
}

Result<void> check_layout(const Histogram& histogram) {
    if (const uint64_t parts = histogram_parts(histogram); parts > kHistogramPartsMax) {
        return invalid("histogram of {} spans, buckets and bounds, at most {}", parts,
                       kHistogramPartsMax);
    }
    const bool custom = histogram.schema == kCustomBucketsSchema;
    if (!custom &&
        (histogram.schema < kExponentialSchemaMin || histogram.schema > kExponentialSchemaMax)) {
        return invalid(
            "histogram has an invalid schema {}, must be between {} and {} for exponential "
            "buckets, or {} "
            "for custom buckets",
            histogram.schema, kExponentialSchemaMin, kExponentialSchemaMax, kCustomBucketsSchema);
    }
    if (custom) KW_TRY(check_bounds(histogram));
    if (!custom && !histogram.custom_values.empty()) {
        return invalid("histogram with exponential schema must not have custom bounds");
    }
    const auto positive = check_spans(histogram.positive_spans, histogram.positive_buckets.size());
    if (!positive.ok()) return Error(positive.error()).with_context("positive side");
    const auto negative = check_spans(histogram.negative_spans, histogram.negative_buckets.size());
    if (!negative.ok()) return Error(negative.error()).with_context("negative side");
    return {};
}

}  // namespace

uint64_t histogram_parts(const Histogram& histogram) {
    return histogram.positive_spans.size() + histogram.negative_spans.size() +
           histogram.positive_buckets.size() + histogram.negative_buckets.size() +
           histogram.custom_values.size();
}

Result<void> check_histogram(const Histogram& histogram, bool counts_are_integers) {
    KW_TRY(check_layout(histogram));
    if (is_stale(histogram.sum)) return {};
    double in_buckets = histogram.zero_count;
    const auto positive = check_counts(histogram.positive_buckets, in_buckets);
    if (!positive.ok()) return Error(positive.error()).with_context("positive side");
    const auto negative = check_counts(histogram.negative_buckets, in_buckets);
    if (!negative.ok()) return Error(negative.error()).with_context("negative side");
    if (histogram.count < 0 || histogram.zero_count < 0) {
        return invalid("histogram with a count of {} and a zero count of {}",
                       format_value(histogram.count), format_value(histogram.zero_count));
    }
    if (!counts_are_integers) return {};
    if (std::isnan(histogram.sum) ? in_buckets > histogram.count : in_buckets != histogram.count) {
        return invalid(
            "{} observations found in buckets, but the Count field is {}: histogram's observation "
            "count should {} the "
            "number of observations found in the buckets",
            format_value(in_buckets), format_value(histogram.count),
            std::isnan(histogram.sum) ? "be at least" : "equal");
    }
    return {};
}

bool same_layout(const Histogram& a, const Histogram& b) {
    return a.schema == b.schema && same_bits(a.zero_threshold, b.zero_threshold) &&
           a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
           same_bits(a.custom_values, b.custom_values);
}

bool same_sample(const Histogram& a, const Histogram& b) {
    const bool same_hint = a.counter_reset_hint == b.counter_reset_hint ||
                           (is_observed(a.counter_reset_hint) && is_observed(b.counter_reset_hint));
    return same_hint && same_layout(a, b) && same_bits(a.count, b.count) &&
           same_bits(a.sum, b.sum) && same_bits(a.zero_count, b.zero_count) &&
           same_bits(a.positive_buckets, b.positive_buckets) &&
           same_bits(a.negative_buckets, b.negative_buckets);
}

CounterResetHint hint_behind(const Histogram& now, const Histogram* before) {
    using Hint = CounterResetHint;
    const Hint said = now.counter_reset_hint;
    if (!is_observed(said) || before == nullptr || before->counter_reset_hint == Hint::kGauge)
        return said;
    if (same_layout(now, *before)) {  // nearly always
        bool fell = now.count < before->count || now.zero_count < before->zero_count;
        const auto compare = [&](const std::vector<double>& counts,
                                 const std::vector<double>& earlier) {
            for (size_t i = 0; i < std::min(counts.size(), earlier.size()); ++i)
                fell |= counts[i] < earlier[i];
        };
        compare(now.positive_buckets, before->positive_buckets);
        compare(now.negative_buckets, before->negative_buckets);
        return fell ? Hint::kReset : Hint::kNotReset;
    }
    NativeHistogram native = from_stored(now);
    native.hint = Hint::kUnknown;
    return is_reset(native, from_stored(*before)) ? Hint::kReset : Hint::kNotReset;
}

}  // namespace kw
