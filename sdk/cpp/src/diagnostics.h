// Inside the SDK: say a line to whoever set_diagnostics() named, or to standard error; ten a
// second at most.
#pragma once

#include <string_view>

namespace kilowatch {

void diagnose(std::string_view line) noexcept;

}  // namespace kilowatch
