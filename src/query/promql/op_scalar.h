// Scalars: literals, `time()`, `scalar(x)`, arithmetic between scalars, and vectors made of scalars.
#pragma once

#include <memory>

#include "promql/ast.h"
#include "promql/functions.h"
#include "promql/operator.h"

namespace kw::promql {

class ConstantOperator final : public ScalarOperator {
 public:
    explicit ConstantOperator(double value) : value_(value) {}
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override;

 private:
    const double value_;
};

// time(): the step's time in seconds.
class TimeOperator final : public ScalarOperator {
 public:
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override;
};

class ScalarBinaryOperator final : public ScalarOperator {
 public:
    ScalarBinaryOperator(BinaryOp op, std::unique_ptr<ScalarOperator> lhs,
                         std::unique_ptr<ScalarOperator> rhs)
        : op_(op), lhs_(std::move(lhs)), rhs_(std::move(rhs)) {}
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override;

 private:
    const BinaryOp op_;
    const std::unique_ptr<ScalarOperator> lhs_;
    const std::unique_ptr<ScalarOperator> rhs_;
};

// min_of(a, b), max_of(a, b): NaN when either is.
class ExtremeOperator final : public ScalarOperator {
 public:
    ExtremeOperator(bool greatest, std::unique_ptr<ScalarOperator> lhs,
                    std::unique_ptr<ScalarOperator> rhs)
        : greatest_(greatest), lhs_(std::move(lhs)), rhs_(std::move(rhs)) {}
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override;

 private:
    const bool greatest_;
    const std::unique_ptr<ScalarOperator> lhs_;
    const std::unique_ptr<ScalarOperator> rhs_;
};

// scalar(v): the value of the vector's only series, NaN where it has none or several.
class OnlyValueOperator final : public ScalarOperator {
 public:
    explicit OnlyValueOperator(std::unique_ptr<VectorOperator> vector)
        : vector_(std::move(vector)) {}
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
};

// A scalar that is the same at all steps, evaluated at the first.
class InvariantScalarOperator final : public ScalarOperator {
 public:
    explicit InvariantScalarOperator(std::unique_ptr<ScalarOperator> scalar)
        : scalar_(std::move(scalar)) {}
    Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const override;

 private:
    const std::unique_ptr<ScalarOperator> scalar_;
};

// vector(s): one series without labels.
class VectorOfScalarOperator final : public VectorOperator {
 public:
    explicit VectorOfScalarOperator(std::unique_ptr<ScalarOperator> scalar)
        : scalar_(std::move(scalar)) {}
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<ScalarOperator> scalar_;
};

// A vector that is the same at all steps, since every selector in it is pinned by `@`: evaluated at the first
// and repeated.
class InvariantVectorOperator final : public VectorOperator {
 public:
    explicit InvariantVectorOperator(std::unique_ptr<VectorOperator> vector)
        : vector_(std::move(vector)) {}
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
};

}  // namespace kw::promql
