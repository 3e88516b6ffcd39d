// Text as the language writes it: UTF-8, escapes of string literals, and Go's quoting, in which
// Prometheus prints strings in queries and in messages. Source:
// https://go.dev/ref/spec#String_literals
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kw::promql {

// ASCII letters only; `lower` is in lower case already.
bool equal_ignoring_case(std::string_view lower, std::string_view text);

// The length in bytes of the code point at `at`, which is inside; 0 when it is not valid UTF-8.
size_t utf8_length(std::string_view text, size_t at);

// Reads the escape at `at` (its backslash), appends what it stands for to `out` and moves `at`
// behind it. Errors: kInvalid in Prometheus' words.
Result<void> unescape(std::string_view text, size_t& at, char quote, std::string& out);

// In double quotes, with Go's escapes; reads back to the same bytes.
std::string go_quoted(std::string_view text);

// The shortest text that reads back to the same number, with an exponent below 1e-4 and from 1e+06
// on: how Go prints a float64, and Prometheus a number in a query.
std::string go_number(double value);

}  // namespace kw::promql
