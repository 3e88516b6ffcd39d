// The answer of /api/kw/v1/query/explain for people: a line an operator, those below it indented, then what is read.
#pragma once

#include <simdjson.h>

#include <iosfwd>

#include "base/result.h"

namespace kw::app {

// Errors: kInvalid when `data` has no plan.
Result<void> write_explanation(simdjson::dom::element data, std::ostream& out);

}  // namespace kw::app
