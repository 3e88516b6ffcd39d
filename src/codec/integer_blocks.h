// The decoding side of integer columns as a template: each block of up to 64 integers goes to a
// sink while it is in the cache, so that timestamps are stored and floats converted in the same
// pass. Format: integers.h. For the codec's own columns; others use decode_integers().
#pragma once

#include <algorithm>
#include <array>

#include "codec/bit_packing.h"
#include "codec/integers.h"

namespace kw::codec {

enum class Transform : uint8_t { kDirect = 0, kDelta = 1, kDelta2 = 2, kXor = 3 };  // on disk

inline constexpr uint8_t kTransformMask = 0x03;
inline constexpr uint8_t kHasDivisor = 0x04;
inline constexpr uint8_t kZigzag = 0x08;
inline constexpr uint8_t kHasBase = 0x10;
inline constexpr uint8_t kAllZero = 0x20;
inline constexpr uint8_t kUnusedFlags = 0xc0;
inline constexpr uint8_t kWidthMask = 0x7f;
inline constexpr uint8_t kHasPatches = 0x80;

void append_varint(Bytes& out, uint64_t value);

struct IntegerHeader {
    Transform transform = Transform::kDirect;
    bool zigzag = false;
    bool all_zero = false;
    uint64_t first = 0;   // the value before the first residual's
    uint64_t second = 0;  // delta2: the difference before the first residual's
    uint64_t divisor = 1;
    uint64_t base = 0;
    size_t leading = 0;  // values that the header gives: 0, 1 or 2
};

// Errors: kCorrupt.
Result<IntegerHeader> read_integer_header(ByteReader& in, size_t count);

// Residuals of one block before base and divisor: `count` of them, at most 64, to `residuals`,
// which has room for 64.
// Errors: kCorrupt.
Result<void> read_integer_block(ByteReader& in, size_t count, uint64_t* residuals);

// Calls sink(const int64_t* values, size_t index, size_t count) for consecutive runs of at most 64
// values, `count` in all. Returns the bytes used.
template <typename Sink>
Result<size_t> decode_integer_blocks(ByteView bytes, size_t count, Sink&& sink) {
    if (count == 0) return size_t{0};
    ByteReader in(bytes);
    KW_TRY_ASSIGN(const IntegerHeader header, read_integer_header(in, count));
    uint64_t value = header.first;
    uint64_t difference = header.second;
    alignas(64) std::array<int64_t, kIntegerBlockValues> values;
    alignas(64) std::array<uint64_t, kIntegerBlockValues> residuals;
    if (header.leading > 0) {
        values[0] = static_cast<int64_t>(value);
        if (header.leading > 1) values[1] = static_cast<int64_t>(value += difference);
        sink(values.data(), size_t{0}, header.leading);
    }
    if (header.all_zero) residuals.fill(header.base);
    for (size_t index = header.leading; index < count;) {
        const size_t run = std::min(kIntegerBlockValues, count - index);
        if (!header.all_zero) {
            KW_TRY(read_integer_block(in, run, residuals.data()));
            // Whole blocks, so that the loops below have a constant length and no tail.
            if (header.zigzag) {
                for (uint64_t& r : residuals) r = static_cast<uint64_t>(unzigzag(r));
            }
            if (header.divisor != 1) {
                for (uint64_t& r : residuals) r *= header.divisor;
            }
            if (header.base != 0) {
                for (uint64_t& r : residuals) r += header.base;
            }
        }
        switch (header.transform) {
            case Transform::kDirect:
                for (size_t i = 0; i < run; ++i) values[i] = static_cast<int64_t>(residuals[i]);
                break;
            case Transform::kDelta:
                for (size_t i = 0; i < run; ++i) {
                    values[i] = static_cast<int64_t>(value += residuals[i]);
                }
                break;
            case Transform::kDelta2:
                for (size_t i = 0; i < run; ++i) {
                    values[i] = static_cast<int64_t>(value += difference += residuals[i]);
                }
                break;
            case Transform::kXor:
                for (size_t i = 0; i < run; ++i) {
                    values[i] = static_cast<int64_t>(value ^= residuals[i]);
                }
                break;
        }
        sink(values.data(), index, run);
        index += run;
    }
    return in.offset();
}

}  // namespace kw::codec
