// The functions of the language, in one table: what the type checker must know of each, and the
// number by which the evaluator finds its code. A new one is an enumerator and a line in
// functions.cc, in the same place. Source:
// https://prometheus.io/docs/prometheus/latest/querying/functions/
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "promql/ast.h"

namespace kw::promql {

// Alphabetical, as the table is; functions()[static_cast<size_t>(id)].id == id.
enum class FunctionId : unsigned char {
    kAbs,
    kAbsent,
    kAbsentOverTime,
    kAcos,
    kAcosh,
    kAsin,
    kAsinh,
    kAtan,
    kAtanh,
    kAvgOverTime,
    kCeil,
    kChanges,
    kClamp,
    kClampMax,
    kClampMin,
    kCos,
    kCosh,
    kCountOverTime,
    kDayOfMonth,
    kDayOfWeek,
    kDayOfYear,
    kDaysInMonth,
    kDeg,
    kDelta,
    kDeriv,
    kDoubleExponentialSmoothing,
    kEnd,
    kExp,
    kFirstOverTime,
    kFloor,
    kHistogramAvg,
    kHistogramCount,
    kHistogramFraction,
    kHistogramQuantile,
    kHistogramQuantiles,
    kHistogramStddev,
    kHistogramStdvar,
    kHistogramSum,
    kHour,
    kIdelta,
    kIncrease,
    kInfo,
    kIrate,
    kLabelJoin,
    kLabelReplace,
    kLastOverTime,
    kLn,
    kLog10,
    kLog2,
    kMadOverTime,
    kMaxOf,
    kMaxOverTime,
    kMinOf,
    kMinOverTime,
    kMinute,
    kMonth,
    kPi,
    kPredictLinear,
    kPresentOverTime,
    kQuantileOverTime,
    kRad,
    kRange,
    kRate,
    kResets,
    kRound,
    kScalar,
    kSgn,
    kSin,
    kSinh,
    kSort,
    kSortByLabel,
    kSortByLabelDesc,
    kSortDesc,
    kSqrt,
    kStart,
    kStartTimestamp,
    kStddevOverTime,
    kStdvarOverTime,
    kStep,
    kSumOverTime,
    kTan,
    kTanh,
    kTime,
    kTimestamp,
    kTsOfFirstOverTime,
    kTsOfLastOverTime,
    kTsOfMaxOverTime,
    kTsOfMinOverTime,
    kVector,
    kYear,
};
inline constexpr size_t kFunctionCount = static_cast<size_t>(FunctionId::kYear) + 1;

struct Function {
    FunctionId id;
    std::string_view name;
    ValueType returns;
    std::array<ValueType, 5> arg_types;  // the first arg_count are meant
    uint8_t arg_count;
    // 0: exactly arg_count arguments. n > 0: the last may stand 0 to n times (`round(v)`); -1: any
    // number of times (`label_join`).
    int8_t variadic = 0;
    bool experimental = false;

    // The type that argument `index` must have; index may pass arg_count where variadic is -1.
    ValueType arg_type(size_t index) const {
        return arg_types[index < arg_count ? index : arg_count - 1u];
    }
};

// All, kFunctionCount of them, sorted by name.
std::span<const Function> functions();
// Null when there is none of that name. Case-sensitive.
const Function* find_function(std::string_view name);

}  // namespace kw::promql
