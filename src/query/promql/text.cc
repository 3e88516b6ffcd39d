#include "promql/text.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "base/utf8.h"

namespace kw::promql {
namespace {

uint32_t decode_utf8(std::string_view text, size_t at, size_t length) {
    const auto byte = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i]));
    };
    switch (length) {
        case 1: return byte(0);
        case 2: return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
        case 3: return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
        default:
            return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 |
                   (byte(3) & 0x3f);
    }
}

// Whether a code point shows as something of its own: no controls, format characters, unusual
// spaces, private or unassigned planes. Coarser than Unicode's tables; what is escaped needlessly
// still reads back the same.
bool is_printable(uint32_t rune) {
    if (rune < 0x20 || (rune >= 0x7f && rune <= 0xa0) || rune == 0xad) return false;
    if (rune >= 0x2000 && rune <= 0x200f) return false;
    if (rune >= 0x2028 && rune <= 0x202f) return false;
    if (rune >= 0x205f && rune <= 0x206f) return false;
    if (rune == 0x3000 || rune == 0xfeff) return false;
    if (rune >= 0xe000 && rune <= 0xf8ff) return false;
    if (rune >= 0xfff0 && rune <= 0xfffb) return false;
    return (rune & 0xfffe) != 0xfffe && rune < 0xe0000;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// A rune as Go's %#U prints it: U+0071 'q'.
std::string unicode_name(std::string_view text, size_t at) {
    const size_t length = utf8_length(text, at);
    const uint32_t rune = length == 0 ? 0xfffd : decode_utf8(text, at, length);
    std::string name = fmt::format("U+{:04X}", rune);
    if (length != 0 && is_printable(rune)) name += fmt::format(" '{}'", text.substr(at, length));
    return name;
}

}  // namespace

bool equal_ignoring_case(std::string_view lower, std::string_view text) {
    if (lower.size() != text.size()) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c =
            text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        if (c != lower[i]) return false;
    }
    return true;
}

size_t utf8_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) {
        return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : uint8_t{0};
    };
    const auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!continues(1) || !continues(2)) return 0;
        if (first == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
        if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogate
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!continues(1) || !continues(2) || !continues(3)) return 0;
        if (first == 0xf0 && byte(1) < 0x90) return 0;  // overlong
        if (first == 0xf4 && byte(1) > 0x8f) return 0;  // past U+10FFFF
        return 4;
    }
    return 0;
}

Result<void> unescape(std::string_view text, size_t& at, char quote, std::string& out) {
    size_t next = at + 1;
    if (next >= text.size()) return invalid("escape sequence not terminated");
    const char kind = text[next];
    constexpr std::string_view kNames = "abfnrtv\\";
    constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\";
    if (const size_t i = kNames.find(kind); i != std::string_view::npos) {
        out += kBytes[i];
        at = next + 1;
        return {};
    }
    if (kind == quote) {
        out += quote;
        at = next + 1;
        return {};
    }
    size_t digit_count = 0;
    uint32_t base = 16;
    uint32_t value_max = 0x10ffff;
    if (kind >= '0' && kind <= '7') {
        digit_count = 3;
        base = 8;
        value_max = 255;
    } else if (kind == 'x') {
        digit_count = 2;
        value_max = 255;
        ++next;
    } else if (kind == 'u') {
        digit_count = 4;
        ++next;
    } else if (kind == 'U') {
        digit_count = 8;
        ++next;
    } else {
        return invalid("unknown escape sequence {}", unicode_name(text, next));
    }
    uint64_t value = 0;
    for (size_t i = 0; i < digit_count; ++i, ++next) {
        if (next >= text.size()) return invalid("escape sequence not terminated");
        const int digit = hex_value(text[next]);
        if (digit < 0 || static_cast<uint32_t>(digit) >= base) {
            return invalid("illegal character {} in escape sequence", unicode_name(text, next));
        }
        value = value * base + static_cast<uint32_t>(digit);
    }
    if (value > value_max || (value >= 0xd800 && value < 0xe000)) {
        return invalid("escape sequence is an invalid Unicode code point");
    }
    if (kind == 'u' || kind == 'U') {
        append_utf8(out, static_cast<uint32_t>(value));
    } else {
        out += static_cast<char>(value);
    }
    at = next;
    return {};
}

std::string go_quoted(std::string_view text) {
    std::string out = "\"";
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\\"";
        constexpr std::string_view kNames = "abfnrtv\\\"";
        if (const size_t i = kBytes.find(c); i != std::string_view::npos) {
            out += '\\';
            out += kNames[i];
            ++at;
            continue;
        }
        const size_t length = utf8_length(text, at);
        if (length == 0) {
            out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
            ++at;
            continue;
        }
        const uint32_t rune = decode_utf8(text, at, length);
        if (is_printable(rune)) {
            out.append(text, at, length);
        } else if (rune < 0x80) {
            out += fmt::format("\\x{:02x}", rune);
        } else if (rune < 0x10000) {
            out += fmt::format("\\u{:04x}", rune);
        } else {
            out += fmt::format("\\U{:08x}", rune);
        }
        at += length;
    }
    out += '"';
    return out;
}

std::string go_number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    char buffer[64];
    // Scientific first: its exponent decides, after rounding to the shortest digits.
    const auto scientific =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    const std::string_view text(buffer, static_cast<size_t>(scientific.ptr - buffer));
    const size_t e = text.find('e');
    int exponent = 0;
    std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(),
                    exponent);
    if (exponent >= 6 || exponent < -4) return std::string(text);
    const auto fixed =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
    return {buffer, fixed.ptr};
}

}  // namespace kw::promql
