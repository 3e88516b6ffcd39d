// Rollups over series that have native histograms, beside the kernels of rollup.h, which know floats only.
//
// A window has floats, histograms, or both. What a function does then is said once, by its family:
//   moves        rate, increase, delta, irate, idelta: all samples of one kind, else nothing and a warning
//   adds up      sum_over_time, avg_over_time: the same
//   counts       changes, resets: a change of kind is one more event
//   takes any    last_over_time, count_over_time, …: the kernel runs as it is, handles are values like others
//   floats only  all others: histograms are not looked at
// Threads: pure but for the remarks.
#pragma once

#include "promql/ast.h"
#include "promql/functions.h"
#include "promql/histogram_remarks.h"
#include "promql/rollup.h"

namespace kw::promql {

struct HistogramRollup {
    FunctionId function;
    RollupKernel kernel;
    VectorSelector::Extension extension = VectorSelector::Extension::kNone;
    int64_t lookback_ms = 0;
};

// Whether any sample is a histogram.
bool any_histogram(std::span<const double> values);

// Fills one value a step. Errors: of the limits, kCancelled, kTimeout.
Result<void> histogram_rollup(QueryContext& context, const HistogramRollup& rollup,
                              const RollupInput& in, const HistogramRemarks& remarks,
                              std::span<double> out);

}  // namespace kw::promql
