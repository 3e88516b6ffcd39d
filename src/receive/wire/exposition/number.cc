#include "wire/exposition/number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "model/sample.h"

namespace kw::wire {
namespace {

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kExactPower = 22;
constexpr uint64_t kExactInteger = uint64_t{1} << 53;
// As many digits always fit into 64 bits.
constexpr long kDigitsMax = 19;
// A longer token is no number that anybody meant; bounds the copy for strtod.
constexpr size_t kTokenBytesMax = 1024;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_delimiter(char c) { return c == ' ' || c == '\n' || c == '\t'; }

// `word` is lower case.
bool equals_ignoring_case(std::string_view text, std::string_view word) {
    if (text.size() != word.size()) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        if ((text[i] | 0x20) != word[i]) return false;
    }
    return true;
}

// Past the range of a double: too large is refused, too small is what strtod rounds it to.
bool read_out_of_range(std::string_view digits, double& value) {
    const std::string copy(digits);
    value = std::strtod(copy.c_str(), nullptr);
    return std::isfinite(value);
}

}  // namespace

const char* read_number_plain(const char* at, const char* end, double& value) {
    const char* token_end = at;
    while (token_end < end && !is_delimiter(*token_end)) ++token_end;
    std::string_view token(at, static_cast<size_t>(token_end - at));
    if (token.empty() || token.size() > kTokenBytesMax) return nullptr;
    if (equals_ignoring_case(token, "nan")) {
        value = kNormalNan;
        return token_end;
    }
    const bool negative = token.front() == '-';
    if (negative || token.front() == '+') token.remove_prefix(1);
    if (equals_ignoring_case(token, "inf") || equals_ignoring_case(token, "infinity")) {
        value = std::numeric_limits<double>::infinity();
    } else {
        // from_chars would take a second sign and more words.
        if (token.empty() || !(is_digit(token.front()) || token.front() == '.')) return nullptr;
        const auto [stop, error] = std::from_chars(token.data(), token_end, value);
        if (stop != token_end) return nullptr;
        if (error == std::errc::result_out_of_range) {
            if (!read_out_of_range(token, value)) return nullptr;
        } else if (error != std::errc()) {
            return nullptr;
        }
    }
    if (negative) value = -value;
    return token_end;
}

const char* read_number(const char* const start, const char* const end, double& value) {
    const char* at = start;
    if (at == end) return nullptr;
    const bool negative = *at == '-';
    at += negative;
    const char* const digits = at;
    uint64_t mantissa = 0;
    for (; at < end && is_digit(*at); ++at)
        mantissa = mantissa * 10 + static_cast<unsigned>(*at - '0');
    long digit_count = at - digits;
    long exponent = 0;
    if (at < end && *at == '.') {
        const char* const fraction = ++at;
        for (; at < end && is_digit(*at); ++at) {
            mantissa = mantissa * 10 + static_cast<unsigned>(*at - '0');
        }
        exponent = fraction - at;
        digit_count -= exponent;
    }
    if (digit_count == 0 || digit_count > kDigitsMax) return read_number_plain(start, end, value);
    if (at < end && (*at | 0x20) == 'e') {
        const char* power = at + 1;
        if (power == end) return nullptr;
        const bool power_negative = *power == '-';
        power += power_negative || *power == '+';
        const char* const power_digits = power;
        long written = 0;
        for (; power < end && is_digit(*power) && power - power_digits < 4; ++power) {
            written = written * 10 + (*power - '0');
        }
        if (power == power_digits) return nullptr;
        exponent += power_negative ? -written : written;
        at = power;
    }
    const bool exact =
        mantissa < kExactInteger && exponent >= -kExactPower && exponent <= kExactPower;
    if (!exact || (at < end && !is_delimiter(*at))) return read_number_plain(start, end, value);
    const auto integer = static_cast<double>(mantissa);
    const double magnitude =
        exponent < 0 ? integer / kPowersOfTen[-exponent] : integer * kPowersOfTen[exponent];
    value = negative ? -magnitude : magnitude;
    return at;
}

}  // namespace kw::wire
