#include "text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace kilowatch {
namespace {

template <class T>
void append_by_to_chars(std::string& out, T value) {
    std::array<char, 32> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc()) out.append(digits.data(), end);
}

bool is_continuation(std::string_view text, size_t index) {
    return index < text.size() && (static_cast<uint8_t>(text[index]) & 0xc0) == 0x80;
}

}  // namespace

// Source: the table of well-formed byte sequences of the Unicode standard, section 3.9.
size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    if (!is_continuation(text, 1)) return 0;
    if (first < 0xe0) return 2;
    if (!is_continuation(text, 2)) return 0;
    if (first < 0xf0) {
        if (first == 0xe0 && byte(1) < 0xa0) return 0;   // overlong
        if (first == 0xed && byte(1) >= 0xa0) return 0;  // surrogate
        return 3;
    }
    if (!is_continuation(text, 3)) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;   // overlong
    if (first == 0xf4 && byte(1) >= 0x90) return 0;  // past U+10FFFF
    return 4;
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const size_t length = utf8_length(text);
        if (length == 0) {
            out += '?';
            text.remove_prefix(1);
        } else {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
        }
    }
    return out;
}

std::string_view cut_utf8(std::string_view text, size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    size_t end = bytes_max;
    // At most three steps: longer runs of continuation bytes are not UTF-8 anyway.
    for (int i = 0; i < 3 && end > 0 && is_continuation(text, end); ++i) --end;
    return text.substr(0, end);
}

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    while (!text.empty()) {
        const char c = text.front();
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
            if (c == '\n') {
                out += "\\n";
            } else if (c == '\t') {
                out += "\\t";
            } else {
                out += "\\u00";
                out += kHex[static_cast<uint8_t>(c) >> 4];
                out += kHex[static_cast<uint8_t>(c) & 15];
            }
        } else if (static_cast<uint8_t>(c) < 0x80) {
            out += c;
        } else if (const size_t length = utf8_length(text); length > 0) {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
            continue;
        } else {
            out += "\xef\xbf\xbd";
        }
        text.remove_prefix(1);
    }
    out += '"';
}

void append_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        append_by_to_chars(out, value);
    }
}

void append_number(std::string& out, int64_t value) { append_by_to_chars(out, value); }
void append_number(std::string& out, uint64_t value) { append_by_to_chars(out, value); }

std::string_view trim_blank(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string percent_encode(std::string_view text, std::string_view plain) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                              c == '~' || plain.find(c) != std::string_view::npos;
        if (is_plain) {
            out += c;
        } else {
            out += '%';
            out += kHex[static_cast<uint8_t>(c) >> 4];
            out += kHex[static_cast<uint8_t>(c) & 15];
        }
    }
    return out;
}

void append_hex(std::string& out, const uint8_t* bytes, size_t size) {
    static constexpr char kHex[] = "0123456789abcdef";
    for (size_t i = 0; i < size; ++i) {
        out += kHex[bytes[i] >> 4];
        out += kHex[bytes[i] & 15];
    }
}

}  // namespace kilowatch
