#include "codec/values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "codec/integer_blocks.h"

namespace kw::codec {
namespace {

enum class ValueTag : uint8_t {  // on disk
    kRaw = 0,
    kDecimal = 1,
    kDecimalWithExceptions = 2,
    kBits = 3,
    kConstant = 4,
    kConstantInteger = 5,
    kNearDecimal = 6,
};

// The values of a stale marker, as model/sample.h has it; this module knows no model.
constexpr uint64_t kStaleBits = 0x7ff0000000000002;

// 10^22 is the last power of ten that a double holds exactly.
constexpr unsigned kExponentMax = 22;
// Digits after the point that are looked for: past 15 a double has no decimals to find.
constexpr unsigned kExponentTried = 15;
constexpr uint8_t kNoExponent = 0xff;
// What sums are made of: milli-, micro- and nanoseconds.
constexpr uint8_t kNearExponents[] = {3, 6, 9};
// A sum further off than this many last bits is none of decimals.
constexpr unsigned kNearBitsMax = 20;
constexpr std::array<double, kExponentMax + 1> kPowers = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr double kExactMax = 9007199254740992.0;       // 2^53
constexpr double kIntegerMax = 9223372036854774784.0;  // the last double below 2^63

// An exception costs its place and 8 bytes; a digit too many costs every value log2(10) bits.
constexpr uint64_t kExceptionBits = 80;
constexpr uint64_t kDigitBitsTimes3 = 10;

struct ValueScratch {
    std::vector<uint8_t>
        exponents;  // that each value needs, kNoExponent when it is no short decimal
    std::vector<int64_t> integers;
    std::vector<uint32_t> exceptions;
    std::vector<int64_t> corrections;
    Bytes candidate;
};

thread_local ValueScratch value_scratch;

uint64_t bits_of(double value) { return std::bit_cast<uint64_t>(value); }

// Whether `value` is exactly m / 10^exponent for an integer m that decodes back to the same bits.
bool to_integer(double value, unsigned exponent, int64_t& m) {
    if (exponent == 0) {
        if (!(value <= kIntegerMax && value >= -kIntegerMax)) return false;
        m = static_cast<int64_t>(value);
        return bits_of(static_cast<double>(m)) == bits_of(value);
    }
    const double scaled = std::nearbyint(value * kPowers[exponent]);
    if (!(scaled <= kExactMax && scaled >= -kExactMax)) return false;
    m = static_cast<int64_t>(scaled);
    return bits_of(static_cast<double>(m) / kPowers[exponent]) == bits_of(value);
}

// The digits after the point that `value` needs. Neighbours mostly need the same: `guess` goes
// first.
uint8_t exponent_of(double value, unsigned guess) {
    int64_t m;
    if (to_integer(value, guess, m)) {
        if (guess == 0) return 0;
        for (; guess > 0 && m % 10 == 0; m /= 10) --guess;
        return static_cast<uint8_t>(guess);
    }
    if (!std::isfinite(value) || bits_of(value) == bits_of(-0.0)) return kNoExponent;
    for (unsigned exponent = 0; exponent <= kExponentTried; ++exponent) {
        if (exponent != guess && to_integer(value, exponent, m)) {
            return static_cast<uint8_t>(exponent);
        }
    }
    return kNoExponent;
}

// The exponent that makes the column smallest by estimate, or kNoExponent when it is no decimal
// one.
uint8_t choose_exponent(std::span<const double> values) {
    value_scratch.exponents.resize(values.size());
    std::array<size_t, kExponentTried + 1> count_by_exponent{};
    const size_t strangers_max = values.size() / 4 + 2;
    size_t strangers = 0;
    unsigned guess = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        const uint8_t exponent = exponent_of(values[i], guess);
        if (exponent == kNoExponent) {
            // Stale markers and the like are cheap; arbitrary fractions are not decimals at all.
            if (bits_of(values[i]) != kStaleBits && ++strangers > strangers_max) return kNoExponent;
            continue;
        }
        ++count_by_exponent[exponent];
        guess = exponent;
    }
    uint64_t best_cost = UINT64_MAX;
    uint8_t best = kNoExponent;
    uint64_t above = 0;
    for (unsigned exponent = kExponentTried + 1; exponent-- > 0;) {
        if (count_by_exponent[exponent] != 0) {
            const uint64_t cost =
                above * kExceptionBits + values.size() * exponent * kDigitBitsTimes3 / 3;
            if (cost < best_cost) {
                best_cost = cost;
                best = static_cast<uint8_t>(exponent);
            }
        }
        above += count_by_exponent[exponent];
    }
    return best;
}

void append_u64(Bytes& out, uint64_t value) {
    out.resize(out.size() + 8);
    store_le(out.data() + out.size() - 8, value);
}

void append_decimals(std::span<const double> values, uint8_t exponent, Bytes& out) {
    auto& integers = value_scratch.integers;
    auto& exceptions = value_scratch.exceptions;
    integers.resize(values.size());
    exceptions.clear();
    for (size_t i = 0; i < values.size(); ++i) {
        if (!to_integer(values[i], exponent, integers[i])) {
            exceptions.push_back(static_cast<uint32_t>(i));
            integers[i] = i == 0 ? 0 : integers[i - 1];
        }
    }
    if (!exceptions.empty() && exceptions[0] == 0) {
        // Leading exceptions take the integer of the first value that is none.
        size_t first = 0;
        while (first < exceptions.size() && exceptions[first] == first) ++first;
        const int64_t m = first < values.size() ? integers[first] : 0;
        std::fill(integers.begin(), integers.begin() + static_cast<ptrdiff_t>(first), m);
    }
    out.push_back(static_cast<uint8_t>(exceptions.empty() ? ValueTag::kDecimal
                                                          : ValueTag::kDecimalWithExceptions));
    out.push_back(exponent);
    if (!exceptions.empty()) {
        append_varint(out, exceptions.size());
        uint32_t next = 0;
        for (const uint32_t index : exceptions) {
            const uint64_t bits = bits_of(values[index]);
            const bool stale = bits == kStaleBits;
            append_varint(out, uint64_t{index - next} << 1 | (stale ? 1 : 0));
            if (!stale) append_u64(out, bits);
            next = index + 1;
        }
    }
    encode_integers(integers, out);
}

void append_bits(std::span<const double> values, Bytes& out) {
    auto& integers = value_scratch.integers;
    integers.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) integers[i] = std::bit_cast<int64_t>(values[i]);
    out.push_back(static_cast<uint8_t>(ValueTag::kBits));
    encode_bit_patterns(integers, out);
}

