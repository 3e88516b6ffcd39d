// From the typed tree to operators.
//
// A plan belongs to one query: the grids of all steps are known when it is made (a subquery's too), and every
// selector announces its selection, so that selections can be shared. What `@` pins to one time in all its
// parts is evaluated once and repeated.
#pragma once

#include <memory>

#include "promql/ast.h"
#include "promql/operator.h"

namespace kw::promql {

// The tree, whose durations are resolved, outlives the plan.
// Errors: kUnsupported, for what is understood and not evaluated by this version.
Result<std::unique_ptr<VectorOperator>> plan_vector(QueryContext& context, const Expr& expr,
                                                    const StepGrid& grid);
Result<std::unique_ptr<ScalarOperator>> plan_scalar(QueryContext& context, const Expr& expr,
                                                    const StepGrid& grid);
Result<std::unique_ptr<RangeOperator>> plan_range(QueryContext& context, const Expr& expr,
                                                  const StepGrid& grid);

}  // namespace kw::promql
