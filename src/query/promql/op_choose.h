// Aggregations that choose among the series of a group or need all its values at once.
//
// topk, bottomk and limitk take the series below one after the other and hold the chosen of each step and group;
// limit_ratio is decided by a series' labels and holds nothing. quantile and count_values collect the series below.
#pragma once

#include <memory>
#include <string>

#include "promql/ast.h"
#include "promql/operator.h"

namespace kw::promql {

// topk, bottomk, limitk, limit_ratio: series of the input with the values at which they were chosen.
class ChooseOperator final : public VectorOperator {
 public:
    // `aggregate` outlives this.
    ChooseOperator(const AggregateExpr& aggregate, std::unique_ptr<VectorOperator> vector,
                   std::unique_ptr<ScalarOperator> param);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const AggregateExpr& aggregate_;
    const std::unique_ptr<VectorOperator> vector_;
    const std::unique_ptr<ScalarOperator> param_;
};

class QuantileOperator final : public VectorOperator {
 public:
    QuantileOperator(const AggregateExpr& aggregate, std::unique_ptr<VectorOperator> vector,
                     std::unique_ptr<ScalarOperator> param);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const AggregateExpr& aggregate_;
    const std::unique_ptr<VectorOperator> vector_;
    const std::unique_ptr<ScalarOperator> param_;
};

class CountValuesOperator final : public VectorOperator {
 public:
    CountValuesOperator(const AggregateExpr& aggregate, std::unique_ptr<VectorOperator> vector,
                        std::string label);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const AggregateExpr& aggregate_;
    const std::unique_ptr<VectorOperator> vector_;
    const std::string label_;
};

}  // namespace kw::promql