// The integer that `value` is nearest to, times 10^exponent, and how far off its bits are. A value that is
// no such number at all (a stale marker) takes `m` as it is, and all its bits are the correction.
int64_t correction_of(double value, unsigned exponent, int64_t& m) {
    const double scaled = std::nearbyint(value * kPowers[exponent]);
    if (scaled <= kExactMax && scaled >= -kExactMax) m = static_cast<int64_t>(scaled);
    const double near = static_cast<double>(m) / kPowers[exponent];
    return static_cast<int64_t>(bits_of(value) - bits_of(near));
}

// The exponent for which `values` are near decimals with the fewest bits by estimate, or kNoExponent.
uint8_t choose_near_exponent(std::span<const double> values) {
    uint8_t best = kNoExponent;
    uint64_t best_cost = UINT64_MAX;
    for (const uint8_t exponent : kNearExponents) {
        uint64_t cost = values.size() * exponent * kDigitBitsTimes3 / 3;
        size_t far = 0;
        int64_t m = 0;
        for (const double value : values) {
            const int64_t correction = correction_of(value, exponent, m);
            const unsigned bits = bit_width_of(zigzag(correction));
            cost += bits;
            if (bits > kNearBitsMax && ++far > values.size() / 16 + 1) break;
        }
        if (far <= values.size() / 16 + 1 && cost < best_cost) {
            best_cost = cost;
            best = exponent;
        }
    }
    return best;
}

