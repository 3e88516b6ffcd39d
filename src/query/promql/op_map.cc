#include "promql/op_map.h"

#include <algorithm>

#include "promql/arithmetic.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

using Change = std::function<void(std::span<double>)>;

class Changed final : public SeriesStream {
 public:
    // `hold`: of the columns that `change` has.
    Changed(std::unique_ptr<SeriesStream> child, Change change, Hold hold)
        : child_(std::move(child)), change_(std::move(change)), hold_(std::move(hold)) {}
    size_t size() const override { return child_->size(); }
    const LabelSet& labels(size_t index) const override { return child_->labels(index); }
    bool drops_name(size_t index) const override { return child_->drops_name(index); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(child_->compute(index, scratch, out));
        change_(out);
        return {};
    }

 private:
    const std::unique_ptr<SeriesStream> child_;
    const Change change_;
    const Hold hold_;
};

Change binary_change(BinaryOp op, bool return_bool, bool scalar_is_left, Column scalar) {
    Change change = [](std::span<double> values) { std::ranges::fill(values, kAbsent); };
    const bool filters = is_comparison(op) && !return_bool;
    visit_arithmetic(op, [&](auto f) {
        change = [f, filters, scalar_is_left,
                  scalar = std::move(scalar)](std::span<double> values) {
            map_present(values, [&](double v, size_t step) {
                const double result = scalar_is_left ? f(scalar[step], v) : f(v, scalar[step]);
                if (!filters) return result;
                return result != 0 ? v : kAbsent;
            });
        };
    });
    return change;
}

}  // namespace

MapOperator::MapOperator(MapKernel kernel, std::unique_ptr<VectorOperator> vector,
                         std::vector<std::unique_ptr<ScalarOperator>> params)
    : kernel_(kernel), vector_(std::move(vector)), params_(std::move(params)) {}

Result<std::unique_ptr<SeriesStream>> MapOperator::open(QueryContext& context,
                                                        const StepGrid& grid) const {
    std::vector<Column> params;
    Hold hold;
    for (const auto& param : params_) {
        KW_TRY_ASSIGN(params.emplace_back(), param->run(context, grid, hold));
    }
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    Change change = [kernel = kernel_, grid, params = std::move(params)](std::span<double> values) {
        kernel(grid, params, values);
    };
    return without_names(
        context, grid,
        std::make_unique<Changed>(std::move(stream), std::move(change), std::move(hold)));
}

VectorScalarOperator::VectorScalarOperator(BinaryOp op, bool return_bool, bool scalar_is_left,
                                           std::unique_ptr<VectorOperator> vector,
                                           std::unique_ptr<ScalarOperator> scalar)
    : op_(op),
      return_bool_(return_bool),
      scalar_is_left_(scalar_is_left),
      vector_(std::move(vector)),
      scalar_(std::move(scalar)) {}

Result<std::unique_ptr<SeriesStream>> VectorScalarOperator::open(QueryContext& context,
                                                                 const StepGrid& grid) const {
    Hold hold;
    KW_TRY_ASSIGN(Column scalar, scalar_->run(context, grid, hold));
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    std::unique_ptr<SeriesStream> changed = std::make_unique<Changed>(
        std::move(stream), binary_change(op_, return_bool_, scalar_is_left_, std::move(scalar)),
        std::move(hold));
    if (!is_arithmetic(op_) && !return_bool_) return changed;
    return without_names(context, grid, std::move(changed));
}

}  // namespace kw::promql
