// Integer columns: int64 values as differences, bit-packed in blocks of 64.
//
// What every other column stands on: timestamps directly, floats through their decimal or bit
// pattern. The transform is chosen per column by its size:
//     direct        the values themselves
//     delta         differences of neighbours (counters, gauges that move slowly)
//     delta2        differences of differences (steady counters, jittered timestamps)
//     xor           each value xor the one before (bit patterns of arbitrary doubles)
// Residuals are taken relative to a base and divided by their common divisor, so that memory in
// pages or time in seconds costs no bits for what never changes; a few outliers (a counter reset, a
// step of a flat gauge) are patches and do not widen the others.
//
// Layout (on disk: never renumber)
//     u8       bits 0-1 transform: 0 direct, 1 delta, 2 delta2, 3 xor
//              bit 2: a divisor follows; bit 3: residuals are zigzag-coded; bit 4: a base follows
//              bit 5: every residual is 0, no blocks follow; bits 6-7 are 0
//     varint   delta, delta2, xor: the first value, zigzag
//     varint   delta2: the second value minus the first, zigzag
//     varint   with bit 2: divisor, at least 2 (else 1)
//     varint   with bit 4: base, zigzag (else 0)
//     blocks   of 64 residuals, the last one shorter:
//         u8   bits 0-6 width w, 0..64; bit 7: patches follow the packed bits
//         w·n bits, residual i at bit i·w, little-endian, padded to a byte
//         u8 count of patches, 1..64, count × u8 index, ascending, count × varint: the bits above w
//     difference = base + divisor · [unzigzag](packed | patch << w), modulo 2^64
// A column of n values has n residuals when direct, n-1 with delta and xor, n-2 with delta2.
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
// The same for bit patterns of doubles, where neighbours may be alike as xor and not as a
// difference.
void encode_bit_patterns(std::span<const int64_t> patterns, Bytes& out);

// Fills all of `out`; returns the bytes used, at most in.size(). Wraps modulo 2^64, never
// overflows.
// Errors: kCorrupt with the offset.
Result<size_t> decode_integers(ByteView in, std::span<int64_t> out);

}  // namespace kw::codec
