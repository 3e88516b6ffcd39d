// Float columns: doubles, every bit pattern kept (-0, NaN payloads, stale markers), the encoding
// chosen by looking at the values.
//
// Exporters print short decimals, so most columns are integers in disguise: 12.25 is 1225 / 10².
// Such a column is stored as integers (see integers.h) and comes back by one division, which is
// exact: both sides are integers below 2^53, and IEEE division rounds correctly, as reading the
// text did. What does not fit (stale markers, NaN, Inf, -0, a rare long fraction) is listed as
// exceptions, with the neighbour's integer in its slot. Columns of arbitrary doubles are integer
// columns of their bit patterns.
// Sums of decimals (seconds that were counted in nanoseconds) are near a decimal, off by some last bits:
// those bits are a column of their own.
//
// Layout (on disk: never renumber)
//     u8 tag
//     0 raw       8 bytes each
//     1 decimal   u8 exponent e, 0..22; integer column m; value = m / 10^e
//     2 decimal with exceptions
//                 u8 exponent; varint count of exceptions; for each: varint (distance to the
//                 exception before, or to -1, minus 1) · 2 + (1 when it is the stale marker), then,
//                 unless it is, 8 bytes; then the integer column
//     3 bits      integer column of the bit patterns
//     4 constant  8 bytes: the value of all
//     5 constant  varint, zigzag: the integer that all are
//     6 near a decimal
//                 u8 exponent e, 0..22; integer column m; integer column c;
//                 value = the bit pattern of m / 10^e, plus c, modulo 2^64
// The number of values is not stored: who stores the column knows it.
// Source: the decimal scheme follows ALP, "Adaptive Lossless floating-Point Compression" (2023).
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::codec {

// Appends the column of `values` to `out`. Nothing is appended for no values.
void encode_values(std::span<const double> values, Bytes& out);

// Fills all of `out`; returns the bytes used, at most in.size().
// Errors: kCorrupt with the offset.
Result<size_t> decode_values(ByteView in, std::span<double> out);

}  // namespace kw::codec
