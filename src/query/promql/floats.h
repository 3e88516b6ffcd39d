// The values beside the numbers that arithmetic on samples returns.
#pragma once

#include <limits>

namespace kw::promql {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace kw::promql
