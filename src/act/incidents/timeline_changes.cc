#include "incidents/timeline_changes.h"

#include <cmath>

#include "model/sample.h"

namespace kw::incidents {

std::vector<Millis> begins(const promql::QueryResult& result, const promql::ResultSeries& series,
                           Millis from, int64_t lookback_ms) {
    std::vector<Millis> all;
    const bool is_samples = !series.timestamps.empty();
    bool was_on = !is_samples;
    Millis last_at = Millis::min();
    for (size_t i = 0; i < series.values.size(); ++i) {
        const double value = series.values[i];
        if (is_samples && promql::is_absent(value)) continue;  // a native histogram
        const Millis at = series.time_of(i, result.grid);
        if (is_samples && last_at != Millis::min() && at - last_at > lookback_ms) was_on = false;
        const bool is_on = !promql::is_absent(value) && value > 0;
        if (is_on && !was_on && at >= from) all.push_back(at);
        was_on = is_on;
        last_at = at;
    }
    return all;
}

std::vector<Flip> flips(const promql::QueryResult& result, const promql::ResultSeries& series) {
    std::vector<Flip> all;
    double last = std::nan("");
    result.each_point(series, [&](Millis at, double value) {
        if (!std::isnan(last) && (value > 0) != (last > 0)) all.push_back({at, value > 0});
        last = value;
    });
    return all;
}

std::vector<Millis> time_changes(const promql::QueryResult& result,
                                 const promql::ResultSeries& series) {
    std::vector<Millis> all;
    double last = std::nan("");
    result.each_point(series, [&](Millis, double value) {
        if (!std::isnan(last) && value > last) {
            all.push_back(Millis{static_cast<int64_t>(value * 1000)});
        }
        last = value;
    });
    return all;
}

void add_between(const promql::QueryResult& steps, const promql::ResultSeries& series,
                 const promql::QueryResult& samples, const promql::ResultSeries& one,
                 Between& between) {
    const auto is_shown = [&](size_t step) {
        return step < series.values.size() && !promql::is_absent(series.values[step]);
    };
    samples.each_point(one, [&](Millis at, double) {
        if (at < steps.grid.start) return;
        const auto step = static_cast<size_t>((at - steps.grid.start) / steps.grid.step_ms);
        if (!is_shown(step) && !is_shown(step + 1)) between.emplace(step, at);
    });
}

}  // namespace kw::incidents