void append_near_decimals(std::span<const double> values, uint8_t exponent, Bytes& out) {
    auto& integers = value_scratch.integers;
    auto& corrections = value_scratch.corrections;
    integers.resize(values.size());
    corrections.resize(values.size());
    int64_t m = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        corrections[i] = correction_of(values[i], exponent, m);
        integers[i] = m;
    }
    out.push_back(static_cast<uint8_t>(ValueTag::kNearDecimal));
    out.push_back(exponent);
    encode_integers(integers, out);
    encode_integers(corrections, out);
}

void append_raw(std::span<const double> values, Bytes& out) {
    out.push_back(static_cast<uint8_t>(ValueTag::kRaw));
    for (const double value : values) append_u64(out, bits_of(value));
}

Result<size_t> read_decimals(ByteView bytes, bool with_exceptions, std::span<double> out) {
    ByteReader in(bytes);
    KW_TRY_ASSIGN(const uint8_t exponent, in.u8());
    if (exponent > kExponentMax) return corrupt("decimal column with exponent {}", exponent);
    size_t exceptions_offset = 0;
    uint64_t exceptions = 0;
    if (with_exceptions) {
        KW_TRY_ASSIGN(exceptions, in.varint());
        if (exceptions > out.size()) {
            return corrupt("{} exceptions of {} values", exceptions, out.size());
        }
        exceptions_offset = in.offset();
        uint64_t next = 0;
        for (uint64_t i = 0; i < exceptions; ++i) {
            KW_TRY_ASSIGN(const uint64_t entry, in.varint());
            if ((entry >> 1) >= out.size() - next) {
                return corrupt("exception {} past value {}", next + (entry >> 1), out.size());
            }
            next += (entry >> 1) + 1;
            if ((entry & 1) == 0) KW_TRY(in.u64());
        }
    }
    const size_t integers_offset = in.offset();
    const ByteView integers = bytes.subspan(integers_offset);
    Result<size_t> used = size_t{0};
    if (exponent == 0) {
        used = decode_integer_blocks(integers, out.size(),
                                     [&](const int64_t* m, size_t index, size_t count) {
                                         double* to = out.data() + index;
                                         for (size_t i = 0; i < count; ++i) {
                                             to[i] = static_cast<double>(m[i]);
                                         }
                                     });
    } else {
        const double power = kPowers[exponent];
        used = decode_integer_blocks(integers, out.size(),
                                     [&](const int64_t* m, size_t index, size_t count) {
                                         double* to = out.data() + index;
                                         for (size_t i = 0; i < count; ++i) {
                                             to[i] = static_cast<double>(m[i]) / power;
                                         }
                                     });
    }
    if (!used.ok()) return used;
    if (exceptions > 0) {
        ByteReader again(bytes);
        KW_TRY(again.seek(exceptions_offset));
        size_t next = 0;
        for (uint64_t i = 0; i < exceptions; ++i) {
            KW_TRY_ASSIGN(const uint64_t entry, again.varint());
            const size_t index = next + (entry >> 1);
            uint64_t bits = kStaleBits;
            if ((entry & 1) == 0) {
                KW_TRY_ASSIGN(bits, again.u64());
            }
            out[index] = std::bit_cast<double>(bits);
            next = index + 1;
        }
    }
    return integers_offset + used.value();
}

Result<size_t> read_near_decimals(ByteView bytes, std::span<double> out) {
    KW_TRY_ASSIGN(const size_t integers_end, read_decimals(bytes, false, out));
    KW_TRY_ASSIGN(
        const size_t used,
        decode_integer_blocks(bytes.subspan(integers_end), out.size(),
                              [&](const int64_t* corrections, size_t index, size_t count) {
                                  double* to = out.data() + index;
                                  for (size_t i = 0; i < count; ++i) {
                                      to[i] = std::bit_cast<double>(
                                          bits_of(to[i]) + static_cast<uint64_t>(corrections[i]));
                                  }
                              }));
    return integers_end + used;
}

