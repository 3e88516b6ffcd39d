// Writes the series part of a line, `{"name","label"="value"}`: with quotes everywhere, so that any name and value is
// read back by SeriesLabels as it was.
#pragma once

#include <string>
#include <string_view>

namespace kw::wire {

// `text` in quotes, with \\, \" and \n escaped.
void append_quoted(std::string& out, std::string_view text);
// `,"name"="value"`.
void append_pair(std::string& out, std::string_view name, std::string_view value);

}  // namespace kw::wire
