// Rollups: functions of the samples in a range, evaluated for all steps of one series in one call.
//
// A kernel gets the series' samples as columns and the window of every step, and fills one value a step.
// Windows move to the right from step to step, so that a kernel may slide: what it does is linear in samples
// plus steps, except where the result needs the order of values in each window (quantiles) or a fit.
// Sums are compensated (Neumaier). Nothing is ever subtracted from a running sum, since an infinity or a
// 1e100 that has left the window must leave no trace: SlidingWindow keeps partial sums instead.
// Threads: kernels are pure.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "contract/metric_store.h"
#include "promql/operator.h"

namespace kw::promql {

struct RollupInput {
    std::span<const int64_t> times;   // milliseconds
    std::span<const double> values;   // one a time, no markers
    std::span<const int64_t> starts;  // empty, or one a time
    std::span<const Window> windows;  // one a step
    const Windows& range;
    const StepGrid& grid;                   // evaluation times
    std::span<const Column> params;         // of the scalar arguments, in their order
    Scratch& scratch;                       // `sorted`, `indexes`
    const QueryContext* context = nullptr;  // null: nobody can stop it
    uint64_t windows_total = 0;             // the sizes of all windows together
};

// Fills one value a step: kAbsent where the window gives none.
using RollupKernel = void (*)(const RollupInput& in, std::span<double> out);

// --- functions_counter.cc
void rate_over(const RollupInput& in, std::span<double> out);
void increase_over(const RollupInput& in, std::span<double> out);
void delta_over(const RollupInput& in, std::span<double> out);
void irate_over(const RollupInput& in, std::span<double> out);
void idelta_over(const RollupInput& in, std::span<double> out);
void changes_over(const RollupInput& in, std::span<double> out);
void resets_over(const RollupInput& in, std::span<double> out);
// --- functions_over_time.cc
void avg_over_time(const RollupInput& in, std::span<double> out);
void sum_over_time(const RollupInput& in, std::span<double> out);
void min_over_time(const RollupInput& in, std::span<double> out);
void max_over_time(const RollupInput& in, std::span<double> out);
void count_over_time(const RollupInput& in, std::span<double> out);
void present_over_time(const RollupInput& in, std::span<double> out);
void first_over_time(const RollupInput& in, std::span<double> out);
void last_over_time(const RollupInput& in, std::span<double> out);
void stddev_over_time(const RollupInput& in, std::span<double> out);
void stdvar_over_time(const RollupInput& in, std::span<double> out);
void quantile_over_time(const RollupInput& in, std::span<double> out);
void mad_over_time(const RollupInput& in, std::span<double> out);
void ts_of_first_over_time(const RollupInput& in, std::span<double> out);
void ts_of_last_over_time(const RollupInput& in, std::span<double> out);
void ts_of_min_over_time(const RollupInput& in, std::span<double> out);
void ts_of_max_over_time(const RollupInput& in, std::span<double> out);
// --- functions_trend.cc
void deriv_over(const RollupInput& in, std::span<double> out);
void predict_linear_over(const RollupInput& in, std::span<double> out);
void double_exponential_smoothing_over(const RollupInput& in, std::span<double> out);

// Whether the start timestamp of sample i says that its counter began anew after sample i - 1, whatever the values.
bool start_says_restart(const RollupInput& in, uint32_t i);
// Whether a counter began, by the start timestamp of the window's first sample, at zero within the window: then
// its increase is known and nothing is extrapolated.
bool begins_inside(const RollupInput& in, Window window, size_t step);
// By what the difference between a window's samples is multiplied to stand for the whole window, and for rates to
// be one a second. `first`: the first sample's value, of a histogram its count.
double extrapolation(const RollupInput& in, Window window, size_t step, double first,
                     double difference, bool is_counter, bool is_rate);

// A sum with the rounding errors it made, after Neumaier.
// Source: https://en.wikipedia.org/wiki/Kahan_summation_algorithm
struct CompensatedSum {
    double sum = 0;
    double lost = 0;

