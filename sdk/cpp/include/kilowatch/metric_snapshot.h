// What a registry holds at one moment, as plain values: what expositions and the exporter are made
// from, and what a host's test can look at.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kilowatch/attributes.h"

namespace kilowatch {

using SystemTime = std::chrono::sys_time<std::chrono::nanoseconds>;

enum class MetricType { kCounter, kGauge, kHistogram };

// An observation with the trace that it was part of.
struct Exemplar {
    double value = 0;
    SystemTime time;
    std::string trace_id;  // 32 hex digits
    std::string span_id;   // 16 hex digits
};

// Buckets [first_index, first_index + counts.size()) of one sign, dense; bucket i is (base^(i-1),
// base^i].
struct NativeBuckets {
    int32_t first_index = 0;
    std::vector<uint64_t> counts;
};

struct NativeHistogramValue {
    int schema = 0;  // base = 2^(2^-schema)
    double zero_threshold = 0;
    uint64_t zero_count = 0;
    NativeBuckets positive;
    NativeBuckets negative;
};

struct HistogramValue {
    uint64_t count = 0;
    double sum = 0;
    // Classic: counts[i] observations at most bounds[i] and above bounds[i-1]; one count more than
    // bounds, the last is up to +Inf. Both are empty without the classic form.
    std::vector<double> bounds;
    std::vector<uint64_t> counts;
    // by classic bucket; one, the newest, without the classic form
    std::vector<std::optional<Exemplar>> exemplars;
    std::optional<NativeHistogramValue> native;
};

struct SeriesSnapshot {
    Labels labels;  // in the order of the family's label names
    double value = 0;
    HistogramValue histogram;  // of kHistogram only
    SystemTime created;        // when the series began to count
};

struct FamilySnapshot {
    std::string name;  // with _total where it is a counter
    std::string help;
    MetricType type = MetricType::kGauge;
    std::vector<SeriesSnapshot> series;
};

}  // namespace kilowatch
