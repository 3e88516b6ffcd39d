#include "codec/integers.h"

#include <bit>
#include <limits>
#include <numeric>
#include <vector>

#include "codec/integer_blocks.h"

namespace kw::codec {
namespace {

// How residuals of one transform are coded, and what that costs.
struct Plan {
    Transform transform = Transform::kDirect;
    bool zigzag = false;
    uint64_t base = 0;
    uint64_t divisor = 1;
    uint64_t cost_bits = std::numeric_limits<uint64_t>::max();
    std::vector<uint64_t> residuals;  // as packed
};

// Kept between calls: encoding allocates nothing once warm.
struct IntegerScratch {
    std::vector<uint64_t> delta;
    std::vector<uint64_t> delta2;
    Plan best;
    Plan tried;
};

thread_local IntegerScratch integer_scratch;

uint64_t varint_bytes(uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

struct BlockPlan {
    unsigned width = 0;
    uint64_t cost_bits = 0;
};

// The width that makes a block smallest, values above it becoming patches.
BlockPlan plan_block(const uint64_t* residuals, size_t count) {
    std::array<uint8_t, 65> count_by_width{};
    for (size_t i = 0; i < count; ++i) ++count_by_width[bit_width_of(residuals[i])];
    unsigned widest = 64;
    while (widest > 0 && count_by_width[widest] == 0) --widest;
    BlockPlan best{widest, 8 + count * widest};
    // A patch costs 16 bits or more, so below a quarter of the values they pay only for wide
    // outliers.
    size_t patches = 0;
    for (unsigned width = widest; width-- > 0;) {
        patches += count_by_width[width + 1];
        if (patches > count / 4 + 1) break;
        if (count_by_width[width] == 0 && width != 0) continue;
        uint64_t cost = 8 + count * width + 8;
        for (unsigned above = width + 1; above <= widest; ++above) {
            cost += count_by_width[above] * uint64_t{8 + 8 * ((above - width + 6) / 7)};
        }
        if (cost < best.cost_bits) best = {width, cost};
    }
    return best;
}

uint64_t cost_of(const std::vector<uint64_t>& residuals, uint64_t limit_bits) {
    uint64_t cost = 0;
    for (size_t at = 0; at < residuals.size() && cost < limit_bits; at += kIntegerBlockValues) {
        const size_t count = std::min(kIntegerBlockValues, residuals.size() - at);
        cost += plan_block(residuals.data() + at, count).cost_bits;
    }
    return cost;
}

// The value that unsigned residuals are counted from: the smallest, or one of the next when the few
// below it, as patches of some ten bytes, cost less than the bits they would add to all.
int64_t robust_minimum(const std::vector<uint64_t>& differences) {
    constexpr size_t kOutliersMax = 4;
    const size_t outliers = std::min(kOutliersMax, differences.size() / 16);
    std::array<int64_t, kOutliersMax + 1> low;
    std::array<int64_t, kOutliersMax + 1> high;
    low.fill(std::numeric_limits<int64_t>::max());
    high.fill(std::numeric_limits<int64_t>::min());
    for (const uint64_t difference : differences) {
        int64_t value = static_cast<int64_t>(difference);
        if (value < low[outliers]) {
            int64_t carried = value;
            for (size_t i = 0; i <= outliers; ++i) {
                if (carried < low[i]) std::swap(carried, low[i]);
            }
        }
        if (value > high[outliers]) {
            for (size_t i = 0; i <= outliers; ++i) {
                if (value > high[i]) std::swap(value, high[i]);
            }
        }
    }
    int64_t best = low[0];
    uint64_t best_cost = std::numeric_limits<uint64_t>::max();
    for (size_t skipped = 0; skipped <= outliers; ++skipped) {
        const uint64_t span =
            high[outliers] < low[skipped]
                ? 0
                : static_cast<uint64_t>(high[outliers]) - static_cast<uint64_t>(low[skipped]);
        const uint64_t cost = skipped * 88 + differences.size() * bit_width_of(span);
        if (cost < best_cost) {
            best_cost = cost;
            best = low[skipped];
        }
    }
    return best;
}

// The greatest common divisor of all distances from `base`; 1 when it would not help or not fit.
uint64_t common_divisor(const std::vector<uint64_t>& differences, int64_t base) {
    constexpr int64_t kSafe = int64_t{1} << 61;
    if (base > kSafe || base < -kSafe) return 1;
    uint64_t divisor = 0;
    for (const uint64_t difference : differences) {
        const int64_t value = static_cast<int64_t>(difference);
        if (value > kSafe || value < -kSafe) return 1;
        const int64_t distance = value - base;
        const auto size = static_cast<uint64_t>(distance < 0 ? -distance : distance);
        // Once found, the divisor mostly fits: one division is a third of a gcd.
        if (divisor != 0 && size % divisor == 0) continue;
        divisor = std::gcd(divisor, size);
        if (divisor == 1) return 1;
    }
    return divisor == 0 ? 1 : divisor;
}

// Tries one coding of `differences` and keeps it in `best` when it is smaller.
void consider(Transform transform, bool zigzag_coded, uint64_t header_bits,
              const std::vector<uint64_t>& differences, Plan& best, Plan& tried) {
    tried.transform = transform;
    tried.zigzag = zigzag_coded;
    const bool plain_bits = transform == Transform::kXor;
    const int64_t base = zigzag_coded || plain_bits ? 0 : robust_minimum(differences);
    tried.base = static_cast<uint64_t>(base);
    tried.divisor = plain_bits ? 1 : common_divisor(differences, base);
    tried.residuals.resize(differences.size());
    const int64_t divisor = static_cast<int64_t>(tried.divisor);
    for (size_t i = 0; i < differences.size(); ++i) {
        uint64_t residual = differences[i] - tried.base;
        if (divisor != 1) {
            residual = static_cast<uint64_t>(static_cast<int64_t>(residual) / divisor);
        }
        tried.residuals[i] = zigzag_coded ? zigzag(static_cast<int64_t>(residual)) : residual;
    }
    header_bits += tried.divisor == 1 ? 0 : 8 * varint_bytes(tried.divisor);
    header_bits += tried.base == 0 ? 0 : 8 * varint_bytes(zigzag(base));
    const bool all_zero = std::all_of(tried.residuals.begin(), tried.residuals.end(),
                                      [](uint64_t residual) { return residual == 0; });
    tried.cost_bits = header_bits + (all_zero ? 0 : cost_of(tried.residuals, best.cost_bits));
    if (tried.cost_bits < best.cost_bits) std::swap(best, tried);
}

void append_block(const uint64_t* residuals, size_t count, Bytes& out) {
    const unsigned width = plan_block(residuals, count).width;
    std::array<uint8_t, kIntegerBlockValues> patched;
    size_t patches = 0;
    for (size_t i = 0; i < count; ++i) {
        if (bit_width_of(residuals[i]) > width) patched[patches++] = static_cast<uint8_t>(i);
    }
    out.push_back(static_cast<uint8_t>(width | (patches > 0 ? kHasPatches : 0)));
    pack_bits(residuals, count, width, out);
    if (patches == 0) return;
    out.push_back(static_cast<uint8_t>(patches));
    out.insert(out.end(), patched.begin(), patched.begin() + static_cast<ptrdiff_t>(patches));
    for (size_t i = 0; i < patches; ++i) append_varint(out, residuals[patched[i]] >> width);
}

void encode(std::span<const int64_t> values, bool bit_patterns, Bytes& out) {
    if (values.empty()) return;
    const auto value_at = [&](size_t i) { return static_cast<uint64_t>(values[i]); };
    auto& [delta, delta2, best, tried] = integer_scratch;
    best.cost_bits = std::numeric_limits<uint64_t>::max();

    delta.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) delta[i] = value_at(i);
    consider(Transform::kDirect, false, 0, delta, best, tried);
    if (values.size() > 1) {
        const uint64_t first_bits = 8 * varint_bytes(zigzag(values[0]));
        if (bit_patterns) {
            for (size_t i = 1; i < values.size(); ++i) delta[i - 1] = value_at(i) ^ value_at(i - 1);
            delta.pop_back();
            consider(Transform::kXor, false, first_bits, delta, best, tried);
            delta.resize(values.size());
        }
        for (size_t i = 1; i < values.size(); ++i) delta[i - 1] = value_at(i) - value_at(i - 1);
        delta.pop_back();
        consider(Transform::kDelta, false, first_bits, delta, best, tried);
        consider(Transform::kDelta, true, first_bits, delta, best, tried);
        if (values.size() > 2) {
            delta2.resize(delta.size() - 1);
            for (size_t i = 1; i < delta.size(); ++i) delta2[i - 1] = delta[i] - delta[i - 1];
            const uint64_t second_bits = 8 * varint_bytes(zigzag(static_cast<int64_t>(delta[0])));
            consider(Transform::kDelta2, true, first_bits + second_bits, delta2, best, tried);
        }
    }

    const bool all_zero = std::all_of(best.residuals.begin(), best.residuals.end(),
                                      [](uint64_t residual) { return residual == 0; });
    out.push_back(static_cast<uint8_t>(
        static_cast<uint8_t>(best.transform) | (best.divisor != 1 ? kHasDivisor : 0) |
        (best.zigzag ? kZigzag : 0) | (best.base != 0 ? kHasBase : 0) | (all_zero ? kAllZero : 0)));
    if (best.transform != Transform::kDirect) append_varint(out, zigzag(values[0]));
    if (best.transform == Transform::kDelta2) {
        append_varint(out, zigzag(static_cast<int64_t>(value_at(1) - value_at(0))));
    }
    if (best.divisor != 1) append_varint(out, best.divisor);
    if (best.base != 0) append_varint(out, zigzag(static_cast<int64_t>(best.base)));
    if (all_zero) return;
    for (size_t at = 0; at < best.residuals.size(); at += kIntegerBlockValues) {
        append_block(best.residuals.data() + at,
                     std::min(kIntegerBlockValues, best.residuals.size() - at), out);
    }
}

}  // namespace

void append_varint(Bytes& out, uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<uint8_t>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<uint8_t>(value));
}

