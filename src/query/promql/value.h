// What expressions evaluate to: columns over the steps of a query.
//
// A query is evaluated for all its steps at once, so a vector is a list of series, each with one value a
// step. A step at which a series has no value holds kAbsent: the staleness marker, which no selector lets
// through and no calculation gives, so that a column needs no bitmap beside it.
// Copy columns, compare with is_absent(), and never calculate on an absent value: the processor would
// quieten the marker into an ordinary NaN.
// A native histogram in a column is a handle: a signalling NaN whose payload is the address of a NativeHistogram that
// the query's HistogramArena owns. Operators that only move values around need not know; those that calculate ask
// QueryContext::has_histograms() once a series, so that floats cost nothing more. No number read from a store may
// pass for a handle: selectors let no reserved pattern through. Like the marker, a handle that is calculated with
// becomes an ordinary NaN.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/labels.h"
#include "model/sample.h"

namespace kw {
struct NativeHistogram;
}

namespace kw::promql {

inline constexpr double kAbsent = kStaleMarker;
inline bool is_absent(double value) { return is_stale(value); }

// The markers and handles: +Inf with something in the low 48 bits, which no calculation gives.
inline constexpr uint64_t kReservedBase = 0x7ff0'0000'0000'0000;
inline bool is_reserved(double value) {
    return std::bit_cast<uint64_t>(value) - (kReservedBase + 1) < (uint64_t{1} << 48) - 1;
}
inline bool is_histogram(double value) { return is_reserved(value) && !is_absent(value); }
// Of a handle.
inline const NativeHistogram& histogram_at(double handle) {
    return *std::bit_cast<const NativeHistogram*>(std::bit_cast<uint64_t>(handle) ^ kReservedBase);
}

// The times at which an expression is evaluated: start, start + step_ms, …
struct StepGrid {
    Millis start;
    int64_t step_ms = 1;  // positive
    size_t count = 1;     // at least 1 for a query; 0 for a subquery too short for its step
    // Whether its steps are those of the query: only they count in per-step statistics.
    bool is_query = false;

    Millis at(size_t index) const { return start + static_cast<int64_t>(index) * step_ms; }
    Millis last() const { return at(count - 1); }
    StepGrid first_only() const { return {start, step_ms, count == 0 ? 0u : 1u, false}; }
};

// One value a step.
using Column = std::vector<double>;

class ProfileNode;
class QueryContext;

// What a query holds of its limits of samples and memory while a value lives. Moved with the value.
class Hold final {
 public:
    Hold() = default;
    ~Hold() { release(); }
    Hold(Hold&& other) noexcept { *this = std::move(other); }
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    void release();
    // Takes over what `other` holds, of the same query.
    void absorb(Hold&& other);

 private:
    friend class QueryContext;
    QueryContext* context_ = nullptr;
    ProfileNode* node_ = nullptr;  // whose bytes these are, where the query is profiled
    uint64_t samples_ = 0;
    uint64_t bytes_ = 0;
};

struct StepSeries {
    LabelSet labels;
    // The metric name is to go before anybody outside sees it (delayed name removal).
    bool drop_name = false;
    Column values;
};

// An instant vector at every step. No series is absent at all steps.
struct StepVector {
    std::vector<StepSeries> series;
    Hold hold;
};

}  // namespace kw::promql
