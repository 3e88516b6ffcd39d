// Packs and unpacks up to 64 unsigned integers of one width, 0..64 bits each, little-endian: value
// i stands at bit i·width. The only hot loop of the module: eight values of w bits are exactly w
// bytes, so for each width there is a straight line of loads, shifts and masks at constant places,
// without a branch.
//
// codec_bench unpack: 0.25 ns a value up to 57 bits, 0.4 above.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace kw::codec {

inline constexpr size_t kPackValuesMax = 64;
// unpack_bits() may read this many bytes past the packed ones: width bytes of a last group, and a
// word.
inline constexpr size_t kUnpackSlackBytes = 64 + 8;

// The fewest bits that hold `value`; 0 for 0.
inline unsigned bit_width_of(uint64_t value) {
    return static_cast<unsigned>(std::bit_width(value));
}

inline constexpr size_t packed_bytes(size_t count, unsigned width) {
    return (count * width + 7) / 8;
}

// Appends the low `width` bits of `count` values, at most kPackValuesMax.
void pack_bits(const uint64_t* values, size_t count, unsigned width, Bytes& out);

// Fills `values`, which has room for `count` rounded up to 8. `in` is readable for
// packed_bytes(count, width) + kUnpackSlackBytes.
void unpack_bits(const uint8_t* in, size_t count, unsigned width, uint64_t* values);

// The obvious form, which the fast one is tested against; reads only the packed bytes.
void unpack_bits_plain(const uint8_t* in, size_t count, unsigned width, uint64_t* values);

}  // namespace kw::codec
