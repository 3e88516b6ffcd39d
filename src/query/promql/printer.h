// Tree back to text, in Prometheus' canonical form, and to the JSON of /api/v1/parse_query.
// Law: parse(print(tree)) is the same tree, and prints the same; so does pretty_print().
#pragma once

#include <string>

#include "promql/ast.h"

namespace kw::promql {

// One line.
std::string print(const Expr& expr);
// Broken into lines of at most 100 characters where it can be, as format_query answers.
std::string pretty_print(const Expr& expr);
// The node as /api/v1/parse_query has it: {"type":"binaryExpr","op":"+",…}.
std::string tree_json(const Expr& expr);

}  // namespace kw::promql
