#include "model/sample.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <iterator>

#include "model/fixed_number.h"

namespace kw {
namespace {

struct DurationUnit {
    std::string_view text;
    int64_t ms;
};
// Descending, as they must stand in a duration.
constexpr DurationUnit kDurationUnits[] = {
    {"y", 365LL * 24 * 3600 * 1000},
    {"w", 7LL * 24 * 3600 * 1000},
    {"d", 24LL * 3600 * 1000},
    {"h", 3600LL * 1000},
    {"m", 60LL * 1000},
    {"s", 1000},
    {"ms", 1},
};

}  // namespace

std::string_view metric_type_name(MetricType type) {
    static constexpr std::string_view kNames[] = {"unknown",        "counter", "gauge", "histogram",
                                                  "gaugehistogram", "summary", "info",  "stateset"};
    return kNames[static_cast<size_t>(type)];
}

Result<int64_t> parse_duration_ms(std::string_view text) {
    if (text == "0") return int64_t{0};
    if (text.empty()) return invalid("empty duration");
    int64_t total = 0;
    size_t next_unit = 0;
    std::string_view left = text;
    while (!left.empty()) {
        int64_t count = 0;
        const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), count);
        if (error == std::errc::result_out_of_range)
            return invalid("duration '{}' is too long", text);
        if (error != std::errc() || left[0] == '-') return invalid("'{}' is not a duration", text);
        left.remove_prefix(static_cast<size_t>(end - left.data()));
        const size_t unit_length = std::min(left.find_first_of("0123456789"), left.size());
        const std::string_view unit = left.substr(0, unit_length);
        left.remove_prefix(unit_length);
        size_t i = next_unit;
        while (i < std::size(kDurationUnits) && kDurationUnits[i].text != unit) ++i;
        if (i == std::size(kDurationUnits)) return invalid("'{}' is not a duration", text);
        next_unit = i + 1;
        int64_t part = 0;
        if (__builtin_mul_overflow(count, kDurationUnits[i].ms, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return invalid("duration '{}' is too long", text);
        }
    }
    return total;
}

std::string format_duration_ms(int64_t duration_ms) {
    if (duration_ms == 0) return "0s";
    std::string out;
    uint64_t left = static_cast<uint64_t>(duration_ms);
    if (duration_ms < 0) {
        out += '-';
        left = 0 - left;
    }
    // Years, weeks and days only when they leave no rest, as Prometheus prints them.
    for (size_t i = 0; i < std::size(kDurationUnits); ++i) {
        const auto unit = static_cast<uint64_t>(kDurationUnits[i].ms);
        const bool only_exact = i < 2;
        if (left < unit || (only_exact && left % unit != 0)) continue;
        fmt::format_to(std::back_inserter(out), "{}{}", left / unit, kDurationUnits[i].text);
        left %= unit;
    }
    return out;
}

void append_value(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
        return;
    }
    if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
        return;
    }
    const double magnitude = std::fabs(value);
    if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21)) {
        append_fixed_number(out, value);
        return;
    }
    char buffer[32];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    out.append(buffer, end.ptr);
}

std::string format_value(double value) {
    std::string out;
    append_value(out, value);
    return out;
}

Result<double> parse_value(std::string_view text) {
    std::string_view digits = text;
    bool negative = false;
    if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
        negative = digits[0] == '-';
        digits.remove_prefix(1);
    }
    const auto equals_ignoring_case = [&](std::string_view want) {
        if (digits.size() != want.size()) return false;
        for (size_t i = 0; i < want.size(); ++i) {
            if ((digits[i] | 0x20) != want[i]) return false;
        }
        return true;
    };
    if (equals_ignoring_case("inf") || equals_ignoring_case("infinity")) {
        return negative ? -std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::infinity();
    }
    if (equals_ignoring_case("nan")) return kNormalNan;
    const bool hexadecimal = digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x';
    if (hexadecimal) digits.remove_prefix(2);
    const char first = digits.empty() ? ' ' : digits[0];
    const bool digit = (first >= '0' && first <= '9') || first == '.' ||
                       (hexadecimal && (first | 0x20) >= 'a' && (first | 0x20) <= 'f');
    if (!digit) return invalid("'{}' is not a number", text);
    double value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value,
                        hexadecimal ? std::chars_format::hex : std::chars_format::general);
    if (end != digits.data() + digits.size()) return invalid("'{}' is not a number", text);
    if (error == std::errc::result_out_of_range) {
        // from_chars leaves the value: an overflow is an error in Go, an underflow is zero.
        const size_t e = digits.find_first_of(hexadecimal ? "pP" : "eE");
        const bool tiny = e != std::string_view::npos ? digits.substr(e + 1).starts_with('-')
                                                      : digits.starts_with("0") || first == '.';
        if (!tiny) return invalid("'{}' is out of range", text);
        value = 0;
    } else if (error != std::errc()) {
        return invalid("'{}' is not a number", text);
    }
    return negative ? -value : value;
}

}  // namespace kw
