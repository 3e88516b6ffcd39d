#include <algorithm>

#include "promql/op_binary.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

// For each signature and step whether a series of `side` has a value there. Empty for signatures that the
// side does not have.
Result<std::vector<std::vector<uint8_t>>> presence(const QueryContext& context,
                                                   const StepVector& side,
                                                   const std::vector<uint32_t>& signature_of,
                                                   size_t signature_count, size_t step_count) {
    std::vector<std::vector<uint8_t>> present(signature_count);
    for (size_t i = 0; i < side.series.size(); ++i) {
        KW_TRY(context.check());
        std::vector<uint8_t>& steps = present[signature_of[i]];
        steps.resize(step_count);
        for (size_t step = 0; step < step_count; ++step)
            steps[step] |= !is_absent(side.series[i].values[step]);
    }
    return present;
}

// Keeps the values at steps where the other side has (`wanted`) or lacks the signature.
Result<void> keep_where(const QueryContext& context, StepVector& side,
                        const std::vector<uint32_t>& signature_of,
                        const std::vector<std::vector<uint8_t>>& other, bool wanted) {
    for (size_t i = 0; i < side.series.size(); ++i) {
        KW_TRY(context.check());
        const std::vector<uint8_t>& steps = other[signature_of[i]];
        Column& values = side.series[i].values;
        for (size_t step = 0; step < values.size(); ++step) {
            const bool has = !steps.empty() && steps[step] != 0;
            if (has != wanted) values[step] = kAbsent;
        }
    }
    std::erase_if(side.series, [](const StepSeries& series) {
        return std::ranges::all_of(series.values, is_absent);
    });
    return {};
}

}  // namespace

SetOperator::SetOperator(const BinaryExpr& binary, std::unique_ptr<VectorOperator> lhs,
                         std::unique_ptr<VectorOperator> rhs)
    : binary_(binary), lhs_(std::move(lhs)), rhs_(std::move(rhs)) {}

Result<std::unique_ptr<SeriesStream>> SetOperator::open(QueryContext& context,
                                                        const StepGrid& grid) const {
    KW_TRY_ASSIGN(StepVector lhs, collect(context, grid, *lhs_));
    if (lhs.series.empty() && binary_.op != BinaryOp::kOr) return stream_of(std::move(lhs));
    KW_TRY_ASSIGN(StepVector rhs, collect(context, grid, *rhs_));
    KW_TRY_ASSIGN(const Signatures signatures, signatures_of(context, lhs, rhs, *binary_.matching));
    const size_t count = signatures.labels.size();
    const StepVector& asked = binary_.op == BinaryOp::kOr ? lhs : rhs;
    KW_TRY_ASSIGN(
        const std::vector<std::vector<uint8_t>> present,
        presence(context, asked, binary_.op == BinaryOp::kOr ? signatures.lhs : signatures.rhs,
                 count, grid.count));
    if (binary_.op == BinaryOp::kOr) {
        KW_TRY(keep_where(context, rhs, signatures.rhs, present, false));
        for (StepSeries& series : rhs.series) lhs.series.push_back(std::move(series));
        lhs.hold.absorb(std::move(rhs.hold));
        KW_TRY(merge_same_labels(context, lhs));
    } else {
        KW_TRY(keep_where(context, lhs, signatures.lhs, present, binary_.op == BinaryOp::kAnd));
    }
    return stream_of(std::move(lhs));
}

}  // namespace kw::promql
