// Operators between two vectors.
//
// Arithmetic and comparisons match series by their signature: the labels named by on(), or all but those of
// ignoring() and the name. At each step a signature has at most one value on the "one" side, and on the other
// side one (one-to-one) or many (group_left, group_right). Signatures are found once for all steps.
// Set operators (and, or, unless) ask at each step whether the other side has the signature.
// Source: https://prometheus.io/docs/prometheus/latest/querying/operators/#vector-matching
#pragma once

#include <memory>

#include "promql/ast.h"
#include "promql/operator.h"

namespace kw::promql {

class VectorBinaryOperator final : public VectorOperator {
 public:
    // `binary` outlives this and has a `matching`; it stands at `where`.
    VectorBinaryOperator(const BinaryExpr& binary, Span where, std::unique_ptr<VectorOperator> lhs,
                         std::unique_ptr<VectorOperator> rhs);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const BinaryExpr& binary_;
    const Span where_;
    const std::unique_ptr<VectorOperator> lhs_;
    const std::unique_ptr<VectorOperator> rhs_;
};

class SetOperator final : public VectorOperator {
 public:
    // `binary` outlives this and has a `matching`.
    SetOperator(const BinaryExpr& binary, std::unique_ptr<VectorOperator> lhs,
                std::unique_ptr<VectorOperator> rhs);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const BinaryExpr& binary_;
    const std::unique_ptr<VectorOperator> lhs_;
    const std::unique_ptr<VectorOperator> rhs_;
};

// The signatures of two sides, numbered.
struct Signatures {
    std::vector<LabelSet> labels;  // of each signature
    std::vector<uint32_t> lhs;     // of each series
    std::vector<uint32_t> rhs;
};
// Errors: kCancelled, kTimeout.
Result<Signatures> signatures_of(const QueryContext& context, const StepVector& lhs,
                                 const StepVector& rhs, const VectorMatching& matching);

}  // namespace kw::promql
