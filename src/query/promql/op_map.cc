#include "promql/op_map.h"

#include <algorithm>

#include "promql/arithmetic.h"
#include "promql/histogram_binary.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

using Change = std::function<void(std::span<double>)>;
// What becomes of a histogram at a step.
using HistogramChange = std::function<Result<double>(double value, size_t step)>;

class Changed final : public SeriesStream {
 public:
    // `hold`: of the columns that `change` has. Without `of_histogram`, `change` sees histograms too.
    Changed(const QueryContext& context, std::unique_ptr<SeriesStream> child, Change change,
            HistogramChange of_histogram, Hold hold)
        : context_(context),
          child_(std::move(child)),
          change_(std::move(change)),
          of_histogram_(std::move(of_histogram)),
          hold_(std::move(hold)) {}
    size_t size() const override { return child_->size(); }
    const LabelSet& labels(size_t index) const override { return child_->labels(index); }
    bool drops_name(size_t index) const override { return child_->drops_name(index); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(child_->compute(index, scratch, out));
        if (context_.has_histograms() && of_histogram_) return change_mixed(out);
        change_(out);
        return {};
    }

 private:
    Result<void> change_mixed(std::span<double> out) const {
        std::vector<std::pair<size_t, double>> changed;
        for (size_t step = 0; step < out.size(); ++step) {
            if (!is_histogram(out[step])) continue;
            KW_TRY_ASSIGN(const double value, of_histogram_(out[step], step));
            changed.emplace_back(step, value);
            out[step] = kAbsent;
        }
        change_(out);
        for (const auto& [step, value] : changed) out[step] = value;
        return {};
    }

    const QueryContext& context_;
    const std::unique_ptr<SeriesStream> child_;
    const Change change_;
    const HistogramChange of_histogram_;
    const Hold hold_;
};

// Numbers have no observations to take away.
Change trim_change(QueryContext& context, BinaryOp op, Span where) {
    return [&context, op, where](std::span<double> values) {
        for (double& value : values) {
            if (is_absent(value)) continue;
            HistogramRemarks(context, "", where)
                .no_such_operation("float", binary_op_text(op), "float");
            value = kAbsent;
        }
    };
}

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
                         std::vector<std::unique_ptr<ScalarOperator>> params,
                         OfHistograms of_histograms)
    : kernel_(kernel),
      vector_(std::move(vector)),
      params_(std::move(params)),
      of_histograms_(of_histograms) {}

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
    HistogramChange of_histogram;
    switch (of_histograms_) {
        case OfHistograms::kItself: break;
        case OfHistograms::kNothing:
            of_histogram = [](double, size_t) -> Result<double> { return kAbsent; };
            break;
        case OfHistograms::kNegative:
            of_histogram = [&context](double value, size_t) -> Result<double> {
                NativeHistogram negative = histogram_at(value);
                scale(negative, -1);
                return context.put_histogram(std::move(negative));
            };
            break;
    }
    return without_names(context, grid,
                         std::make_unique<Changed>(context, std::move(stream), std::move(change),
                                                   std::move(of_histogram), std::move(hold)));
}

VectorScalarOperator::VectorScalarOperator(BinaryOp op, bool return_bool, bool scalar_is_left,
                                           std::unique_ptr<VectorOperator> vector,
                                           std::unique_ptr<ScalarOperator> scalar, Span where)
    : op_(op),
      return_bool_(return_bool),
      scalar_is_left_(scalar_is_left),
      vector_(std::move(vector)),
      scalar_(std::move(scalar)),
      where_(where) {}

Result<std::unique_ptr<SeriesStream>> VectorScalarOperator::open(QueryContext& context,
                                                                 const StepGrid& grid) const {
    Hold hold;
    KW_TRY_ASSIGN(Column scalar, scalar_->run(context, grid, hold));
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    HistogramChange of_histogram = [&context, this, scalar](double value, size_t step) {
        const HistogramRemarks remarks(context, "", where_);
        return histogram_binary(context, op_, return_bool_, scalar_is_left_ ? scalar[step] : value,
                                scalar_is_left_ ? value : scalar[step], remarks);
    };
    Change change = is_trim(op_)
                        ? trim_change(context, op_, where_)
                        : binary_change(op_, return_bool_, scalar_is_left_, std::move(scalar));
    std::unique_ptr<SeriesStream> changed = std::make_unique<Changed>(
        context, std::move(stream), std::move(change), std::move(of_histogram), std::move(hold));
    if (!is_arithmetic(op_) && !return_bool_) return changed;
    return without_names(context, grid, std::move(changed));
}

}  // namespace kw::promql
