// Values of any shape in a configuration (claims, details) as JSON. A plain scalar is a number or a
// boolean when JSON would write it so, else text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "yaml/yaml.h"

namespace kw::app {

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_json_number(std::string_view text);
// Errors: kExhausted (nested deeper than 32).
Result<std::string> to_json(const YamlNode& node);

}  // namespace kw::app
