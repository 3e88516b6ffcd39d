#include "promql/op_scalar.h"

#include <algorithm>
#include <cmath>

#include "promql/arithmetic.h"
#include "promql/floats.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

class Repeated final : public SeriesStream {
 public:
    Repeated(std::unique_ptr<SeriesStream> first, size_t count)
        : first_(std::move(first)), count_(count) {}
    size_t size() const override { return first_->size(); }
    const LabelSet& labels(size_t index) const override { return first_->labels(index); }
    bool drops_name(size_t index) const override { return first_->drops_name(index); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(first_->compute(index, scratch, out.first(count_ == 0 ? 0 : 1)));
        if (count_ > 0) std::fill(out.begin() + 1, out.end(), out[0]);
        return {};
    }

 private:
    const std::unique_ptr<SeriesStream> first_;
    const size_t count_;
};

// A column of `value`, counted in `hold`.
Result<Column> new_column(QueryContext& context, const StepGrid& grid, double value, Hold& hold) {
    KW_TRY(context.keep(hold, 0, grid.count * sizeof(double)));
    return Column(grid.count, value);
}

}  // namespace

Result<Column> ConstantOperator::run(QueryContext& context, const StepGrid& grid,
                                     Hold& hold) const {
    return new_column(context, grid, value_, hold);
}

Result<Column> TimeOperator::run(QueryContext& context, const StepGrid& grid, Hold& hold) const {
    KW_TRY_ASSIGN(Column out, new_column(context, grid, 0, hold));
    for (size_t step = 0; step < grid.count; ++step)
        out[step] = static_cast<double>(grid.at(step).count) / 1000;
    return out;
}

Result<Column> ScalarBinaryOperator::run(QueryContext& context, const StepGrid& grid,
                                         Hold& hold) const {
    Hold rhs_hold;
    KW_TRY_ASSIGN(Column lhs, lhs_->run(context, grid, hold));
    KW_TRY_ASSIGN(const Column rhs, rhs_->run(context, grid, rhs_hold));
    visit_arithmetic(op_, [&](auto f) { std::ranges::transform(lhs, rhs, lhs.begin(), f); });
    return lhs;
}

Result<Column> ExtremeOperator::run(QueryContext& context, const StepGrid& grid, Hold& hold) const {
    Hold rhs_hold;
    KW_TRY_ASSIGN(Column lhs, lhs_->run(context, grid, hold));
    KW_TRY_ASSIGN(const Column rhs, rhs_->run(context, grid, rhs_hold));
    std::ranges::transform(lhs, rhs, lhs.begin(), [this](double a, double b) {
        if (std::isnan(a) || std::isnan(b)) return kNan;
        return greatest_ ? std::max(a, b) : std::min(a, b);
    });
    return lhs;
}

Result<Column> OnlyValueOperator::run(QueryContext& context, const StepGrid& grid,
                                      Hold& hold) const {
    KW_TRY_ASSIGN(const StepVector vector, collect(context, grid, *vector_));
    KW_TRY_ASSIGN(Column out, new_column(context, grid, kNan, hold));
    std::vector<uint8_t> seen(grid.count);
    for (const StepSeries& series : vector.series) {
        for (size_t step = 0; step < grid.count; ++step) {
            if (is_reserved(series.values[step])) continue;  // nor does it count histograms
            out[step] = seen[step] == 0 ? series.values[step] : kNan;
            seen[step] = 1;
        }
    }
    return out;
}

Result<Column> InvariantScalarOperator::run(QueryContext& context, const StepGrid& grid,
                                            Hold& hold) const {
    Hold first_hold;
    KW_TRY_ASSIGN(const Column first, scalar_->run(context, grid.first_only(), first_hold));
    return new_column(context, grid, first.empty() ? kNan : first[0], hold);
}

Result<std::unique_ptr<SeriesStream>> VectorOfScalarOperator::open(QueryContext& context,
                                                                   const StepGrid& grid) const {
    StepVector out;
    KW_TRY_ASSIGN(Column values, scalar_->run(context, grid, out.hold));
    KW_TRY(context.keep(out.hold, grid.count, 0));
    out.series.push_back({LabelSet(), false, std::move(values)});
    return stream_of(std::move(out));
}

Result<std::unique_ptr<SeriesStream>> InvariantVectorOperator::open(QueryContext& context,
                                                                    const StepGrid& grid) const {
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> first, vector_->open(context, grid.first_only()));
    return std::unique_ptr<SeriesStream>(std::make_unique<Repeated>(std::move(first), grid.count));
}

}  // namespace kw::promql
