// Reads the decimal numbers of expositions.
//
// Most values are integers and short decimals: when the digits make an integer below 2^53 and the
// power of ten is within ±22, digits times (or divided by) an exactly representable power is
// correctly rounded in one operation (Clinger's fast path). Everything else goes through
// std::from_chars, which is the plain form that the tests compare with.
#pragma once

namespace kw::wire {

// Reads one number that starts at `at` and ends before `end`, at a space, a tab or a newline.
// Accepts what Go's ParseFloat accepts without hexadecimal and `_`: sign, digits, point, exponent;
// Inf, Infinity and NaN in any case. NaN becomes kNormalNan. Returns the end of the number, or null
// where there is none (also past the range of a double; what is too small becomes 0).
const char* read_number(const char* at, const char* end, double& value);
// The same without the fast path.
const char* read_number_plain(const char* at, const char* end, double& value);

}  // namespace kw::wire
