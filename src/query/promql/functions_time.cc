// Parts of a date, in UTC, of values that are seconds since the Unix epoch.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#day_of_month and others.
#include <chrono>
#include <cmath>

#include "promql/function_table.h"

namespace kw::promql {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// std::chrono's years end at 32767; 1e12 seconds is the year 33658.
constexpr double kSecondsMax = 9.7e11;

struct Moment {
    sys_days day;
    year_month_day date;
    int64_t second = 0;  // of the day
};

template <typename F>
void map_moment(std::span<double> values, F f) {
    map_present(values, [&](double v, size_t) -> double {
        if (!(std::fabs(v) < kSecondsMax)) return std::numeric_limits<double>::quiet_NaN();
        const std::chrono::sys_seconds time{std::chrono::seconds(static_cast<int64_t>(v))};
        const sys_days day = std::chrono::floor<days>(time);
        return static_cast<double>(f(Moment{day, year_month_day(day), (time - day).count()}));
    });
}

}  // namespace

void day_of_month_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) { return static_cast<unsigned>(m.date.day()); });
}

void day_of_week_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) { return std::chrono::weekday(m.day).c_encoding(); });
}

void day_of_year_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) {
        const sys_days first = m.date.year() / std::chrono::January / 1;
        return (m.day - first).count() + 1;
    });
}

void days_in_month_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) {
        const std::chrono::year_month_day_last last =
            m.date.year() / m.date.month() / std::chrono::last;
        return static_cast<unsigned>(last.day());
    });
}

void hour_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) { return m.second / 3600; });
}

void minute_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) { return m.second / 60 % 60; });
}

void month_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) { return static_cast<unsigned>(m.date.month()); });
}

void year_of(const StepGrid&, std::span<const Column>, std::span<double> values) {
    map_moment(values, [](const Moment& m) { return static_cast<int>(m.date.year()); });
}

// timestamp(v) of what is not a selector: the time of evaluation.
void timestamp_of(const StepGrid& grid, std::span<const Column>, std::span<double> values) {
    map_present(values, [&](double, size_t step) {
        return static_cast<double>(grid.at(step).count) / 1000;
    });
}

}  // namespace kw::promql
