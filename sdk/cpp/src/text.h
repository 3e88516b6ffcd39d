// Text that may be anything, made safe for the places it goes to: UTF-8, JSON strings, numbers as
// shortest text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kilowatch {

// Length of the valid UTF-8 sequence that `text` begins with, 0 where there is none.
size_t utf8_length(std::string_view text);

// `text` with every byte that is not part of valid UTF-8 as '?'.
std::string valid_utf8(std::string_view text);

// The longest beginning of at most `bytes_max` bytes that does not cut a character.
std::string_view cut_utf8(std::string_view text, size_t bytes_max);

// With quotes and escapes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Shortest text that reads back as the same number; NaN, +Inf, -Inf as in Prometheus' formats.
void append_number(std::string& out, double value);
void append_number(std::string& out, int64_t value);
void append_number(std::string& out, uint64_t value);

// Without blanks and tabs around it: the optional white space of RFC 9110, section 5.6.3.
std::string_view trim_blank(std::string_view text);

// As RFC 3986, section 2.1: what is neither unreserved there nor in `plain` as %XX.
std::string percent_encode(std::string_view text, std::string_view plain = {});

// Lower-case hex digits.
void append_hex(std::string& out, const uint8_t* bytes, size_t size);

}  // namespace kilowatch
