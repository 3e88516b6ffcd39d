#include "codec/compress.h"
#include "codec/integers.h"
#include "codec/presence.h"
#include "codec/timestamps.h"
#include "codec/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "codec/bit_packing.h"

namespace kw::codec {
namespace {

constexpr double kStale = std::bit_cast<double>(uint64_t{0x7ff0000000000002});
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<uint64_t> bits_of(std::span<const double> values) {
    std::vector<uint64_t> bits;
    for (const double value : values) bits.push_back(std::bit_cast<uint64_t>(value));
    return bits;
}

std::string hex(ByteView bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

void expect_round_trip(const std::vector<int64_t>& values) {
    for (const bool patterns : {false, true}) {
        Bytes bytes;
        patterns ? encode_bit_patterns(values, bytes) : encode_integers(values, bytes);
        bytes.push_back(0xee);  // what follows is not touched
        std::vector<int64_t> back(values.size());
        const Result<size_t> used = decode_integers(bytes, back);
        ASSERT_TRUE(used.ok()) << used.error().message;
        EXPECT_EQ(used.value(), bytes.size() - 1);
        EXPECT_EQ(back, values);
    }
}

Bytes expect_round_trip(const std::vector<double>& values) {
    Bytes bytes;
    encode_values(values, bytes);
    Bytes followed = bytes;
    followed.push_back(0xee);
    std::vector<double> back(values.size());
    const Result<size_t> used = decode_values(followed, back);
    EXPECT_TRUE(used.ok()) << used.error().message;
    if (used.ok()) EXPECT_EQ(used.value(), bytes.size());
    EXPECT_EQ(bits_of(back), bits_of(values));
    return bytes;
}

TEST(BitPacking, AgreesWithThePlainFormAtEveryWidth) {
    std::mt19937_64 random(1);
    for (unsigned width = 0; width <= 64; ++width) {
        for (const size_t count : {1, 7, 8, 9, 63, 64}) {
            SCOPED_TRACE(fmt::format("{} values of {} bits", count, width));
            std::vector<uint64_t> values(count);
            const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
            for (uint64_t& value : values) value = random() & mask;
            Bytes bytes;
            pack_bits(values.data(), count, width, bytes);
            ASSERT_EQ(bytes.size(), packed_bytes(count, width));
            std::vector<uint64_t> plain(count);
            unpack_bits_plain(bytes.data(), count, width, plain.data());
            EXPECT_EQ(plain, values);
            bytes.resize(bytes.size() + kUnpackSlackBytes, 0xff);
            std::vector<uint64_t> fast(kPackValuesMax);
            unpack_bits(bytes.data(), count, width, fast.data());
            fast.resize(count);
            EXPECT_EQ(fast, values);
        }
    }
}

TEST(Integers, RoundTrip) {
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    const std::vector<int64_t> rows[] = {
        {0},
        {kMin},
        {kMax},
        {kMin, kMax},
        {kMax, kMin, kMax, kMin, 0, -1, 1},
        {1, 2, 3},
        {5, 5, 5, 5},
        {0, 4096, 8192, 4096, 1 << 20},
        {1'700'000'000'000, 1'700'000'015'000, 1'700'000'030'001},
    };
    for (const auto& row : rows) expect_round_trip(row);
}

TEST(Integers, RoundTripAtRandom) {
    std::mt19937_64 random(2);
    for (int round = 0; round < 3000; ++round) {
        SCOPED_TRACE(round);
        std::vector<int64_t> values(1 + random() % 300);
        const unsigned width = 1 + random() % 64;
        const unsigned outliers = random() % 3;
        const int64_t factor = random() % 4 == 0 ? static_cast<int64_t>(1 + random() % 5000) : 1;
        const bool walk = random() % 2 == 0;
        uint64_t last = random() % 2 == 0 ? random() : 0;
        for (int64_t& value : values) {
            uint64_t step = random() >> (64 - width);
            if (random() % 64 < outliers) step = random();
            last = (walk ? last : 0) + step * static_cast<uint64_t>(factor);
            value = static_cast<int64_t>(last);
        }
        expect_round_trip(values);
    }
}

TEST(Integers, SizesAreWhatTheSchemePromises) {
    struct Row {
        std::string_view what;
        std::vector<int64_t> values;
        size_t bytes_max;
    };
    std::vector<int64_t> steady, pages, reset, flat;
    for (int64_t i = 0; i < 480; ++i) {
        steady.push_back(1'700'000'000'000 + i * 15'000);
        pages.push_back(4096 * (1000 + i * 7919 % 8));
        reset.push_back(i < 300 ? 1'000'000 + i * 10 + i % 3 : (i - 300) * 10 + i % 3);
        flat.push_back(i == 100 || i == 333 ? 5'000'000 : 7);
    }
    const Row rows[] = {
        {"a steady step", steady, 12},
        {"multiples of a page, 3 bits each", pages, 480 * 3 / 8 + 8 + 8},
        {"2 bits each and one reset", reset, 480 * 3 / 8 + 8 + 20},
        {"flat with two spikes", flat, 40},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        Bytes bytes;
        encode_integers(row.values, bytes);
        EXPECT_LE(bytes.size(), row.bytes_max);
        expect_round_trip(row.values);
    }
}

TEST(Values, KeepEveryBitPattern) {
    const double nan_payload = std::bit_cast<double>(uint64_t{0xfff8000000abcdef});
    const std::vector<double> rows[] = {
        {0.0},
        {-0.0},
        {0.0, -0.0, 0.0},
        {kStale},
        {kStale, kStale},
        {kStale, 1, 2, 3, kStale},
        {nan_payload, 1.5, kInf, -kInf, 2.5, kStale, -0.0, 0.1},
        {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(), 1},
        {9007199254740992.0, 9007199254740993.0, 1e300},
        {9223372036854775808.0, -9223372036854775808.0, 9223372036854774784.0, 1},
        {0.1, 0.2, 0.30000000000000004},
        {1e-7, 2e-7, 3.25e-7},
        {12.25, 12.5, 13, 13.75},
        {0.1 + 0.2, 0.1 + 0.2 + 0.4, 0.1 + 0.2 + 0.4 + 0.8, kStale, 1e300},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(::testing::PrintToString(row));
        expect_round_trip(row);
    }
}

TEST(Values, RoundTripAtRandom) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 3000; ++round) {
        SCOPED_TRACE(round);
        std::vector<double> values(1 + random() % 300);
        const unsigned digits = random() % 8;
        const double power = std::pow(10.0, digits);
        const unsigned strange = random() % 4 == 0 ? random() % 64 : 0;
        const uint64_t spread = uint64_t{1} << (random() % 50);
        double last = static_cast<double>(random() % spread);
        const bool walk = random() % 2 == 0;
        for (double& value : values) {
            last = static_cast<double>(random() % spread) + (walk ? last : 0);
            value = last / power;
            if (random() % 64 < strange) value = std::bit_cast<double>(random());
            if (random() % 256 < strange) value = kStale;
        }
        expect_round_trip(values);
    }
}

TEST(Values, ShortDecimalsCostTheirInformationOnly) {
    std::vector<double> gauge, constant, counter;
    std::mt19937_64 random(4);
    for (int i = 0; i < 480; ++i) {
        gauge.push_back(static_cast<double>(2000 + random() % 16) / 100);
        counter.push_back(static_cast<double>(i * 100 + static_cast<int>(random() % 8)));
        constant.push_back(42);
    }
    gauge.back() = kStale;
    EXPECT_LE(expect_round_trip(gauge).size(), 480u * 4 / 8 + 24);
    EXPECT_LE(expect_round_trip(counter).size(), 480u * 4 / 8 + 24);
    EXPECT_LE(expect_round_trip(constant).size(), 2u);
}

TEST(Values, SumsOfDecimalsCostTheirDigitsAndAFewLastBits) {
    std::vector<double> seconds;  // as a client library adds up durations of nanoseconds
    std::mt19937_64 random(5);
    double sum = 0;
    for (int i = 0; i < 480; ++i) {
        for (int request = 0; request < 10; ++request) {
            sum += static_cast<double>(random() % 50'000'000) / 1e9;
        }
        seconds.push_back(sum);
    }
    seconds.back() = kStale;
    // 0.5 s in steps of 1 ns are 29 bits, less in spread, and some 6 of rounding; as bits of doubles, 44.
    EXPECT_LE(expect_round_trip(seconds).size(), 480u * 36 / 8);
}

TEST(Values, GoldenBytes) {
    struct Row {
        std::vector<double> values;
        std::string_view want;
    };
    const Row rows[] = {
        {{3, 3, 3}, "0506"},
        {{0.5, 0.5}, "04000000000000e03f"},
        {{1, 2, 4, 7, 11, 16}, "01000a020202aa"},
        {{0.25, 0.5, 1.75}, "01020d321904a2"},
        {{1.5, kStale, 2.5}, "02010103051e0a0102"},
        {{0.1 + 0.2, 0.1 + 0.2 + 0.4, 0.1 + 0.2 + 0.4 + 0.8}, "0603149003d8040234000103"},
        {{0.1, 1.0 / 3, 2.0 / 3, 5.0 / 7},
         "02010302555555555555d53f00555555555555e53f00b76ddbb66ddbe63f3002"},
    };
    for (const Row& row : rows) {
        Bytes bytes;
        encode_values(row.values, bytes);
        EXPECT_EQ(hex(bytes), row.want) << ::testing::PrintToString(row.values);
    }
}

TEST(Values, EveryTruncationIsRefused) {
    const std::vector<double> rows[] = {
        {3, 3, 3},
        {0.5, 0.5},
        {1, 2, 4, 7, 11, 16, 1e12, 3},
        {1.5, kStale, 2.5, kInf},
        {0.1 + 0.2, 0.1 + 0.2 + 0.4, 0.1 + 0.2 + 0.4 + 0.8},
        {0.1, 1.0 / 3, 2.0 / 3, 5.0 / 7},
    };
    for (const auto& row : rows) {
        Bytes bytes;
        encode_values(row, bytes);
        std::vector<double> back(row.size());
        for (size_t size = 0; size < bytes.size(); ++size) {
            const Bytes cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
            const Result<size_t> used = decode_values(cut, back);
            ASSERT_FALSE(used.ok()) << size << " of " << hex(bytes);
            EXPECT_EQ(used.error().code, Code::kCorrupt);
        }
    }
}

TEST(Values, DamagedBytesNeverReachOutside) {
    std::mt19937_64 random(5);
    Bytes bytes;
    std::vector<double> values;
    for (int i = 0; i < 200; ++i) values.push_back(static_cast<double>(random() % 1000) / 10);
    values[50] = kStale;
    encode_values(values, bytes);
    std::vector<double> back(values.size());
    for (int round = 0; round < 20000; ++round) {
        Bytes damaged = bytes;
        for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
            damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
        }
        const Result<size_t> used = decode_values(damaged, back);
        if (used.ok()) EXPECT_LE(used.value(), damaged.size());
    }
}

TEST(Timestamps, RoundTripAndSize) {
    struct Row {
        std::string_view what;
        int64_t jitter_ms;
        size_t bytes_max;
    };
    const Row rows[] = {{"steady", 0, 13}, {"a few ms of jitter", 4, 480 / 2 + 24}};
    std::mt19937_64 random(6);
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        std::vector<int64_t> timestamps;
        for (int64_t i = 0; i < 480; ++i) {
            const int64_t jitter =
                row.jitter_ms == 0
                    ? 0
                    : static_cast<int64_t>(random() % static_cast<uint64_t>(row.jitter_ms));
            timestamps.push_back(1'700'000'000'123 + i * 15'000 + jitter);
        }
        Bytes bytes;
        encode_timestamps(timestamps, bytes);
        EXPECT_LE(bytes.size(), row.bytes_max);
        std::vector<int64_t> back(timestamps.size());
        const Result<size_t> used = decode_timestamps(bytes, back);
        ASSERT_TRUE(used.ok());
        EXPECT_EQ(used.value(), bytes.size());
        EXPECT_EQ(back, timestamps);
        for (size_t size = 0; size < bytes.size(); ++size) {
            EXPECT_FALSE(decode_timestamps(ByteView(bytes).first(size), back).ok());
        }
    }
}

TEST(Presence, RoundTrip) {
    struct Row {
        std::string_view what;
        size_t slots;
        std::vector<size_t> absent;
        std::string_view want;  // empty: not checked
    };
    const Row rows[] = {
        {"all", 100, {}, "00"},
        {"none of none", 0, {}, "00"},
        {"began late", 10, {0, 1, 2}, "010307"},
        {"ended early", 10, {8, 9}, "010008"},
        {"one gap", 100, {50}, "030132"},
        {"gaps everywhere", 20, {1, 3, 5, 7, 9, 11, 13, 15, 17, 19}, "02555505"},
        {"a whole word and a bit", 65, {64}, "010040"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        std::vector<uint64_t> words(presence_words(row.slots));
        for (size_t i = 0; i < row.slots; ++i) words[i / 64] |= uint64_t{1} << (i % 64);
        for (const size_t slot : row.absent) words[slot / 64] &= ~(uint64_t{1} << (slot % 64));
        Bytes bytes;
        encode_presence(words, row.slots, bytes);
        EXPECT_EQ(hex(bytes), row.want);
        std::vector<uint64_t> back(words.size(), 0x5555);
        const Result<size_t> used = decode_presence(bytes, row.slots, back);
        ASSERT_TRUE(used.ok()) << used.error().message;
        EXPECT_EQ(used.value(), bytes.size());
        EXPECT_EQ(back, words);
        EXPECT_EQ(presence_count(back), row.slots - row.absent.size());
        for (size_t size = 0; size < bytes.size(); ++size) {
            EXPECT_FALSE(decode_presence(ByteView(bytes).first(size), row.slots, back).ok());
        }
    }
}

TEST(Presence, RoundTripAtRandom) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 2000; ++round) {
        const size_t slots = random() % 300;
        const uint64_t density = 1 + random() % 64;
        std::vector<uint64_t> words(presence_words(slots));
        std::vector<int64_t> from(slots), want;
        for (size_t i = 0; i < slots; ++i) {
            from[i] = static_cast<int64_t>(i);
            if (random() % 64 < density) {
                words[i / 64] |= uint64_t{1} << (i % 64);
                want.push_back(from[i]);
            }
        }
        Bytes bytes;
        encode_presence(words, slots, bytes);
        std::vector<uint64_t> back(words.size());
        ASSERT_TRUE(decode_presence(bytes, slots, back).ok());
        ASSERT_EQ(back, words);
        std::vector<int64_t> got(presence_count(back));
        EXPECT_EQ(gather_present(from, back, got), want.size());
        EXPECT_EQ(got, want);
    }
}

TEST(Compress, RoundTripAndDamage) {
    Bytes bytes(10'000, 7);
    Bytes compressed, back;
    compress(bytes, 3, compressed);
    EXPECT_LT(compressed.size(), 100u);
    ASSERT_TRUE(decompress(compressed, bytes.size(), back).ok());
    EXPECT_EQ(back, bytes);
    EXPECT_FALSE(decompress(compressed, bytes.size() - 1, back).ok());
    EXPECT_FALSE(decompress(compressed, bytes.size() + 1, back).ok());
    for (size_t size = 0; size < compressed.size(); ++size) {
        EXPECT_FALSE(decompress(ByteView(compressed).first(size), bytes.size(), back).ok());
    }
}

}  // namespace
}  // namespace kw::codec
