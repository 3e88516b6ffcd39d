// The `identity` block → the table of aliases.
#pragma once

#include "app/config/schema.h"
#include "base/result.h"
#include "identity/aliases.h"

namespace kw::app {

// Errors: kInvalid, with its place.
Result<identity::Aliases> read_identity(const Section& section);

}  // namespace kw::app
