#include "promql/rollup_histogram.h"

#include <algorithm>
#include <optional>

#include "promql/op_rollup.h"
#include "promql/rollup_extended.h"

namespace kw::promql {
namespace {

using Native = std::optional<NativeHistogram>;

enum class RollupFamily : unsigned char { kMoves, kMovesInstantly, kAddsUp, kCounts, kTakesAny, kFloats };

RollupFamily family_of(FunctionId function) {
    switch (function) {
        case FunctionId::kRate:
        case FunctionId::kIncrease:
        case FunctionId::kDelta: return RollupFamily::kMoves;
        case FunctionId::kIrate:
        case FunctionId::kIdelta: return RollupFamily::kMovesInstantly;
        case FunctionId::kSumOverTime:
        case FunctionId::kAvgOverTime: return RollupFamily::kAddsUp;
        case FunctionId::kChanges:
        case FunctionId::kResets: return RollupFamily::kCounts;
        case FunctionId::kCountOverTime:
        case FunctionId::kPresentOverTime:
        case FunctionId::kFirstOverTime:
        case FunctionId::kLastOverTime:
        case FunctionId::kTsOfFirstOverTime:
        case FunctionId::kTsOfLastOverTime: return RollupFamily::kTakesAny;
        default: return RollupFamily::kFloats;
    }
}

bool is_gauge(const NativeHistogram& native) { return native.hint == CounterResetHint::kGauge; }

class HistogramWindows final {
 public:
    HistogramWindows(QueryContext& context, const HistogramRollup& rollup, const RollupInput& in,
                     const HistogramRemarks& remarks)
        : context_(context), rollup_(rollup), in_(in), remarks_(remarks) {
        before_.reserve(in.values.size() + 1);
        before_.push_back(0);
        for (const double v : in.values) before_.push_back(before_.back() + is_histogram(v));
    }

    Result<void> run(std::span<double> out) {
        const RollupFamily family = family_of(rollup_.function);
        if (family == RollupFamily::kTakesAny) {
            rollup_.kernel(in_, out);
            return {};
        }
        if (rollup_.extension != VectorSelector::Extension::kNone) return extended(family, out);
        if (family == RollupFamily::kFloats) return floats_only(out);
        if (family == RollupFamily::kCounts) {
            for (size_t step = 0; step < in_.windows.size(); ++step) {
                const Window window = in_.windows[step];
                out[step] = window.size() == 0 ? kAbsent : events(window.begin, window.end);
            }
            return {};
        }
        if (family == RollupFamily::kMovesInstantly) return instant(out);
        // Windows without histograms are the kernel's.
        std::vector<Window> of_floats(in_.windows.begin(), in_.windows.end());
        for (Window& window : of_floats) {
            if (histogram_count(window) > 0) window = {window.end, window.end};
        }
        RollupInput floats{in_.times, in_.values, in_.starts,  of_floats,   in_.range,
                           in_.grid,  in_.params, in_.scratch, in_.context, in_.windows_total};
        rollup_.kernel(floats, out);
        for (size_t step = 0; step < in_.windows.size(); ++step) {
            const Window window = in_.windows[step];
            const uint32_t count = histogram_count(window);
            if (count == 0) continue;
            KW_TRY(context_.check());
            if (count < window.size()) {
                remarks_.mixed_types();
                continue;
            }
            const Native value = family == RollupFamily::kMoves ? moved(window, step) : added_up(window);
            if (!value) continue;
            KW_TRY_ASSIGN(out[step], context_.put_histogram(*value));
        }
        return {};
    }

 private:
    uint32_t histogram_count(Window window) const {
        return before_[window.end] - before_[window.begin];
    }
    const NativeHistogram& at(size_t i) const { return histogram_at(in_.values[i]); }
    bool is_rate() const {
        return rollup_.function == FunctionId::kRate || rollup_.function == FunctionId::kIrate;
    }
    bool is_counter() const { return is_rate() || rollup_.function == FunctionId::kIncrease; }

    // Whether sample i says, or shows, that the counter restarted after sample i - 1.
    bool restarts(size_t i) const {
        return start_says_restart(in_, static_cast<uint32_t>(i)) || is_reset(at(i), at(i - 1));
    }

    // into -= other, or += for the value before a restart. False when there is no such difference.
    bool merge(NativeHistogram& into, const NativeHistogram& other, double factor) const {
        MergeRemarks merged;
        add_scaled(into, other, factor, merged);
        if (merged.incompatible) {
            remarks_.mixed_layouts();
            return false;
        }
        merged.reset_conflict = false;  // restarts are known here, and told apart
        remarks_.merged(merged, factor < 0 ? "subtraction" : "addition");
        return true;
    }

    // --- rate, increase, delta

