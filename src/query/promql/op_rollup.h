// Rollups over a range: `rate(x[5m])`, `quantile_over_time(0.9, x[1h:1m])`. Slides a kernel (rollup.h) over
// the samples of one series after the other.
#pragma once

#include <memory>
#include <vector>

#include "promql/functions.h"
#include "promql/operator.h"
#include "promql/rollup.h"

namespace kw::promql {

// How a function over a range is evaluated.
struct Rollup {
    RollupKernel kernel = nullptr;
    bool keeps_name = false;     // the value is still one of the metric's
    bool wants_counter = false;  // remarks on metrics whose names say they are none
};

class RollupOperator final : public VectorOperator {
 public:
    // `params`: the scalar arguments in their order. `range_where`: the range argument's place.
    RollupOperator(const Rollup& rollup, FunctionId function, std::unique_ptr<RangeOperator> range,
                   std::vector<std::unique_ptr<ScalarOperator>> params, Span range_where,
                   Span first_where);

    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const Rollup rollup_;
    const FunctionId function_;
    const std::unique_ptr<RangeOperator> range_;
    const std::vector<std::unique_ptr<ScalarOperator>> params_;
    const Span range_where_;
    const Span first_where_;  // of the first argument
};

// absent_over_time(x[5m]): 1 where no series has a sample in the window.
class AbsentOverTimeOperator final : public VectorOperator {
 public:
    AbsentOverTimeOperator(std::unique_ptr<RangeOperator> range, LabelSet labels);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<RangeOperator> range_;
    const LabelSet labels_;
};

// Finds the window of every step among `times`. Returns the sum of their sizes.
uint64_t place_windows(std::span<const int64_t> times, const Windows& range,
                       std::vector<Window>& windows);

}  // namespace kw::promql
