#include "promql/function_table.h"

#include <algorithm>
#include <array>

namespace kw::promql {
namespace {

using Id = FunctionId;
using Kind = FunctionCode::Kind;

constexpr FunctionCode map(Id id, MapKernel kernel, bool reads_clock = false) {
    return {id, Kind::kMap, {}, kernel, reads_clock};
}
constexpr FunctionCode rollup(Id id, RollupKernel kernel) {
    return {id, Kind::kRollup, {kernel}, nullptr};
}
constexpr FunctionCode naming_rollup(Id id, RollupKernel kernel) {
    return {id, Kind::kRollup, {kernel, true}, nullptr};
}
constexpr FunctionCode counter_rollup(Id id, RollupKernel kernel) {
    return {id, Kind::kRollup, {kernel, false, true}, nullptr};
}
constexpr FunctionCode special(Id id, bool reads_clock = false) {
    return {id, Kind::kSpecial, {}, nullptr, reads_clock};
}

// In the order of FunctionId.
constexpr FunctionCode kCode[] = {
    map(Id::kAbs, abs_of),         // functions_math.cc
    special(Id::kAbsent),          // op_absent.cc
    special(Id::kAbsentOverTime),  // op_rollup.cc
    map(Id::kAcos, acos_of),       // functions_math.cc
    map(Id::kAcosh, acosh_of),
    map(Id::kAsin, asin_of),
    map(Id::kAsinh, asinh_of),
    map(Id::kAtan, atan_of),
    map(Id::kAtanh, atanh_of),
    rollup(Id::kAvgOverTime, avg_over_time),  // functions_over_time.cc
    map(Id::kCeil, ceil_of),
    rollup(Id::kChanges, changes_over),  // functions_counter.cc
    map(Id::kClamp, clamp_of),
    map(Id::kClampMax, clamp_max_of),
    map(Id::kClampMin, clamp_min_of),
    map(Id::kCos, cos_of),
    map(Id::kCosh, cosh_of),
    rollup(Id::kCountOverTime, count_over_time),
    map(Id::kDayOfMonth, day_of_month_of, true),  // functions_time.cc
    map(Id::kDayOfWeek, day_of_week_of, true),
    map(Id::kDayOfYear, day_of_year_of, true),
    map(Id::kDaysInMonth, days_in_month_of, true),
    map(Id::kDeg, deg_of),
    rollup(Id::kDelta, delta_over),
    rollup(Id::kDeriv, deriv_over),  // functions_trend.cc
    rollup(Id::kDoubleExponentialSmoothing, double_exponential_smoothing_over),
    special(Id::kEnd),
    map(Id::kExp, exp_of),
    naming_rollup(Id::kFirstOverTime, first_over_time),
    map(Id::kFloor, floor_of),
    special(Id::kHistogramAvg),  // op_histogram.cc
    special(Id::kHistogramCount),
    special(Id::kHistogramFraction),
    special(Id::kHistogramQuantile),
    special(Id::kHistogramQuantiles),
    special(Id::kHistogramStddev),
    special(Id::kHistogramStdvar),
    special(Id::kHistogramSum),
    map(Id::kHour, hour_of, true),
    rollup(Id::kIdelta, idelta_over),
    counter_rollup(Id::kIncrease, increase_over),
    special(Id::kInfo, true),  // op_info.cc
    rollup(Id::kIrate, irate_over),
    special(Id::kLabelJoin),  // op_label.cc
    special(Id::kLabelReplace),
    naming_rollup(Id::kLastOverTime, last_over_time),
    map(Id::kLn, ln_of),
    map(Id::kLog10, log10_of),
    map(Id::kLog2, log2_of),
    rollup(Id::kMadOverTime, mad_over_time),
    special(Id::kMaxOf),  // op_scalar.cc
    rollup(Id::kMaxOverTime, max_over_time),
    special(Id::kMinOf),
    rollup(Id::kMinOverTime, min_over_time),
    map(Id::kMinute, minute_of, true),
    map(Id::kMonth, month_of, true),
    special(Id::kPi),
    {Id::kPredictLinear, Kind::kRollup, {predict_linear_over}, nullptr, true},
    rollup(Id::kPresentOverTime, present_over_time),
    rollup(Id::kQuantileOverTime, quantile_over_time),
    map(Id::kRad, rad_of),
    special(Id::kRange),
    counter_rollup(Id::kRate, rate_over),
    rollup(Id::kResets, resets_over),
    map(Id::kRound, round_of),
    special(Id::kScalar),
    map(Id::kSgn, sgn_of),
    map(Id::kSin, sin_of),
    map(Id::kSinh, sinh_of),
    special(Id::kSort),  // op_sort.cc
    special(Id::kSortByLabel),
    special(Id::kSortByLabelDesc),
    special(Id::kSortDesc),
    map(Id::kSqrt, sqrt_of),
    special(Id::kStart),
    special(Id::kStartTimestamp, true),  // op_selector.cc
    rollup(Id::kStddevOverTime, stddev_over_time),
    rollup(Id::kStdvarOverTime, stdvar_over_time),
    special(Id::kStep),
    rollup(Id::kSumOverTime, sum_over_time),
    map(Id::kTan, tan_of),
    map(Id::kTanh, tanh_of),
    special(Id::kTime, true),
    map(Id::kTimestamp, timestamp_of, true),
    rollup(Id::kTsOfFirstOverTime, ts_of_first_over_time),
    rollup(Id::kTsOfLastOverTime, ts_of_last_over_time),
    rollup(Id::kTsOfMaxOverTime, ts_of_max_over_time),
    rollup(Id::kTsOfMinOverTime, ts_of_min_over_time),
    special(Id::kVector),
    map(Id::kYear, year_of, true),
};
static_assert(std::size(kCode) == kFunctionCount);
static_assert([] {
    for (size_t i = 0; i < kFunctionCount; ++i) {
        if (static_cast<size_t>(kCode[i].id) != i) return false;
    }
    return true;
}());

}  // namespace

const FunctionCode& code_of(FunctionId id) { return kCode[static_cast<size_t>(id)]; }

}  // namespace kw::promql
