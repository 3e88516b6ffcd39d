// How each function of the language is evaluated: one line a function, its code in the file of its family.
//
// What a function is to the language (name, types, arguments) stands in functions.h; this table says which
// operator runs it. Functions that are operators of their own (absent, sort, label_replace, …) have the kind
// kSpecial, and the planner builds them.
#pragma once

#include "promql/functions.h"
#include "promql/op_map.h"
#include "promql/op_rollup.h"

namespace kw::promql {

struct FunctionCode {
    enum class Kind : unsigned char { kRollup, kMap, kSpecial };
    FunctionId id;
    Kind kind = Kind::kSpecial;
    Rollup rollup;            // kRollup
    MapKernel map = nullptr;  // kMap
    // The value depends on the time of evaluation itself, so that `@` in its arguments does not pin it.
    bool reads_clock = false;
};

const FunctionCode& code_of(FunctionId id);

// --- functions_math.cc
void abs_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void acos_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void acosh_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void asin_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void asinh_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void atan_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void atanh_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void ceil_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void clamp_of(const StepGrid&, std::span<const Column> params, std::span<double> values);
void clamp_max_of(const StepGrid&, std::span<const Column> params, std::span<double> values);
void clamp_min_of(const StepGrid&, std::span<const Column> params, std::span<double> values);
void cos_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void cosh_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void deg_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void exp_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void floor_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void ln_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void log10_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void log2_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void negative_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void rad_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void round_of(const StepGrid&, std::span<const Column> params, std::span<double> values);
void sgn_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void sin_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void sinh_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void sqrt_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void tan_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void tanh_of(const StepGrid&, std::span<const Column>, std::span<double> values);
// --- functions_time.cc
void day_of_month_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void day_of_week_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void day_of_year_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void days_in_month_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void hour_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void minute_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void month_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void year_of(const StepGrid&, std::span<const Column>, std::span<double> values);
void timestamp_of(const StepGrid& grid, std::span<const Column>, std::span<double> values);

}  // namespace kw::promql
