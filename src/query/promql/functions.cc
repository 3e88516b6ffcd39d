#include "promql/functions.h"

#include <algorithm>

namespace kw::promql {
namespace {

constexpr auto kS = ValueType::kScalar;
constexpr auto kV = ValueType::kVector;
constexpr auto kM = ValueType::kMatrix;
constexpr auto kT = ValueType::kString;

constexpr bool kExperimental = true;

constexpr Function kFunctions[] = {
    {FunctionId::kAbs, "abs", kV, {kV}, 1},
    {FunctionId::kAbsent, "absent", kV, {kV}, 1},
    {FunctionId::kAbsentOverTime, "absent_over_time", kV, {kM}, 1},
    {FunctionId::kAcos, "acos", kV, {kV}, 1},
    {FunctionId::kAcosh, "acosh", kV, {kV}, 1},
    {FunctionId::kAsin, "asin", kV, {kV}, 1},
    {FunctionId::kAsinh, "asinh", kV, {kV}, 1},
    {FunctionId::kAtan, "atan", kV, {kV}, 1},
    {FunctionId::kAtanh, "atanh", kV, {kV}, 1},
    {FunctionId::kAvgOverTime, "avg_over_time", kV, {kM}, 1},
    {FunctionId::kCeil, "ceil", kV, {kV}, 1},
    {FunctionId::kChanges, "changes", kV, {kM}, 1},
    {FunctionId::kClamp, "clamp", kV, {kV, kS, kS}, 3},
    {FunctionId::kClampMax, "clamp_max", kV, {kV, kS}, 2},
    {FunctionId::kClampMin, "clamp_min", kV, {kV, kS}, 2},
    {FunctionId::kCos, "cos", kV, {kV}, 1},
    {FunctionId::kCosh, "cosh", kV, {kV}, 1},
    {FunctionId::kCountOverTime, "count_over_time", kV, {kM}, 1},
    {FunctionId::kDayOfMonth, "day_of_month", kV, {kV}, 1, 1},
    {FunctionId::kDayOfWeek, "day_of_week", kV, {kV}, 1, 1},
    {FunctionId::kDayOfYear, "day_of_year", kV, {kV}, 1, 1},
    {FunctionId::kDaysInMonth, "days_in_month", kV, {kV}, 1, 1},
    {FunctionId::kDeg, "deg", kV, {kV}, 1},
    {FunctionId::kDelta, "delta", kV, {kM}, 1},
    {FunctionId::kDeriv, "deriv", kV, {kM}, 1},
    {FunctionId::kDoubleExponentialSmoothing,
     "double_exponential_smoothing",
     kV,
     {kM, kS, kS},
     3,
     0,
     kExperimental},
    {FunctionId::kEnd, "end", kS, {}, 0, 0, kExperimental},
    {FunctionId::kExp, "exp", kV, {kV}, 1},
    {FunctionId::kFirstOverTime, "first_over_time", kV, {kM}, 1, 0, kExperimental},
    {FunctionId::kFloor, "floor", kV, {kV}, 1},
    {FunctionId::kHistogramAvg, "histogram_avg", kV, {kV}, 1},
    {FunctionId::kHistogramCount, "histogram_count", kV, {kV}, 1},
    {FunctionId::kHistogramFraction, "histogram_fraction", kV, {kS, kS, kV}, 3},
    {FunctionId::kHistogramQuantile, "histogram_quantile", kV, {kS, kV}, 2},
    {FunctionId::kHistogramQuantiles,
     "histogram_quantiles",
     kV,
     {kV, kT, kS, kS},
     4,
     9,
     kExperimental},
    {FunctionId::kHistogramStddev, "histogram_stddev", kV, {kV}, 1},
    {FunctionId::kHistogramStdvar, "histogram_stdvar", kV, {kV}, 1},
    {FunctionId::kHistogramSum, "histogram_sum", kV, {kV}, 1},
    {FunctionId::kHour, "hour", kV, {kV}, 1, 1},
    {FunctionId::kIdelta, "idelta", kV, {kM}, 1},
    {FunctionId::kIncrease, "increase", kV, {kM}, 1},
    {FunctionId::kInfo, "info", kV, {kV, kV}, 2, 1, kExperimental},
    {FunctionId::kIrate, "irate", kV, {kM}, 1},
    {FunctionId::kLabelJoin, "label_join", kV, {kV, kT, kT, kT}, 4, -1},
    {FunctionId::kLabelReplace, "label_replace", kV, {kV, kT, kT, kT, kT}, 5},
    {FunctionId::kLastOverTime, "last_over_time", kV, {kM}, 1},
    {FunctionId::kLn, "ln", kV, {kV}, 1},
    {FunctionId::kLog10, "log10", kV, {kV}, 1},
    {FunctionId::kLog2, "log2", kV, {kV}, 1},
    {FunctionId::kMadOverTime, "mad_over_time", kV, {kM}, 1, 0, kExperimental},
    {FunctionId::kMaxOf, "max_of", kS, {kS, kS}, 2, 0, kExperimental},
    {FunctionId::kMaxOverTime, "max_over_time", kV, {kM}, 1},
    {FunctionId::kMinOf, "min_of", kS, {kS, kS}, 2, 0, kExperimental},
    {FunctionId::kMinOverTime, "min_over_time", kV, {kM}, 1},
    {FunctionId::kMinute, "minute", kV, {kV}, 1, 1},
    {FunctionId::kMonth, "month", kV, {kV}, 1, 1},
    {FunctionId::kPi, "pi", kS, {}, 0},
    {FunctionId::kPredictLinear, "predict_linear", kV, {kM, kS}, 2},
    {FunctionId::kPresentOverTime, "present_over_time", kV, {kM}, 1},
    {FunctionId::kQuantileOverTime, "quantile_over_time", kV, {kS, kM}, 2},
    {FunctionId::kRad, "rad", kV, {kV}, 1},
    {FunctionId::kRange, "range", kS, {}, 0, 0, kExperimental},
    {FunctionId::kRate, "rate", kV, {kM}, 1},
    {FunctionId::kResets, "resets", kV, {kM}, 1},
    {FunctionId::kRound, "round", kV, {kV, kS}, 2, 1},
    {FunctionId::kScalar, "scalar", kS, {kV}, 1},
    {FunctionId::kSgn, "sgn", kV, {kV}, 1},
    {FunctionId::kSin, "sin", kV, {kV}, 1},
    {FunctionId::kSinh, "sinh", kV, {kV}, 1},
    {FunctionId::kSort, "sort", kV, {kV}, 1},
    {FunctionId::kSortByLabel, "sort_by_label", kV, {kV, kT}, 2, -1, kExperimental},
    {FunctionId::kSortByLabelDesc, "sort_by_label_desc", kV, {kV, kT}, 2, -1, kExperimental},
    {FunctionId::kSortDesc, "sort_desc", kV, {kV}, 1},
    {FunctionId::kSqrt, "sqrt", kV, {kV}, 1},
    {FunctionId::kStart, "start", kS, {}, 0, 0, kExperimental},
    {FunctionId::kStartTimestamp, "start_timestamp", kV, {kV}, 1, 0, kExperimental},
    {FunctionId::kStddevOverTime, "stddev_over_time", kV, {kM}, 1},
    {FunctionId::kStdvarOverTime, "stdvar_over_time", kV, {kM}, 1},
    {FunctionId::kStep, "step", kS, {}, 0, 0, kExperimental},
    {FunctionId::kSumOverTime, "sum_over_time", kV, {kM}, 1},
    {FunctionId::kTan, "tan", kV, {kV}, 1},
    {FunctionId::kTanh, "tanh", kV, {kV}, 1},
    {FunctionId::kTime, "time", kS, {}, 0},
    {FunctionId::kTimestamp, "timestamp", kV, {kV}, 1},
    {FunctionId::kTsOfFirstOverTime, "ts_of_first_over_time", kV, {kM}, 1, 0, kExperimental},
    {FunctionId::kTsOfLastOverTime, "ts_of_last_over_time", kV, {kM}, 1, 0, kExperimental},
    {FunctionId::kTsOfMaxOverTime, "ts_of_max_over_time", kV, {kM}, 1, 0, kExperimental},
    {FunctionId::kTsOfMinOverTime, "ts_of_min_over_time", kV, {kM}, 1, 0, kExperimental},
    {FunctionId::kVector, "vector", kV, {kS}, 1},
    {FunctionId::kYear, "year", kV, {kV}, 1, 1},
};

constexpr bool in_order() {
    for (size_t i = 0; i < std::size(kFunctions); ++i) {
        if (static_cast<size_t>(kFunctions[i].id) != i) return false;
        if (i > 0 && !(kFunctions[i - 1].name < kFunctions[i].name)) return false;
    }
    return std::size(kFunctions) == kFunctionCount;
}
static_assert(in_order(),
              "the table stands in the order of FunctionId, which is that of the names");

}  // namespace

std::span<const Function> functions() { return kFunctions; }

const Function* find_function(std::string_view name) {
    const auto* const found = std::lower_bound(
        std::begin(kFunctions), std::end(kFunctions), name,
        [](const Function& function, std::string_view text) { return function.name < text; });
    return found != std::end(kFunctions) && found->name == name ? found : nullptr;
}

}  // namespace kw::promql
