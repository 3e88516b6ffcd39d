// Points in time: Millis for samples, Nanos for events. Different types, so that the compiler
// catches a swap; both count from the Unix epoch, UTC. Distances are plain int64_t of the same
// unit, in names that end in _ms and _ns.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace kw {

struct Millis {
    int64_t count = 0;

    constexpr auto operator<=>(const Millis&) const = default;
    constexpr Millis operator+(int64_t distance_ms) const { return {count + distance_ms}; }
    constexpr Millis operator-(int64_t distance_ms) const { return {count - distance_ms}; }
    constexpr int64_t operator-(Millis other) const { return count - other.count; }
    constexpr Millis& operator+=(int64_t distance_ms) {
        count += distance_ms;
        return *this;
    }
    constexpr Millis& operator-=(int64_t distance_ms) {
        count -= distance_ms;
        return *this;
    }

    static constexpr Millis min() { return {std::numeric_limits<int64_t>::min()}; }
    static constexpr Millis max() { return {std::numeric_limits<int64_t>::max()}; }
};

struct Nanos {
    int64_t count = 0;

    constexpr auto operator<=>(const Nanos&) const = default;
    constexpr Nanos operator+(int64_t distance_ns) const { return {count + distance_ns}; }
    constexpr Nanos operator-(int64_t distance_ns) const { return {count - distance_ns}; }
    constexpr int64_t operator-(Nanos other) const { return count - other.count; }
};

}  // namespace kw
