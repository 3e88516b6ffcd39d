// What both parsers of matchers share: white space, reserved characters, the check before reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace kw::alerting {

// A character at the front of UTF-8 text, and how many bytes it has.
struct Character {
    uint32_t code = 0;
    size_t bytes = 0;
};
// Precondition: valid UTF-8, not empty.
Character first_character(std::string_view text);

// Unicode's White_Space.
bool is_white_space(uint32_t code);
// White space and { } ! = ~ , \ " ' `: in quotes only.
bool is_reserved(uint32_t code);

// Errors: kExhausted, kInvalid (not UTF-8).
Result<void> check_matcher_text(std::string_view text);

}  // namespace kw::alerting
