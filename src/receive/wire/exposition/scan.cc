#include "wire/exposition/scan.h"

#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace kw::wire {

const char* find_closing_brace_plain(const char* at, const char* end, bool in_quotes) {
    for (; at < end; ++at) {
        switch (*at) {
            case '\n': return nullptr;
            case '"': in_quotes = !in_quotes; break;
            case '\\':
                if (in_quotes && at + 1 < end && at[1] != '\n') ++at;
                break;
            case '}':
                if (!in_quotes) return at;
                break;
            default: break;
        }
    }
    return nullptr;
}

#ifdef __SSE2__
// A quote flips "inside" for all bytes behind it: the prefix-xor of the quotes' bits is the mask of
// what lies inside. A backslash hands the rest to the plain scan; they are rare in labels.
const char* find_closing_brace(const char* at, const char* end) {
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i brace = _mm_set1_epi8('}');
    const __m128i newline = _mm_set1_epi8('\n');
    const __m128i backslash = _mm_set1_epi8('\\');
    uint32_t carry = 0;  // 0xffff: the block starts inside of quotes
    for (; end - at >= 16; at += 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const auto bits = [&](__m128i wanted) {
            return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted)));
        };
        uint32_t inside = bits(quote);
        inside ^= inside << 1;
        inside ^= inside << 2;
        inside ^= inside << 4;
        inside ^= inside << 8;
        inside = (inside ^ carry) & 0xffff;
        const uint32_t closing = bits(brace) & ~inside;
        const uint32_t special = static_cast<uint32_t>(_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(block, newline), _mm_cmpeq_epi8(block, backslash))));
        if (const uint32_t stop = closing | special; stop != 0) {
            if (closing != 0 && (special == 0 || __builtin_ctz(closing) < __builtin_ctz(special))) {
                return at + __builtin_ctz(closing);
            }
            return find_closing_brace_plain(at, end, carry != 0);
        }
        carry = inside & 0x8000 ? 0xffff : 0;
    }
    return find_closing_brace_plain(at, end, carry != 0);
}
#else
const char* find_closing_brace(const char* at, const char* end) {
    return find_closing_brace_plain(at, end);
}
#endif

}  // namespace kw::wire
