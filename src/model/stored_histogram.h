// Native histograms in the form that is stored and sent (Histogram of model/sample.h): whether they are sound, whether
// two are the same sample, and whether a counter went on from one to the next.
// Source: https://prometheus.io/docs/specs/native_histograms/; texts of errors as Prometheus has them.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/sample.h"

namespace kw {

inline constexpr int32_t kExponentialSchemaMin = -4;
inline constexpr int32_t kExponentialSchemaMax = 8;
// Spans, buckets and custom bounds of one histogram, at most: some 400 times what instrumentation makes.
inline constexpr uint64_t kHistogramPartsMax = 64 << 10;

// Spans, buckets and custom bounds: what a histogram's size depends on.
uint64_t histogram_parts(const Histogram& histogram);

// Spans and buckets fit, counts are not negative, bounds ascend, the schema is known. `counts_are_integers`: count is
// also what the buckets hold together (at least, where the sum is NaN). A sum that is the stale marker makes the
// histogram a marker, of which nothing else counts but its layout.
// Errors: kInvalid.
Result<void> check_histogram(const Histogram& histogram, bool counts_are_integers = false);

// Equal bit for bit, but for a hint that only says whether the counter went on.
bool same_sample(const Histogram& a, const Histogram& b);
// The same buckets: schema, zero threshold, spans and bounds.
bool same_layout(const Histogram& a, const Histogram& b);

// The hint that `now` has right behind `before`, which is null where the sample before is no histogram: kReset where
// the counter restarted or the writer said so, kNotReset where it went on; of a gauge, and behind one, what `now` says.
CounterResetHint hint_behind(const Histogram& now, const Histogram* before);

}  // namespace kw
