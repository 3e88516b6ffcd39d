#include "model/native_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace kw {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int32_t kSchemaMax = 8;
constexpr int32_t kSchemaMin = -4;

void unpack(std::span<const HistogramSpan> spans, std::span<const double> counts,
            BucketSide& side) {
    side.indexes.reserve(counts.size());
    side.counts.reserve(counts.size());
    int64_t index = 0;
    size_t next = 0;
    for (const HistogramSpan& span : spans) {
        index += span.offset;
        for (uint32_t i = 0; i < span.length && next < counts.size(); ++i, ++index, ++next) {
            if (index < INT32_MIN || index > INT32_MAX) return;
            if (counts[next] == 0) continue;
            side.indexes.push_back(static_cast<int32_t>(index));
            side.counts.push_back(counts[next]);
        }
    }
}

void pack(const BucketSide& side, std::vector<HistogramSpan>& spans, std::vector<double>& counts) {
    int64_t end = 0;
    for (size_t i = 0; i < side.indexes.size(); ++i) {
        const int64_t index = side.indexes[i];
        if (spans.empty() || index != end) spans.push_back({static_cast<int32_t>(index - end), 0});
        ++spans.back().length;
        end = index + 1;
    }
    counts = side.counts;
}

double upper_bound_of(const NativeHistogram& native, int32_t index) {
    if (!native.is_custom()) return exponential_bound(index, native.schema);
    const auto i = static_cast<size_t>(std::max(index, 0));
    return i < native.bounds.size() ? native.bounds[i] : kInf;
}

double lower_bound_of(const NativeHistogram& native, int32_t index) {
    if (!native.is_custom()) return exponential_bound(index - 1, native.schema);
    if (index <= 0) return -kInf;
    const auto i = static_cast<size_t>(index) - 1;
    return i < native.bounds.size() ? native.bounds[i] : kInf;
}

// The bounds that both have.
std::vector<double> common_bounds(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> out;
    std::ranges::set_intersection(a, b, std::back_inserter(out));
    return out;
}

// The observations of `side` under other indexes; `to` never descends.
template <typename To>
BucketSide moved(const BucketSide& side, To to) {
    BucketSide out;
    for (size_t i = 0; i < side.indexes.size(); ++i) {
        const int32_t index = to(side.indexes[i]);
        if (!out.indexes.empty() && out.indexes.back() == index) {
            out.counts.back() += side.counts[i];
        } else {
            out.indexes.push_back(index);
            out.counts.push_back(side.counts[i]);
        }
    }
    return out;
}

// The bucket among `bounds` that takes a bucket which ends at bounds_before[index].
BucketSide in_bounds(const NativeHistogram& native, const std::vector<double>& bounds) {
    return moved(native.positive, [&](int32_t index) {
        const double upper = upper_bound_of(native, index);
        return static_cast<int32_t>(std::ranges::lower_bound(bounds, upper) - bounds.begin());
    });
}

int32_t reduced_index(int32_t index, int32_t shift) { return ((index - 1) >> shift) + 1; }

// Makes the zero bucket at least `threshold` wide and takes the buckets below in; wider still where
// `threshold` falls into a bucket with observations.
void widen_zero(NativeHistogram& native, double threshold) {
    if (native.zero_threshold >= threshold) return;
    for (bool again = true; again;) {
        again = false;
        for (const BucketSide* side : {&native.positive, &native.negative}) {
            for (size_t i = 0; i < side->indexes.size(); ++i) {
                if (exponential_bound(side->indexes[i] - 1, native.schema) >= threshold) break;
                const double upper = exponential_bound(side->indexes[i], native.schema);
                if (side->counts[i] == 0 || upper <= threshold) continue;
                threshold = upper;
                again = true;
            }
        }
    }
    for (BucketSide* side : {&native.positive, &native.negative}) {
        size_t taken = 0;
        while (taken < side->indexes.size() &&
               exponential_bound(side->indexes[taken], native.schema) <= threshold) {
            native.zero_count += side->counts[taken++];
        }
        const auto end = static_cast<ptrdiff_t>(taken);
        side->indexes.erase(side->indexes.begin(), side->indexes.begin() + end);
        side->counts.erase(side->counts.begin(), side->counts.begin() + end);
    }
    native.zero_threshold = threshold;
}