void encode_integers(std::span<const int64_t> values, Bytes& out) { encode(values, false, out); }

void encode_bit_patterns(std::span<const int64_t> patterns, Bytes& out) {
    encode(patterns, true, out);
}

Result<IntegerHeader> read_integer_header(ByteReader& in, size_t count) {
    KW_TRY_ASSIGN(const uint8_t flags, in.u8());
    if ((flags & kUnusedFlags) != 0) return corrupt("integer column with flags {:#x}", flags);
    IntegerHeader header;
    header.transform = static_cast<Transform>(flags & kTransformMask);
    header.zigzag = (flags & kZigzag) != 0;
    header.all_zero = (flags & kAllZero) != 0;
    if (header.transform != Transform::kDirect) {
        KW_TRY_ASSIGN(const int64_t first, in.varint_signed());
        header.first = static_cast<uint64_t>(first);
        header.leading = 1;
    }
    if (header.transform == Transform::kDelta2) {
        KW_TRY_ASSIGN(const int64_t second, in.varint_signed());
        header.second = static_cast<uint64_t>(second);
        header.leading = 2;
    }
    if (header.leading > count) {
        return corrupt("integer column of {} values, at least {} for its transform", count,
                       header.leading);
    }
    if ((flags & kHasDivisor) != 0) {
        KW_TRY_ASSIGN(header.divisor, in.varint());
        if (header.divisor < 2) return corrupt("integer column with divisor {}", header.divisor);
    }
    if ((flags & kHasBase) != 0) {
        KW_TRY_ASSIGN(const int64_t base, in.varint_signed());
        header.base = static_cast<uint64_t>(base);
    }
    return header;
}