    void add(double value) {
        const double total = sum + value;
        if (std::isinf(total))
            lost = 0;
        else if (std::fabs(sum) >= std::fabs(value))
            lost += (sum - total) + value;
        else
            lost += (value - total) + sum;
        sum = total;
    }
    void add(const CompensatedSum& other) {
        const double lost_there = other.lost;
        add(other.sum);
        if (!std::isinf(sum)) lost += lost_there;
    }
    double total() const { return std::isinf(sum) ? sum : sum + lost; }
};

// Count, mean and squared distances to it, mergeable (Chan, Golub, LeVeque 1979).
struct Moments {
    double count = 0;
    CompensatedSum mean;
    CompensatedSum squares;

    void add(double value) {
        count += 1;
        const double delta = value - (mean.sum + mean.lost);
        mean.add(delta / count);
        squares.add(delta * (value - (mean.sum + mean.lost)));
    }
    void add(const Moments& other) {
        if (other.count == 0) return;
        if (count == 0) {
            *this = other;
            return;
        }
        const double delta = (other.mean.sum + other.mean.lost) - (mean.sum + mean.lost);
        const double all = count + other.count;
        mean.add(delta * (other.count / all));
        squares.add(other.squares);
        squares.add(delta * delta * (count * other.count / all));
        count = all;
    }
    double variance() const { return (squares.sum + squares.lost) / count; }
};

// Quantile `q` of `values`, which it sorts, NaN first; linear between neighbours. -Inf below 0, +Inf above 1, NaN
// for NaN and for no values.
double quantile_of(double q, std::span<double> values);
// The mean of `values`, which may be so large that their sum is not a number. At least one.
double mean_of(std::span<const double> values);

// The aggregate of windows that move to the right, without taking anything out of a sum: the window is cut
// at a place; left of it aggregates from each value to the place are kept, right of it one aggregate grows.
// When the left end passes the place, it moves to the right end. Two additions a value, amortised.
// `Aggregate` has add(double) and add(const Aggregate&).
template <typename Aggregate>
class SlidingWindow {
 public:
    explicit SlidingWindow(std::span<const double> values) : values_(values) {}

    // The aggregate of values [window.begin, window.end), not empty; both ends never move back.
    Aggregate of(Window window) {
        if (window.begin >= place_) {
            place_ = window.end;
            end_ = window.end;
            right_ = {};
            left_.resize(place_ - window.begin);
            left_begin_ = window.begin;
            Aggregate running;
            for (uint32_t i = place_; i-- > window.begin;) {
                running.add(values_[i]);
                left_[i - left_begin_] = running;
            }
        }
        for (; end_ < window.end; ++end_) right_.add(values_[end_]);
        Aggregate all = left_[window.begin - left_begin_];
        all.add(right_);
        return all;
    }

 private:
    const std::span<const double> values_;
    std::vector<Aggregate> left_;
    Aggregate right_;
    uint32_t left_begin_ = 0;
    uint32_t place_ = 0;
    uint32_t end_ = 0;
};

// Whether windows overlap so much that sliding pays: each sample stands in more than 8 of them.
inline bool overlaps_much(const RollupInput& in) { return in.windows_total > 8 * in.values.size(); }

// Whether the query was cancelled or has run out of time; then nobody looks at what a kernel gives.
bool is_stopped(const RollupInput& in);

// Calls f(window, step) for the value of each window that has at least `least` samples. Looks every million
// samples whether it should go on: 10,000 windows of a million samples each take minutes to sort.
template <typename F>
void each_window(const RollupInput& in, std::span<double> out, uint32_t least, F f) {
    constexpr uint64_t kSamplesBetweenLooks = 1 << 20;
    uint64_t walked = 0;
    for (size_t step = 0; step < in.windows.size(); ++step) {
        const Window window = in.windows[step];
        out[step] = window.size() < least ? kAbsent : f(window, step);
        walked += window.size();
        if (walked < kSamplesBetweenLooks) continue;
        walked = 0;
        if (is_stopped(in)) return;
    }
}

}  // namespace kw::promql