// The hint of a sum.
CounterResetHint merged_hint(CounterResetHint a, CounterResetHint b, bool& conflict) {
    if (a == b) return a;
    if (a == CounterResetHint::kGauge || b == CounterResetHint::kGauge)
        return CounterResetHint::kGauge;
    if (a != CounterResetHint::kUnknown && b != CounterResetHint::kUnknown) conflict = true;
    return CounterResetHint::kUnknown;
}

// Gives both the layout of their sum. False when there is none.
bool align(NativeHistogram& a, NativeHistogram& b, MergeRemarks& remarks) {
    if (a.is_custom() != b.is_custom()) {
        remarks.incompatible = true;
        return false;
    }
    if (a.is_custom()) {
        if (a.bounds == b.bounds) return true;
        remarks.reconciled = true;
        const std::vector<double> bounds = common_bounds(a.bounds, b.bounds);
        a.positive = in_bounds(a, bounds);
        b.positive = in_bounds(b, bounds);
        a.bounds = b.bounds = bounds;
        return true;
    }
    while (a.zero_threshold != b.zero_threshold) {
        const double threshold = std::max(a.zero_threshold, b.zero_threshold);
        if (std::isnan(threshold)) break;
        widen_zero(a, threshold);
        widen_zero(b, threshold);
    }
    const int32_t schema = std::min(a.schema, b.schema);
    reduce_schema(a, schema);
    reduce_schema(b, schema);
    return true;
}

// `f(index, count of a or 0, count of b or 0)` for every bucket of either.
template <typename F>
void each_of_both(const BucketSide& a, const BucketSide& b, F f) {
    size_t i = 0;
    size_t k = 0;
    while (i < a.indexes.size() || k < b.indexes.size()) {
        const bool takes_a =
            k == b.indexes.size() || (i < a.indexes.size() && a.indexes[i] <= b.indexes[k]);
        const bool takes_b =
            i == a.indexes.size() || (k < b.indexes.size() && b.indexes[k] <= a.indexes[i]);
        const int32_t index = takes_a ? a.indexes[i] : b.indexes[k];
        f(index, takes_a ? a.counts[i] : 0.0, takes_b ? b.counts[k] : 0.0);
        i += takes_a;
        k += takes_b;
    }
}

// sum + value, and what rounding lost of it added to `lost`.
void add_compensated(double& sum, double& lost, double value) {
    const double total = sum + value;
    if (std::isinf(total))
        lost = 0;
    else if (std::fabs(sum) >= std::fabs(value))
        lost += (sum - total) + value;
    else
        lost += (value - total) + sum;
    sum = total;
}

// `lost` has the indexes of `sum`, before and after.
void add_side(BucketSide& sum, BucketSide& lost, const BucketSide& other, double factor) {
    if (sum.indexes == other.indexes) {
        for (size_t i = 0; i < sum.counts.size(); ++i)
            add_compensated(sum.counts[i], lost.counts[i], factor * other.counts[i]);
        return;
    }
    BucketSide sum_now;
    BucketSide lost_now;
    size_t next = 0;  // of the old indexes
    each_of_both(sum, other, [&](int32_t index, double value, double more) {
        double lost_there = 0;
        if (next < sum.indexes.size() && sum.indexes[next] == index)
            lost_there = lost.counts[next++];
        add_compensated(value, lost_there, factor * more);
        sum_now.indexes.push_back(index);
        sum_now.counts.push_back(value);
        lost_now.counts.push_back(lost_there);
    });
    lost_now.indexes = sum_now.indexes;
    sum = std::move(sum_now);
    lost = std::move(lost_now);
}

// A sum and, in a histogram of the same layout, what rounding lost of it.
struct Compensated {
    NativeHistogram sum;
    NativeHistogram lost;

