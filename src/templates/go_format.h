// Go's formatting of values: strconv.FormatFloat and fmt.Sprintf, as templates print them.
// Source: https://pkg.go.dev/fmt, https://pkg.go.dev/strconv#FormatFloat
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "templates/value.h"

namespace kw::templates {

// `verb` is e, E, f, F, g or G; `precision` -1 is the shortest that reads back.
std::string format_float(double value, char verb, int precision);

// In double quotes with Go's escapes.
std::string go_quoted(std::string_view text);

// fmt.Sprintf, with its remarks on wrong arguments in the text: "%!d(string=hi)".
// Errors: kExhausted when the text would be longer than `bytes_max`.
Result<std::string> go_printf(std::string_view format, std::span<const Value> arguments,
                              size_t bytes_max);

// fmt.Sprint: a space between two operands of which neither is a string.
std::string go_print(std::span<const Value> arguments);

}  // namespace kw::templates