Result<void> read_integer_block(ByteReader& in, size_t count, uint64_t* residuals) {
    KW_TRY_ASSIGN(const uint8_t head, in.u8());
    const unsigned width = head & kWidthMask;
    if (width > 64) return corrupt("packed width {} before byte {}", width, in.offset());
    const size_t left = in.remaining();
    KW_TRY_ASSIGN(const ByteView packed, in.take(packed_bytes(count, width)));
    if (left >= packed.size() + kUnpackSlackBytes) {
        unpack_bits(packed.data(), count, width, residuals);
    } else {
        std::array<uint8_t, kIntegerBlockValues * 8 + kUnpackSlackBytes> padded;
        if (!packed.empty()) std::memcpy(padded.data(), packed.data(), packed.size());
        std::memset(padded.data() + packed.size(), 0, kUnpackSlackBytes);
        unpack_bits(padded.data(), count, width, residuals);
    }
    for (size_t i = (count + 7) / 8 * 8; i < kIntegerBlockValues; ++i) residuals[i] = 0;
    if ((head & kHasPatches) == 0) return {};

    KW_TRY_ASSIGN(const uint8_t patches, in.u8());
    if (patches == 0 || patches > count || width == 64) {
        return corrupt("{} patches of {} values of {} bits before byte {}", patches, count, width,
                       in.offset());
    }
    KW_TRY_ASSIGN(const ByteView indexes, in.take(patches));
    for (const uint8_t index : indexes) {
        if (index >= count) return corrupt("patch of value {} of {}", index, count);
        KW_TRY_ASSIGN(const uint64_t high, in.varint());
        residuals[index] |= high << width;
    }
    return {};
}

Result<size_t> decode_integers(ByteView in, std::span<int64_t> out) {
    return decode_integer_blocks(in, out.size(),
                                 [&](const int64_t* values, size_t index, size_t count) {
                                     std::memcpy(out.data() + index, values, count * 8);
                                 });
}

}  // namespace kw::codec