    explicit Compensated(const NativeHistogram& first, double factor) : sum(first) {
        scale(sum, factor);
        sum.hint = first.hint;
        lost.schema = first.schema;
        lost.bounds = first.bounds;
        lost.zero_threshold = first.zero_threshold;
        lost.positive = {first.positive.indexes, std::vector<double>(first.positive.counts.size())};
        lost.negative = {first.negative.indexes, std::vector<double>(first.negative.counts.size())};
    }

    void add(const NativeHistogram& other, double factor, MergeRemarks& remarks) {
        const bool same_layout = sum.schema == other.schema &&
                                 sum.zero_threshold == other.zero_threshold &&
                                 sum.bounds == other.bounds;
        if (same_layout) {
            add_aligned(other, factor, remarks);
            return;
        }
        NativeHistogram copy = other;
        if (!align(sum, copy, remarks)) return;
        MergeRemarks ignored;
        NativeHistogram layout = sum;
        align(lost, layout, ignored);
        add_aligned(copy, factor, remarks);
    }

    NativeHistogram total() && {
        const auto add = [](double& value, double lost_value) {
            if (!std::isinf(value)) value += lost_value;
        };
        add(sum.count, lost.count);
        add(sum.sum, lost.sum);
        add(sum.zero_count, lost.zero_count);
        for (const auto side : {&NativeHistogram::positive, &NativeHistogram::negative}) {
            BucketSide out;
            each_of_both(sum.*side, lost.*side, [&](int32_t index, double a, double b) {
                add(a, b);
                out.indexes.push_back(index);
                out.counts.push_back(a);
            });
            sum.*side = std::move(out);
        }
        return std::move(sum);
    }

 private:
    void add_aligned(const NativeHistogram& other, double factor, MergeRemarks& remarks) {
        sum.hint = merged_hint(sum.hint, other.hint, remarks.reset_conflict);
        add_compensated(sum.count, lost.count, factor * other.count);
        add_compensated(sum.sum, lost.sum, factor * other.sum);
        add_compensated(sum.zero_count, lost.zero_count, factor * other.zero_count);
        add_side(sum.positive, lost.positive, other.positive, factor);
        add_side(sum.negative, lost.negative, other.negative, factor);
    }
};

std::optional<NativeHistogram> weighted_sum(std::span<const NativeHistogram* const> all,
                                            double factor, MergeRemarks& remarks) {
    bool any_reset = false;
    bool any_continued = false;
    Compensated sum(*all[0], factor);
    for (size_t i = 0; i < all.size(); ++i) {
        any_reset |= all[i]->hint == CounterResetHint::kReset;
        any_continued |= all[i]->hint == CounterResetHint::kNotReset;
        if (i > 0) sum.add(*all[i], factor, remarks);
        if (remarks.incompatible) return std::nullopt;
    }
    remarks.reset_conflict = any_reset && any_continued;
    NativeHistogram out = std::move(sum).total();
    compact(out);
    return out;
}

bool has_infinity(const NativeHistogram& native) {
    const auto any = [](const BucketSide& side) {
        return std::ranges::any_of(side.counts, [](double v) { return std::isinf(v); });
    };
    return std::isinf(native.count) || std::isinf(native.sum) || std::isinf(native.zero_count) ||
           any(native.positive) || any(native.negative);
}

void compact_side(BucketSide& side) {
    size_t kept = 0;
    for (size_t i = 0; i < side.indexes.size(); ++i) {
        if (side.counts[i] == 0) continue;
        side.indexes[kept] = side.indexes[i];
        side.counts[kept++] = side.counts[i];
    }
    side.indexes.resize(kept);
    side.counts.resize(kept);
}

bool any_decreases(const BucketSide& now, const BucketSide& before) {
    bool decreases = false;
    each_of_both(now, before, [&](int32_t, double a, double b) { decreases |= a < b; });
    return decreases;
}

}  // namespace

uint64_t NativeHistogram::bytes() const {
    return sizeof(*this) + (positive.indexes.size() + negative.indexes.size()) * 12 +
           bounds.size() * sizeof(double);
}

