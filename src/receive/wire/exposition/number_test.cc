#include "wire/exposition/number.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "model/sample.h"

namespace kw::wire {
namespace {

std::optional<double> read(std::string_view text, size_t* used = nullptr) {
    double value = 0;
    const char* const stop = read_number(text.data(), text.data() + text.size(), value);
    double plain_value = 0;
    const char* const plain =
        read_number_plain(text.data(), text.data() + text.size(), plain_value);
    EXPECT_EQ(stop, plain) << text;
    if (stop == nullptr) return std::nullopt;
    EXPECT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(plain_value)) << text;
    if (used != nullptr) *used = static_cast<size_t>(stop - text.data());
    return value;
}

TEST(ReadNumber, AcceptsWhatExpositionsWrite) {
    struct Row {
        std::string_view text;
        double want;
    };
    const Row rows[] = {
        {"0", 0},
        {"1", 1},
        {"-1", -1},
        {"+1", 1},
        {"007", 7},
        {"1.", 1},
        {".5", 0.5},
        {"-0.25", -0.25},
        {"1e3", 1000},
        {"1E3", 1000},
        {"1.5e+06", 1.5e6},
        {"1.0733e-06", 1.0733e-06},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"9007199254740991", 9007199254740991.0},
        {"9007199254740993", 9007199254740992.0},
        {"18446744073709551616", 18446744073709551616.0},
        {"0.013300656000000001", 0.013300656000000001},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"5e-324", 5e-324},
        {"1e-400", 0},
        {"0000000000000000000000000000000000000000001.2e-1", 0.12},
        {"+Inf", INFINITY},
        {"-Inf", -INFINITY},
        {"inf", INFINITY},
        {"Infinity", INFINITY},
        {"-infinity", -INFINITY},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(read(row.text), row.want);
    }
    EXPECT_TRUE(std::signbit(*read("-0")));
    EXPECT_EQ(std::bit_cast<uint64_t>(*read("NaN")), std::bit_cast<uint64_t>(kNormalNan));
    EXPECT_EQ(std::bit_cast<uint64_t>(*read("nan")), std::bit_cast<uint64_t>(kNormalNan));
}

TEST(ReadNumber, RefusesTheRest) {
    for (const std::string_view text :
         {"",     "-",        "+",      ".",      "e5",    "1e",  "1e+",   "--1",    "+-1",
          "-+1",  "0x1",      "0X1p-3", "0b1",    "1_000", "1,5", "1\r",   "NaN(1)", "-NaN",
          "+nan", "infinite", "1e400",  "-1e999", "a",     "1a",  "1.2.3", "1e5.5",  "++Inf"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(read(text), std::nullopt);
    }
    EXPECT_EQ(read(std::string(2000, '1')), std::nullopt);
}

TEST(ReadNumber, StopsAtBlankAndNewline) {
    for (const std::string_view text : {"12.5 7", "12.5\n", "12.5\t7", "12.5e0 "}) {
        size_t used = 0;
        EXPECT_EQ(read(text, &used), 12.5) << text;
        EXPECT_EQ(used, text.substr(4).starts_with("e0") ? 6U : 4U);
    }
}

// The fast path against from_chars: decimals as exporters write them, and doubles of every size.
TEST(ReadNumber, AgreesWithFromCharsOnRandomNumbers) {
    std::mt19937_64 random(20261122);
    for (int i = 0; i < 200'000; ++i) {
        std::string text;
        switch (i % 4) {
            case 0: text = std::to_string(static_cast<int64_t>(random() >> (random() % 64))); break;
            case 1:
                text = std::to_string(random() % 1'000'000) + "." +
                       std::to_string(random() % 1'000'000'000);
                break;
            case 2: text = fmt::format("{}", std::bit_cast<double>(random())); break;
            default:
                text = fmt::format("{}e{}", random() >> (random() % 64),
                                   static_cast<int>(random() % 60) - 30);
        }
        read(text);
    }
}

}  // namespace
}  // namespace kw::wire
