// Operators that change each value by itself: `abs(x)`, `clamp(x, 0, 1)`, `x * 100`, `5 > x`, `-x`. They add
// no memory: the column of the series below is changed in place.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "promql/ast.h"
#include "promql/operator.h"

namespace kw::promql {

// Changes the present values of one series' column; may make some absent. `params`: scalar arguments, a
// column each.
using MapKernel = void (*)(const StepGrid& grid, std::span<const Column> params,
                           std::span<double> values);

class MapOperator final : public VectorOperator {
 public:
    // What becomes of native histograms.
    enum class OfHistograms : unsigned char {
        kNothing,  // the function knows floats only
        kItself,   // the kernel treats them like any value
        kNegative,
    };
    MapOperator(MapKernel kernel, std::unique_ptr<VectorOperator> vector,
                std::vector<std::unique_ptr<ScalarOperator>> params,
                OfHistograms of_histograms = OfHistograms::kNothing);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const MapKernel kernel_;
    const std::unique_ptr<VectorOperator> vector_;
    const std::vector<std::unique_ptr<ScalarOperator>> params_;
    const OfHistograms of_histograms_;
};

// Vector and scalar, on either side. A comparison without `bool` keeps the vector's values where it holds.
class VectorScalarOperator final : public VectorOperator {
 public:
    // `where`: the place of the whole operation.
    VectorScalarOperator(BinaryOp op, bool return_bool, bool scalar_is_left,
                         std::unique_ptr<VectorOperator> vector,
                         std::unique_ptr<ScalarOperator> scalar, Span where);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const BinaryOp op_;
    const bool return_bool_;
    const bool scalar_is_left_;
    const std::unique_ptr<VectorOperator> vector_;
    const std::unique_ptr<ScalarOperator> scalar_;
    const Span where_;
};

// `f(present value, step)` for every present value.
template <typename F>
void map_present(std::span<double> values, F f) {
    for (size_t step = 0; step < values.size(); ++step) {
        if (!is_absent(values[step])) values[step] = f(values[step], step);
    }
}

}  // namespace kw::promql
