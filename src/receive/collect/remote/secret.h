// A password that stands in a file or in a variable of the environment, never in the configuration: it is read at each
// use, so that a rotated one needs no reload, and nothing that shows the configuration can show it.
#pragma once

#include <string>

#include "base/result.h"

namespace kw::collect {

struct SecretSource {
    std::string file{};
    std::string variable{};  // at most one of the two
    bool operator==(const SecretSource&) const = default;
};

// Empty when there is neither. Errors: those of the file, kInvalid (no such variable).
Result<std::string> read_secret(const SecretSource& source);

}  // namespace kw::collect
