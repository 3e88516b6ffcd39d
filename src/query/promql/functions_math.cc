// Functions of a single number. Source:
// https://prometheus.io/docs/prometheus/latest/querying/functions/#trigonometric-functions and others.
#include <cmath>
#include <numbers>

#include "promql/floats.h"
#include "promql/function_table.h"

namespace kw::promql {
namespace {

// NaN when either is, unlike std::min and std::max.
double least(double a, double b) { return std::isnan(a) || std::isnan(b) ? kNan : std::min(a, b); }
double greatest(double a, double b) {
    return std::isnan(a) || std::isnan(b) ? kNan : std::max(a, b);
}

}  // namespace

#define KW_MAP(name, expression)                                                    \
    void name(const StepGrid&, std::span<const Column>, std::span<double> values) { \
        map_present(values, [](double v, size_t) -> double { return expression; }); \
    }
KW_MAP(abs_of, std::fabs(v))
KW_MAP(acos_of, std::acos(v))
KW_MAP(acosh_of, std::acosh(v))
KW_MAP(asin_of, std::asin(v))
KW_MAP(asinh_of, std::asinh(v))
KW_MAP(atan_of, std::atan(v))
KW_MAP(atanh_of, std::atanh(v))
KW_MAP(ceil_of, std::ceil(v))
KW_MAP(cos_of, std::cos(v))
KW_MAP(cosh_of, std::cosh(v))
KW_MAP(deg_of, v * 180 / std::numbers::pi)
KW_MAP(exp_of, std::exp(v))
KW_MAP(floor_of, std::floor(v))
KW_MAP(ln_of, std::log(v))
KW_MAP(log10_of, std::log10(v))
KW_MAP(log2_of, std::log2(v))
KW_MAP(negative_of, -v)
KW_MAP(rad_of, v* std::numbers::pi / 180)
KW_MAP(sgn_of, v < 0 ? -1 : v > 0 ? 1 : v)
KW_MAP(sin_of, std::sin(v))
KW_MAP(sinh_of, std::sinh(v))
KW_MAP(sqrt_of, std::sqrt(v))
KW_MAP(tan_of, std::tan(v))
KW_MAP(tanh_of, std::tanh(v))
#undef KW_MAP

// clamp(v, min, max): nothing where max is below min.
void clamp_of(const StepGrid&, std::span<const Column> params, std::span<double> values) {
    map_present(values, [&](double v, size_t step) {
        const double low = params[0][step];
        const double high = params[1][step];
        return high < low ? kAbsent : greatest(low, least(high, v));
    });
}

void clamp_max_of(const StepGrid&, std::span<const Column> params, std::span<double> values) {
    map_present(values, [&](double v, size_t step) { return least(params[0][step], v); });
}

void clamp_min_of(const StepGrid&, std::span<const Column> params, std::span<double> values) {
    map_present(values, [&](double v, size_t step) { return greatest(params[0][step], v); });
}

// round(v, to = 1): to the nearest multiple, halves up.
void round_of(const StepGrid&, std::span<const Column> params, std::span<double> values) {
    map_present(values, [&](double v, size_t step) {
        // By the inverse, which is exact for 0.1, 0.01, … where the multiple itself is not.
        const double inverse = 1 / (params.empty() ? 1 : params[0][step]);
        return std::floor(v * inverse + 0.5) / inverse;
    });
}

}  // namespace kw::promql
