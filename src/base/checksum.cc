#include "base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace kw {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
        table[i] = crc;
    }
    return table;
}

constexpr std::array<uint32_t, 256> kTable = make_table();

}  // namespace

uint32_t crc32c_plain(ByteView bytes, uint32_t seed) {
    uint32_t crc = ~seed;
    for (const uint8_t byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
    return ~crc;
}

uint32_t crc32c(ByteView bytes, uint32_t seed) {
#if defined(__SSE4_2__)
    uint64_t crc = static_cast<uint32_t>(~seed);
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, load_le<uint64_t>(at));
    uint32_t narrow = static_cast<uint32_t>(crc);
    for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, *at);
    return ~narrow;
#else
    return crc32c_plain(bytes, seed);
#endif
}

uint64_t xxh64(std::string_view text) { return XXH64(text.data(), text.size(), 0); }

uint64_t hash64(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace kw
