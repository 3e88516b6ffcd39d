// Subqueries: `expr[1h:1m]`. The expression is evaluated once over a grid of its own that serves all windows
// of the query: times that are multiples of the subquery's step, from the first window's left end (excluded)
// to the last one's right end.
#pragma once

#include <memory>

#include "promql/operator.h"

namespace kw::promql {

// The grid on which the expression of a subquery is evaluated. count 0 when no time falls into its windows.
StepGrid subquery_grid(const Windows& windows, int64_t step_ms);

class SubqueryOperator final : public RangeOperator {
 public:
    SubqueryOperator(const Windows& windows, const StepGrid& inner,
                     std::unique_ptr<VectorOperator> vector);
    Result<std::unique_ptr<RangeStream>> open(QueryContext& context,
                                              const StepGrid& grid) const override;

 private:
    const Windows windows_;
    const StepGrid inner_;
    const std::unique_ptr<VectorOperator> vector_;
};

}  // namespace kw::promql
