// How rules ask: an instant query, as samples. The engine behind it is the server's, or that of a test.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/sample.h"

namespace kw {
class CancelToken;
namespace promql {
class Engine;
}
}  // namespace kw

namespace kw::rules {

struct Sample {
    LabelSet labels;
    double value = 0;
    std::shared_ptr<const Histogram> histogram;  // set: the sample is this, and `value` 0
};

// A vector's samples; a scalar is one without labels.
// Errors: the engine's; kInvalid when the expression gives neither.
Result<std::vector<Sample>> query_samples(promql::Engine& engine, const std::string& expr,
                                          Millis at, const CancelToken& cancel);

}  // namespace kw::rules