NativeHistogram from_stored(const Histogram& stored) {
    NativeHistogram out;
    out.hint = stored.counter_reset_hint;
    out.schema = stored.schema;
    out.zero_threshold = stored.zero_threshold;
    out.zero_count = stored.zero_count;
    out.count = stored.count;
    out.sum = stored.sum;
    unpack(stored.positive_spans, stored.positive_buckets, out.positive);
    if (out.is_custom())
        out.bounds = stored.custom_values;
    else
        unpack(stored.negative_spans, stored.negative_buckets, out.negative);
    return out;
}

Histogram to_stored(const NativeHistogram& native) {
    Histogram out;
    out.counter_reset_hint = native.hint;
    out.schema = native.schema;
    out.zero_threshold = native.zero_threshold;
    out.zero_count = native.zero_count;
    out.count = native.count;
    out.sum = native.sum;
    pack(native.positive, out.positive_spans, out.positive_buckets);
    pack(native.negative, out.negative_spans, out.negative_buckets);
    out.custom_values = native.bounds;
    return out;
}

double exponential_bound(int32_t index, int32_t schema) {
    schema = std::clamp(schema, kSchemaMin, kSchemaMax);
    int64_t exponent = 0;
    double fraction = 1;
    if (schema < 0) {
        exponent = static_cast<int64_t>(index) << -schema;
    } else {
        const int32_t part = index & ((1 << schema) - 1);
        exponent = index >> schema;
        fraction = std::exp2(static_cast<double>(part) / static_cast<double>(1 << schema));
    }
    if (exponent == 1024 && fraction == 1) return std::numeric_limits<double>::max();
    return std::ldexp(fraction, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
}

std::vector<BoundedBucket> buckets_of(const NativeHistogram& native) {
    std::vector<BoundedBucket> out;
    out.reserve(native.negative.indexes.size() + native.positive.indexes.size() + 1);
    for (size_t i = native.negative.indexes.size(); i-- > 0;) {
        const int32_t index = native.negative.indexes[i];
        if (native.negative.counts[i] == 0) continue;
        out.push_back({-exponential_bound(index, native.schema),
                       -exponential_bound(index - 1, native.schema), native.negative.counts[i],
                       true, false});
    }
    if (native.zero_count != 0) {
        out.push_back(
            {-native.zero_threshold, native.zero_threshold, native.zero_count, true, true});
    }
    for (size_t i = 0; i < native.positive.indexes.size(); ++i) {
        const int32_t index = native.positive.indexes[i];
        if (native.positive.counts[i] == 0) continue;
        const double lower = lower_bound_of(native, index);
        out.push_back({lower, upper_bound_of(native, index), native.positive.counts[i],
                       native.is_custom() && std::isinf(lower) && lower < 0, true});
    }
    return out;
}

std::string histogram_text(const NativeHistogram& native) {
    std::string out =
        fmt::format("{{count:{}, sum:{}", format_value(native.count), format_value(native.sum));
    for (const BoundedBucket& bucket : buckets_of(native)) {
        out += fmt::format(", {}{},{}{}:{}", bucket.lower_inclusive ? '[' : '(',
                           format_value(bucket.lower), format_value(bucket.upper),
                           bucket.upper_inclusive ? ']' : ')', format_value(bucket.count));
    }
    return out + "}";
}

void add_scaled(NativeHistogram& into, const NativeHistogram& other, double factor,
                MergeRemarks& remarks) {
    MergeRemarks now;
    Compensated sum(into, 1);
    sum.add(other, factor, now);
    remarks.incompatible |= now.incompatible;
    remarks.reset_conflict |= now.reset_conflict;
    remarks.reconciled |= now.reconciled;
    if (now.incompatible) return;
    into = std::move(sum).total();
    compact(into);
}

std::optional<NativeHistogram> sum_of(std::span<const NativeHistogram* const> all,
                                      MergeRemarks& remarks) {
    return weighted_sum(all, 1, remarks);
}

std::optional<NativeHistogram> mean_of(std::span<const NativeHistogram* const> all,
                                       MergeRemarks& remarks) {
    const auto count = static_cast<double>(all.size());
    std::optional<NativeHistogram> sum = weighted_sum(all, 1, remarks);
    // A sum that overflows may have a mean that does not.
    if (sum && has_infinity(*sum)) return weighted_sum(all, 1 / count, remarks);
    if (sum) divide(*sum, count);
    return sum;
}

void scale(NativeHistogram& native, double factor) {
    native.zero_count *= factor;
    native.count *= factor;
    native.sum *= factor;
    for (double& count : native.positive.counts) count *= factor;
    for (double& count : native.negative.counts) count *= factor;
    if (factor < 0) native.hint = CounterResetHint::kGauge;
}

void divide(NativeHistogram& native, double divisor) {
    native.zero_count /= divisor;
    native.count /= divisor;
    native.sum /= divisor;
    if (divisor == 0) {
        native.positive = {};
        native.negative = {};
        return;
    }
    for (double& count : native.positive.counts) count /= divisor;
    for (double& count : native.negative.counts) count /= divisor;
    if (divisor < 0) native.hint = CounterResetHint::kGauge;
}

void reduce_schema(NativeHistogram& native, int32_t schema) {
    if (schema >= native.schema) return;
    const int32_t shift = std::min(native.schema - schema, 31);
    const auto to = [&](int32_t index) { return reduced_index(index, shift); };
    native.positive = moved(native.positive, to);
    native.negative = moved(native.negative, to);
    native.schema = schema;
}

void compact(NativeHistogram& native) {
    compact_side(native.positive);
    compact_side(native.negative);
}

NativeHistogram interpolated(const NativeHistogram& a, const NativeHistogram& b, double share,
                             bool is_counter, MergeRemarks& remarks) {
    if (is_counter && is_reset(b, a)) {
        NativeHistogram out = b;
        scale(out, share);
        return out;
    }
    NativeHistogram out = a;
    scale(out, 1 - share);
    MergeRemarks now;
    add_scaled(out, b, share, now);
    remarks.incompatible |= now.incompatible;
    remarks.reconciled |= now.reconciled;
    return now.incompatible ? a : out;
}

bool is_reset(const NativeHistogram& now, const NativeHistogram& before) {
    if (now.hint == CounterResetHint::kReset) return true;
    if (now.hint == CounterResetHint::kNotReset) return false;
    if (now.count < before.count) return true;
    if (now.is_custom() != before.is_custom()) return true;
    if (now.is_custom()) {
        if (now.bounds == before.bounds) return any_decreases(now.positive, before.positive);
        const std::vector<double> bounds = common_bounds(now.bounds, before.bounds);
        return any_decreases(in_bounds(now, bounds), in_bounds(before, bounds));
    }
    // A counter's layout only ever gets coarser.
    if (now.schema > before.schema || now.zero_threshold < before.zero_threshold) return true;
    NativeHistogram aligned = before;
    widen_zero(aligned, now.zero_threshold);
    if (aligned.zero_threshold != now.zero_threshold) return true;
    if (now.zero_count < aligned.zero_count) return true;
    reduce_schema(aligned, now.schema);
    return any_decreases(now.positive, aligned.positive) ||
           any_decreases(now.negative, aligned.negative);
}

bool same_observations(const NativeHistogram& a, const NativeHistogram& b) {
    const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
    const auto same_side = [&](const BucketSide& x, const BucketSide& y) {
        bool equal = true;
        each_of_both(x, y, [&](int32_t, double p, double q) { equal &= same(p, q); });
        return equal;
    };
    return a.schema == b.schema && same(a.count, b.count) && same(a.sum, b.sum) &&
           a.bounds == b.bounds && same(a.zero_threshold, b.zero_threshold) &&
           same(a.zero_count, b.zero_count) && same_side(a.positive, b.positive) &&
           same_side(a.negative, b.negative);
}

}  // namespace kw