    Native moved(Window window, size_t step) const {
        const bool from_zero = is_counter() && begins_inside(in_, window, step);
        if (window.size() < 2 && !from_zero) return std::nullopt;
        Native difference = window.size() < 2 ? at(window.begin) : difference_of(window);
        if (!difference) return std::nullopt;
        if (!from_zero) {
            scale(*difference, extrapolation(in_, window, step, at(window.begin).count,
                                             difference->count, is_counter(), is_rate()));
        } else {
            if (window.size() > 1 && !merge(*difference, at(window.begin), 1)) return std::nullopt;
            if (is_rate()) divide(*difference, static_cast<double>(in_.range.range_ms) / 1000);
        }
        difference->hint = CounterResetHint::kGauge;
        return difference;
    }

    Native difference_of(Window window) const {
        const size_t first = window.begin;
        const size_t last = window.end - 1;
        bool any_gauge = false;
        bool any_counter_end = !is_gauge(at(first)) || !is_gauge(at(last));
        for (size_t i = first; i <= last; ++i) any_gauge |= is_gauge(at(i));
        if (is_counter() && any_gauge) remarks_.not_counter();
        // What stands before a restart right behind the first sample does not matter, its layout included.
        const bool skips_first = is_counter() && restarts(first + 1);
        const bool is_custom = at(skips_first ? first + 1 : first).is_custom();
        for (size_t i = first + 1; i <= last; ++i) {
            if (at(i).is_custom() == is_custom || (!is_counter() && i < last)) continue;
            remarks_.mixed_layouts();
            return std::nullopt;
        }
        NativeHistogram difference = at(last);
        if (!skips_first && !merge(difference, at(first), -1)) return std::nullopt;
        if (!is_counter()) {
            if (any_counter_end) remarks_.not_gauge();
        } else {
            for (size_t i = first + 1; i <= last; ++i) {
                if ((i == first + 1 && skips_first) || !restarts(i)) continue;
                if (!merge(difference, at(i - 1), 1)) return std::nullopt;
            }
            coarsen(difference, window, skips_first);
        }
        return difference;
    }

    // The answer has the coarsest layout of all samples of the window.
    void coarsen(NativeHistogram& difference, Window window, bool skips_first) const {
        if (difference.is_custom()) return;
        int32_t schema = difference.schema;
        for (size_t i = window.begin + (skips_first ? 1 : 0); i < window.end; ++i)
            schema = std::min(schema, at(i).schema);
        reduce_schema(difference, schema);
    }

    // --- irate, idelta

    Result<void> instant(std::span<double> out) {
        std::vector<Window> of_floats(in_.windows.begin(), in_.windows.end());
        for (Window& window : of_floats) {
            if (window.size() < 2) continue;
            const Window pair{window.end - 2, window.end};
            if (histogram_count(pair) > 0) window = {window.end, window.end};
        }
        RollupInput floats{in_.times, in_.values, in_.starts,  of_floats,   in_.range,
                           in_.grid,  in_.params, in_.scratch, in_.context, in_.windows_total};
        rollup_.kernel(floats, out);
        for (size_t step = 0; step < in_.windows.size(); ++step) {
            const Window window = in_.windows[step];
            if (window.size() < 2) continue;
            const uint32_t count = histogram_count({window.end - 2, window.end});
            if (count == 0) continue;
            KW_TRY(context_.check());
            if (count == 1) {
                remarks_.mixed_types();
                continue;
            }
            const Native value = moved_at_end(window.end - 1);
            if (!value) continue;
            KW_TRY_ASSIGN(out[step], context_.put_histogram(*value));
        }
        return {};
    }

    Native moved_at_end(size_t last) const {
        const NativeHistogram& now = at(last);
        const NativeHistogram& before = at(last - 1);
        if (is_rate() && (is_gauge(now) || is_gauge(before))) remarks_.not_counter();
        if (!is_rate() && (!is_gauge(now) || !is_gauge(before))) remarks_.not_gauge();
        NativeHistogram difference = now;
        if (!is_rate() || !restarts(last)) {
            if (!merge(difference, before, -1)) return std::nullopt;
        }
        if (is_rate()) {
            const int64_t distance_ms = in_.times[last] - in_.times[last - 1];
            divide(difference, static_cast<double>(distance_ms) / 1000);
        }
        difference.hint = CounterResetHint::kGauge;
        return difference;
    }

    // --- sum_over_time, avg_over_time

    Native added_up(Window window) const {
        std::vector<const NativeHistogram*> all;
        for (size_t i = window.begin; i < window.end; ++i) all.push_back(&at(i));
        MergeRemarks merged;
        Native value = rollup_.function == FunctionId::kSumOverTime ? sum_of(all, merged)
                                                                    : mean_of(all, merged);
        if (!value) {
            remarks_.mixed_layouts();
            return value;
        }
        remarks_.merged(merged, "aggregation");
        return value;
    }

    // --- changes, resets

    // Events among samples [begin, end), the first not counting.
    double events(size_t begin, size_t end) const {
        double count = 0;
        for (size_t i = begin + 1; i < end; ++i) count += is_event(i);
        return count;
    }

