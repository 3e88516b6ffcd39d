// Samples and the values that stand beside them: staleness marker, native histogram, exemplar,
// metadata.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/labels.h"

namespace kw {

// The value that says "this series ended here": a NaN with a payload of its own, as Prometheus
// writes it.
inline constexpr uint64_t kStaleBits = 0x7ff0000000000002;
inline constexpr double kStaleMarker = std::bit_cast<double>(kStaleBits);
inline bool is_stale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }
// The NaN that a calculation or an exposition's "NaN" gives.
inline constexpr double kNormalNan = std::bit_cast<double>(uint64_t{0x7ff8000000000001});

// A start timestamp that is not known.
inline constexpr Millis kNoStart{0};

enum class CounterResetHint : unsigned char { kUnknown, kReset, kNotReset, kGauge };

// A native histogram, counts as floats. Buckets are sparse: spans of consecutive ones.
//   schema -4…8: exponential, base 2^(2^-schema), bucket i covers (base^(i-1), base^i]
//   schema -53: custom bounds, ascending, in custom_values; only positive buckets
// Source: the Prometheus native histogram specification.
struct HistogramSpan {
    int32_t offset = 0;  // from the end of the span before, for the first: the bucket's index
    uint32_t length = 0;
    bool operator==(const HistogramSpan&) const = default;
};

inline constexpr int32_t kCustomBucketsSchema = -53;

struct Histogram {
    CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
    int32_t schema = 0;
    double zero_threshold = 0;
    double zero_count = 0;
    double count = 0;
    double sum = 0;
    std::vector<HistogramSpan> positive_spans;
    std::vector<HistogramSpan> negative_spans;
    std::vector<double> positive_buckets;  // absolute counts, one for each bucket of the spans
    std::vector<double> negative_buckets;
    std::vector<double> custom_values;
    bool operator==(const Histogram&) const = default;
};

enum class MetricType : unsigned char {
    kUnknown,
    kCounter,
    kGauge,
    kHistogram,
    kGaugeHistogram,
    kSummary,
    kInfo,
    kStateset,
};
// "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"
std::string_view metric_type_name(MetricType type);

struct Metadata {
    MetricType type = MetricType::kUnknown;
    std::string help;
    std::string unit;
    bool operator==(const Metadata&) const = default;
};

struct Exemplar {
    LabelSet labels;
    double value = 0;
    Millis timestamp;
    bool has_timestamp = false;
    bool operator==(const Exemplar&) const = default;
};

// Both ends inclusive; empty when max < min.
struct TimeRange {
    Millis min = Millis::min();
    Millis max = Millis::max();
    bool contains(Millis t) const { return min <= t && t <= max; }
    bool overlaps(const TimeRange& other) const { return min <= other.max && other.min <= max; }
    bool operator==(const TimeRange&) const = default;
};

// A duration as the configuration and PromQL write it: "1h30m", "15s", "0"; units y w d h m s ms,
// each at most once, descending. Errors: kInvalid, also past int64 milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);
// The shortest such text: 5400000 is "1h30m", 0 is "0s".
std::string format_duration_ms(int64_t duration_ms);

// A value as Prometheus' APIs and expositions print it: shortest text that reads back to the same
// double, exponent below 1e-6 and from 1e21 ("1e+21", "1e-07"), "NaN", "+Inf", "-Inf".
void append_value(std::string& out, double value);
std::string format_value(double value);
// Go's ParseFloat on the texts that expositions and PromQL use: decimal, exponent, hexadecimal,
// Inf, NaN, with sign and any case, no surrounding space, `_` not allowed. Errors: kInvalid.
Result<double> parse_value(std::string_view text);

}  // namespace kw