// Appends the smallest of the columns that fit no short decimals; `start` is where one of decimals begins
// that is to be beaten, out.size() when there is none.
void append_smallest(std::span<const double> values, size_t start, Bytes& out) {
    Bytes& candidate = value_scratch.candidate;
    const auto keep_smaller = [&] {
        const size_t size = out.size() - start;
        if (size == 0 || candidate.size() < size) {
            out.resize(start);
            out.insert(out.end(), candidate.begin(), candidate.end());
        }
        candidate.clear();
    };
    candidate.clear();
    if (const uint8_t exponent = choose_near_exponent(values); exponent != kNoExponent) {
        append_near_decimals(values, exponent, candidate);
        keep_smaller();
    }
    append_bits(values, candidate);
    keep_smaller();
    if (out.size() - start > 1 + values.size() * 8) {
        append_raw(values, candidate);
        keep_smaller();
    }
}

}  // namespace

void encode_values(std::span<const double> values, Bytes& out) {
    if (values.empty()) return;
    const uint64_t first = bits_of(values[0]);
    if (std::all_of(values.begin(), values.end(),
                    [first](double value) { return bits_of(value) == first; })) {
        int64_t m;
        if (to_integer(values[0], 0, m)) {
            out.push_back(static_cast<uint8_t>(ValueTag::kConstantInteger));
            append_varint(out, zigzag(m));
        } else {
            out.push_back(static_cast<uint8_t>(ValueTag::kConstant));
            append_u64(out, first);
        }
        return;
    }
    const size_t start = out.size();
    if (const uint8_t exponent = choose_exponent(values); exponent != kNoExponent) {
        append_decimals(values, exponent, out);
        // Below three bytes a value hardly any other column is smaller.
        if (out.size() - start < values.size() * 3) return;
    }
    append_smallest(values, start, out);
}

Result<size_t> decode_values(ByteView in, std::span<double> out) {
    if (out.empty()) return size_t{0};
    if (in.empty()) return corrupt("value column of 0 bytes, {} values wanted", out.size());
    const ByteView body = in.subspan(1);
    Result<size_t> used = size_t{0};
    switch (static_cast<ValueTag>(in[0])) {
        case ValueTag::kRaw:
            if (body.size() / 8 < out.size()) {
                return corrupt("raw column of {} bytes, {} values wanted", body.size(), out.size());
            }
            std::memcpy(out.data(), body.data(), out.size() * 8);
            return 1 + out.size() * 8;
        case ValueTag::kDecimal: used = read_decimals(body, false, out); break;
        case ValueTag::kDecimalWithExceptions: used = read_decimals(body, true, out); break;
        case ValueTag::kBits:
            used = decode_integer_blocks(body, out.size(),
                                         [&](const int64_t* bits, size_t index, size_t count) {
                                             std::memcpy(out.data() + index, bits, count * 8);
                                         });
            break;
        case ValueTag::kNearDecimal: used = read_near_decimals(body, out); break;
        case ValueTag::kConstant: {
            if (body.size() < 8) return corrupt("constant column of {} bytes", in.size());
            std::fill(out.begin(), out.end(), load_le<double>(body.data()));
            return size_t{9};
        }
        case ValueTag::kConstantInteger: {
            ByteReader reader(body);
            KW_TRY_ASSIGN(const int64_t m, reader.varint_signed());
            std::fill(out.begin(), out.end(), static_cast<double>(m));
            return 1 + reader.offset();
        }
        default: return corrupt("value column with tag {}", in[0]);
    }
    if (!used.ok()) return used;
    return 1 + used.value();
}

}  // namespace kw::codec