    bool is_event(size_t i) const {
        const double a = in_.values[i - 1];
        const double b = in_.values[i];
        if (is_histogram(a) != is_histogram(b)) return true;
        const bool only_resets = rollup_.function == FunctionId::kResets;
        if (is_histogram(a)) {
            return only_resets ? is_reset(at(i), at(i - 1)) : !same_observations(at(i), at(i - 1));
        }
        if (only_resets) return b < a;
        return a != b && !(std::isnan(a) && std::isnan(b));
    }

    // --- functions of floats

    Result<void> floats_only(std::span<double> out) {
        std::vector<int64_t> times;
        std::vector<double> values;
        std::vector<int64_t> starts;
        for (size_t i = 0; i < in_.values.size(); ++i) {
            if (is_histogram(in_.values[i])) continue;
            times.push_back(in_.times[i]);
            values.push_back(in_.values[i]);
            if (!in_.starts.empty()) starts.push_back(in_.starts[i]);
        }
        std::vector<Window> windows;
        const uint64_t total = place_windows(times, in_.range, windows);
        const RollupInput floats{times,    values,     starts,      windows,     in_.range,
                                 in_.grid, in_.params, in_.scratch, in_.context, total};
        rollup_.kernel(floats, out);
        for (size_t step = 0; step < windows.size(); ++step) {
            if (windows[step].size() == 0 || histogram_count(in_.windows[step]) == 0) continue;
            remarks_.ignored_in_range();
            break;
        }
        return {};
    }

    // --- anchored, smoothed

    Result<void> extended(RollupFamily family, std::span<double> out) {
        const bool smoothed = rollup_.extension == VectorSelector::Extension::kSmoothed;
        for (size_t step = 0; step < in_.windows.size(); ++step) {
            KW_TRY(context_.check());
            out[step] = kAbsent;
            const std::optional<Reach> reach = reach_of(in_, step, smoothed, rollup_.lookback_ms);
            if (!reach) continue;
            if (family == RollupFamily::kCounts) {
                out[step] = events(reach->first, reach->last + 1);
                continue;
            }
            const uint32_t count = before_[reach->last + 1] - before_[reach->first];
            if (count == 0) {
                out[step] = extended_difference(in_, rollup_.kernel, *reach, step, smoothed);
                continue;
            }
            if (count < reach->last + 1 - reach->first) {
                remarks_.mixed_types();
                continue;
            }
            const Native value = extended_histogram(*reach, step, smoothed);
            if (!value) continue;
            KW_TRY_ASSIGN(out[step], context_.put_histogram(*value));
        }
        return {};
    }

    Native extended_histogram(Reach reach, size_t step, bool smoothed) const {
        const auto [first, last] = reach;
        const int64_t left = in_.range.left(step).count;
        const int64_t right = in_.range.right(step).count;
        const bool cuts_left = smoothed && in_.times[first] < left && first < last;
        const bool cuts_right = smoothed && last > first && in_.times[last] > right;
        bool any_gauge = false;
        for (size_t i = first; i <= last; ++i) {
            any_gauge |= is_gauge(at(i));
            if (at(i).is_custom() == at(first).is_custom()) continue;
            remarks_.mixed_layouts();
            return std::nullopt;
        }
        if (is_counter() && any_gauge) remarks_.not_counter();
        if (!is_counter() && (!is_gauge(at(first)) || !is_gauge(at(last)))) remarks_.not_gauge();

        const NativeHistogram from = cuts_left ? between(first, first + 1, left) : at(first);
        NativeHistogram difference = cuts_right ? between(last - 1, last, right) : at(last);
        if (!merge(difference, from, -1)) return std::nullopt;
        for (size_t i = first + 1; is_counter() && i <= last; ++i) {
            // Where the window begins between two samples, a restart between them is behind it already.
            if ((i == first + 1 && cuts_left) || !is_reset(at(i), at(i - 1))) continue;
            if (!merge(difference, at(i - 1), 1)) return std::nullopt;
        }
        if (is_rate()) divide(difference, static_cast<double>(in_.range.range_ms) / 1000);
        difference.hint = CounterResetHint::kGauge;
        return difference;
    }

    NativeHistogram between(size_t i, size_t k, int64_t t) const {
        const double share = static_cast<double>(t - in_.times[i]) /
                             static_cast<double>(in_.times[k] - in_.times[i]);
        MergeRemarks merged;
        NativeHistogram value = interpolated(at(i), at(k), share, is_counter(), merged);
        merged.reset_conflict = false;
        remarks_.merged(merged, "addition");
        return value;
    }

    QueryContext& context_;
    const HistogramRollup& rollup_;
    const RollupInput& in_;
    const HistogramRemarks& remarks_;
    std::vector<uint32_t> before_;  // histograms ahead of each sample
};

}  // namespace

bool any_histogram(std::span<const double> values) {
    return std::any_of(values.begin(), values.end(), is_histogram);
}

Result<void> histogram_rollup(QueryContext& context, const HistogramRollup& rollup,
                              const RollupInput& in, const HistogramRemarks& remarks,
                              std::span<double> out) {
    return HistogramWindows(context, rollup, in, remarks).run(out);
}

}  // namespace kw::promql
