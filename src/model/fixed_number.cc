#include "model/fixed_number.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace kw {

void append_fixed_number(std::string& out, double value) {
    char buffer
        [400];  // the smallest double has 324 digits behind its point, and 17 that say something
    if (std::fabs(value) < 0x1p53) {
        const auto end =
            std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
        out.append(buffer, end);
        return;
    }
    // -d.ddde+XX: an integer, so that the digits are followed by zeros only.
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    const std::string_view text(buffer, static_cast<size_t>(end - buffer));
    const size_t e = text.find('e');
    size_t exponent = 0;
    std::from_chars(text.data() + e + 2, text.data() + text.size(), exponent);
    size_t digit_count = 0;
    for (const char c : text.substr(0, e)) {
        if (c == '.') continue;
        out += c;
        digit_count += c != '-' ? 1 : 0;
    }
    out.append(exponent + 1 - digit_count, '0');
}

}  // namespace kw
