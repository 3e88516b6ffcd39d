// The notation of native histograms in Prometheus' scripts and rule tests:
//   {{schema:1 sum:3 count:22 z_bucket:1 z_bucket_w:0.001 offset:0 buckets:[5 10 7] n_offset:0 n_buckets:[1]
//     counter_reset_hint:gauge custom_values:[1 2]}}
// All parts are optional, in any order, each at most once.
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/sample.h"

namespace kw {

// `text` from `{{` to `}}`. Errors: kInvalid; kExhausted past 10,000 numbers in a list.
Result<Histogram> parse_histogram(std::string_view text);

}  // namespace kw
