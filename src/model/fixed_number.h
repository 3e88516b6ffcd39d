// A float64 as digits without an exponent, as Go's 'f' with the shortest precision writes it: the fewest digits
// that read back to the same value, and zeros from there to the point. std::to_chars writes all digits of an
// integer past 2^53 instead: 9223372036854775808 where Go has 9223372036854776000.
#pragma once

#include <string>

namespace kw {

// Precondition: finite.
void append_fixed_number(std::string& out, double value);

}  // namespace kw
