// Operators that record in a ProfileNode what the operator inside them does: time, series, values.
#pragma once

#include <memory>

#include "promql/operator.h"

namespace kw::promql {

class ProfileNode;

// The operator itself where `node` is null. `node` outlives it and its streams.
std::unique_ptr<VectorOperator> observed(ProfileNode* node, std::unique_ptr<VectorOperator> inner);
std::unique_ptr<ScalarOperator> observed(ProfileNode* node, std::unique_ptr<ScalarOperator> inner);
std::unique_ptr<RangeOperator> observed(ProfileNode* node, std::unique_ptr<RangeOperator> inner);

}  // namespace kw::promql
