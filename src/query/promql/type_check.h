// Gives every expression of a parsed tree its type and refuses what the types do not allow, in
// Prometheus' words.
#pragma once

#include <string_view>

#include "base/result.h"
#include "promql/ast.h"

namespace kw::promql {

// `query` is the text that the tree's positions are of. The first error in the order of Prometheus'
// own check: operands before their operator, left before right. Errors: kInvalid.
Result<void> check_types(Expr& expr, std::string_view query);

}  // namespace kw::promql
