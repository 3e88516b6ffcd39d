// Narrows selectors by what the other side of a set operator asks: of `up and on (job) x{job="a"}` only the series of
// `up` with job="a" can count, so no others are read.
//
// Sound, and done, where a matched label of one side is known from its selectors and the other side's value would be
// dropped without it: both sides of `and`, the right one of `unless`; never `or`, and never arithmetic and comparisons,
// which must refuse duplicates among series that match nothing, too. What is pushed goes through operations that keep the
// label and cannot fail for one series because of another; the answer is the same, remarks about series that would have
// been dropped are not made.
#pragma once

#include <functional>
#include <string_view>

#include "promql/ast.h"

namespace kw::promql {

// Adds matchers to selectors of `expr`, whose types are checked. Evaluated, it gives what it gave before. Nothing is known
// of labels that `has_aliases` (may be unset) says yes to.
void push_matchers(Expr& expr, const std::function<bool(std::string_view label)>& has_aliases);

}  // namespace kw::promql
