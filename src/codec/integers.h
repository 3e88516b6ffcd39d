// Integer columns: int64 values as differences, bit-packed in blocks of 64.
//
// What every other column stands on: timestamps directly, floats through their decimal or bit pattern.
// The transform is chosen per column by its size:
//     direct        the values themselves
//     delta         differences of neighbours (counters, gauges that move slowly)
//     delta2        differences of differences (steady counters, jittered timestamps)
//     xor           each value xor the one before (bit patterns of arbitrary doubles)
// Residuals are divided by their common divisor and taken relative to a base, so that memory in pages or
// time in seconds costs no bits for what never changes; a few outliers (a counter reset) are patches.
//
// Layout (on disk: never renumber)
//     u8       bits 0-2 transform: 0 direct, 1 delta, 2 delta2, 3 xor
//              bit 3: a divisor follows; bit 4: every residual is the base, no blocks follow; rest 0
//     varint   delta, delta2, xor: the first value, zigzag; delta2: then the second minus the first, zigzag
//     varint   with bit 3: divisor, at least 2
//     varint   base, zigzag
//     blocks   of 64 residuals, the last one shorter:
//         u8   bits 0-6 width w, 0..64; bit 7: patches follow the packed bits
//         w·n bits, residual i at bit i·w, little-endian, padded to a byte
//         u8 count of patches, count × u8 index (ascending), count × varint: the bits above w
//     residual = base + divisor · (packed | patch << w), modulo 2^64
// The number of values is not stored: who stores the column knows it.
// Source: frame of reference with patches, as in "Super-scalar RAM-CPU cache compression" (PFOR).
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::codec {

inline constexpr size_t kIntegerBlockValues = 64;

// Appends the column of `values` to `out`. Nothing is appended for no values.
void encode_integers(std::span<const int64_t> values, Bytes& out);

// Fills all of `out`; returns the bytes used, at most in.size(). Wraps modulo 2^64, never overflows.
// Errors: kCorrupt with the offset.
Result<size_t> decode_integers(ByteView in, std::span<int64_t> out);

}  // namespace kw::codec
