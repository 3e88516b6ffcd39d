#include "codec/bit_packing.h"

#include <array>
#include <utility>

namespace kw::codec {
namespace {

constexpr uint64_t mask_of(unsigned width) {
    return width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
}

// Value `kIndex` of a group of eight of `kWidth` bits. Up to 57 bits one word covers a value
// wherever it starts in a byte; wider ones may reach into a ninth byte.
template <unsigned kWidth, unsigned kIndex>
inline uint64_t extract(const uint8_t* group) {
    constexpr unsigned kBit = kWidth * kIndex;
    constexpr unsigned kShift = kBit % 8;
    uint64_t word = load_le<uint64_t>(group + kBit / 8) >> kShift;
    if constexpr (kShift + kWidth > 64) {
        word |= static_cast<uint64_t>(group[kBit / 8 + 8]) << (64 - kShift);
    }
    return word & mask_of(kWidth);
}

template <unsigned kWidth>
void unpack_width(const uint8_t* in, size_t groups, uint64_t* values) {
    for (size_t group = 0; group < groups; ++group, in += kWidth, values += 8) {
        values[0] = extract<kWidth, 0>(in);
        values[1] = extract<kWidth, 1>(in);
        values[2] = extract<kWidth, 2>(in);
        values[3] = extract<kWidth, 3>(in);
        values[4] = extract<kWidth, 4>(in);
        values[5] = extract<kWidth, 5>(in);
        values[6] = extract<kWidth, 6>(in);
        values[7] = extract<kWidth, 7>(in);
    }
}

template <>
void unpack_width<0>(const uint8_t*, size_t groups, uint64_t* values) {
    for (size_t i = 0; i < groups * 8; ++i) values[i] = 0;
}

using Unpack = void (*)(const uint8_t*, size_t, uint64_t*);

template <size_t... kWidths>
constexpr std::array<Unpack, 65> make_table(std::index_sequence<kWidths...>) {
    return {&unpack_width<kWidths>...};
}

constexpr std::array<Unpack, 65> kUnpackByWidth = make_table(std::make_index_sequence<65>());

}  // namespace

void pack_bits(const uint64_t* values, size_t count, unsigned width, Bytes& out) {
    if (width == 0) return;
    const size_t start = out.size();
    out.resize(start + packed_bytes(count, width));
    uint8_t* at = out.data() + start;
    uint64_t pending = 0;  // the low `filled` bits are not stored yet
    unsigned filled = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint64_t value = values[i] & mask_of(width);
        pending |= value << filled;
        if (filled + width < 64) {
            filled += width;
            continue;
        }
        store_le(at, pending);
        at += 8;
        const unsigned stored = 64 - filled;  // bits of `value` that went out, 1..64
        pending = stored == 64 ? 0 : value >> stored;
        filled = width - stored;
    }
    for (; filled > 0; filled = filled > 8 ? filled - 8 : 0) {
        *at++ = static_cast<uint8_t>(pending);
        pending >>= 8;
    }
}

void unpack_bits(const uint8_t* in, size_t count, unsigned width, uint64_t* values) {
    kUnpackByWidth[width](in, (count + 7) / 8, values);
}

void unpack_bits_plain(const uint8_t* in, size_t count, unsigned width, uint64_t* values) {
    for (size_t i = 0; i < count; ++i) {
        uint64_t value = 0;
        for (unsigned bit = 0; bit < width; ++bit) {
            const size_t at = i * width + bit;
            value |= static_cast<uint64_t>((in[at / 8] >> (at % 8)) & 1) << bit;
        }
        values[i] = value;
    }
}

}  // namespace kw::codec
