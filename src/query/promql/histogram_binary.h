// The binary operators where one side is a native histogram.
//   histogram + histogram, -      bucket by bucket
//   histogram * number, number * histogram, histogram / number
//   histogram == histogram, !=
//   histogram </ number, >/       the observations up to, or from, the number
// All others have no value, and a remark says so.
// Source: https://prometheus.io/docs/prometheus/latest/querying/operators/
#pragma once

#include "promql/ast.h"
#include "promql/histogram_remarks.h"

namespace kw::promql {

// lhs op rhs, kAbsent where there is none. Also for `</` and `>/` between two numbers, which have none either.
Result<double> histogram_binary(QueryContext& context, BinaryOp op, bool return_bool, double lhs,
                                double rhs, const HistogramRemarks& remarks);

}  // namespace kw::promql
