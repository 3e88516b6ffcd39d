#include "promql/histogram_binary.h"

#include "promql/native_math.h"

namespace kw::promql {
namespace {

Result<double> between_histograms(QueryContext& context, BinaryOp op, bool return_bool, double lhs,
                                  double rhs, const HistogramRemarks& remarks) {
    const NativeHistogram& a = histogram_at(lhs);
    const NativeHistogram& b = histogram_at(rhs);
    switch (op) {
        case BinaryOp::kAdd:
        case BinaryOp::kSub: {
            const bool is_difference = op == BinaryOp::kSub;
            NativeHistogram out = a;
            MergeRemarks merged;
            add_scaled(out, b, is_difference ? -1 : 1, merged);
            if (merged.incompatible) {
                remarks.incompatible_layouts(binary_op_text(op));
                return kAbsent;
            }
            remarks.merged(merged, is_difference ? "subtraction" : "addition");
            if (is_difference) out.hint = CounterResetHint::kGauge;
            return context.put_histogram(std::move(out));
        }
        case BinaryOp::kEqual:
        case BinaryOp::kNotEqual: {
            const bool holds = same_observations(a, b) == (op == BinaryOp::kEqual);
            if (return_bool) return holds ? 1.0 : 0.0;
            return holds ? lhs : kAbsent;
        }
        default:
            remarks.no_such_operation("histogram", binary_op_text(op), "histogram");
            return kAbsent;
    }
}

}  // namespace

Result<double> histogram_binary(QueryContext& context, BinaryOp op, bool return_bool, double lhs,
                                double rhs, const HistogramRemarks& remarks) {
    const bool left = is_histogram(lhs);
    const bool right = is_histogram(rhs);
    if (left && right) return between_histograms(context, op, return_bool, lhs, rhs, remarks);
    if (op == BinaryOp::kMul && (left || right)) {
        NativeHistogram out = histogram_at(left ? lhs : rhs);
        scale(out, left ? rhs : lhs);
        return context.put_histogram(std::move(out));
    }
    if (op == BinaryOp::kDiv && left) {
        NativeHistogram out = histogram_at(lhs);
        divide(out, rhs);
        return context.put_histogram(std::move(out));
    }
    if ((op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower) && left) {
        return context.put_histogram(
            trimmed_to(histogram_at(lhs), rhs, op == BinaryOp::kTrimUpper));
    }
    remarks.no_such_operation(left ? "histogram" : "float", binary_op_text(op),
                              right ? "histogram" : "float");
    return kAbsent;
}

}  // namespace kw::promql
