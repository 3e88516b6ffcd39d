#include "promql/op_selector.h"

#include <algorithm>

#include "promql/histogram_remarks.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

// Far beyond the year 36 million, and sums of three of them still fit.
constexpr int64_t kFarMs = int64_t{1} << 60;

int64_t clamp_far(int64_t ms) { return std::clamp(ms, -kFarMs, kFarMs); }

// Puts handles where histograms stand. What a store gives as a number is no handle, whatever its bits.
// Only who looks at the samples one after the other, and the functions of a histogram's totals, learn that a counter
// restarted: so it is in Prometheus, where it decides over warnings about sums.
Result<void> take_histograms(QueryContext& context, SampleColumns& samples, bool tells_resets) {
    for (size_t i = 0; i < samples.size(); ++i) {
        double& value = samples.values[i];
        if (samples.histograms[i] && is_stale(samples.histograms[i]->sum)) {
            value = kStaleMarker;  // as a series of histograms ends on the wire
        } else if (samples.histograms[i]) {
            NativeHistogram native = from_stored(*samples.histograms[i]);
            if (!tells_resets && native.hint == CounterResetHint::kReset)
                native.hint = CounterResetHint::kUnknown;
            KW_TRY_ASSIGN(value, context.put_histogram(std::move(native)));
        } else if (is_histogram(value)) {
            value = kNormalNan;
        }
    }
    return {};
}

SelectHints hints_of(const StepGrid& grid, int64_t range_ms, std::string_view above) {
    SelectHints hints;
    hints.step_ms = grid.count > 1 ? grid.step_ms : 0;
    hints.range_ms = range_ms;
    hints.function = above;
    return hints;
}

// The times that the windows cover together, both ends inclusive.
TimeRange covered(const Windows& windows, int64_t more_left_ms, int64_t more_right_ms) {
    if (windows.count == 0) return {Millis{1}, Millis{0}};
    return {windows.left(0) - more_left_ms + 1, windows.right(windows.count - 1) + more_right_ms};
}

class Selected final : public SeriesStream {
 public:
    Selected(QueryContext& context, const StepGrid& grid, const SelectedSeries& series,
             const Windows& windows, SelectorOperator::Gives gives, bool smoothed,
             bool tells_resets, Span where)
        : context_(context),
          grid_(grid),
          series_(series),
          windows_(windows),
          gives_(gives),
          smoothed_(smoothed),
          tells_resets_(tells_resets),
          where_(where) {}

    size_t size() const override { return series_.size(); }
    const LabelSet& labels(size_t index) const override { return series_.labels(index); }
    bool drops_name(size_t) const override { return false; }
    // Every sample lies in a window where the windows leave no gap between them.
    size_t present_estimate() const override {
        return windows_.count == 1 || windows_.step_ms <= windows_.range_ms ? series_.size() : 0;
    }

    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        SampleColumns& samples = scratch.samples;
        KW_TRY(series_.read(index, samples));
        Hold hold;
        KW_TRY(context_.keep(hold, samples.size(), bytes_of(samples)));
        context_.note_decoded(samples.size());
        if (!samples.histograms.empty())
            KW_TRY(take_histograms(context_, samples, tells_resets_ || smoothed_));

        const std::vector<int64_t>& times = samples.timestamps;
        size_t next = 0;  // the first sample after the step's time
        uint64_t read_count = 0;
        for (size_t step = 0; step < windows_.count; ++step) {
            const int64_t right = windows_.right(step).count;
            while (next < times.size() && times[next] <= right) ++next;
            if (!smoothed_) {
                out[step] = at(samples, next, step);
            } else {
                KW_TRY_ASSIGN(out[step], smoothed_at(samples, next, right, index));
            }
            if (is_absent(out[step])) continue;
            ++read_count;
            context_.count_samples(grid_, step, 1);
        }
        context_.count_samples(grid_, read_count);
        return {};
    }

 private:
    double at(const SampleColumns& samples, size_t next, size_t step) const {
        if (next == 0) return kAbsent;
        const size_t i = next - 1;
        if (samples.timestamps[i] <= windows_.left(step).count || is_stale(samples.values[i]))
            return kAbsent;
        switch (gives_) {
            case SelectorOperator::Gives::kValue: return value_of(samples, i);
            case SelectorOperator::Gives::kTimestamp:
                return static_cast<double>(samples.timestamps[i]) / 1000;
            case SelectorOperator::Gives::kStartTimestamp:
                if (samples.starts.empty()) return 0;
                return static_cast<double>(samples.starts[i]) / 1000;
        }
        return kAbsent;
    }

    // Not stale. A reserved pattern that a store gave is a number like others.
    static double value_of(const SampleColumns& samples, size_t i) {
        const double value = samples.values[i];
        return is_reserved(value) && samples.histograms.empty() ? kNormalNan : value;
    }

    // Between the samples on both sides when both are near enough; the one before alone otherwise.
    Result<double> smoothed_at(const SampleColumns& samples, size_t next, int64_t right,
                               size_t index) const {
        const std::vector<int64_t>& times = samples.timestamps;
        if (next == 0) return kAbsent;
        const size_t before = next - 1;
        if (times[before] <= right - windows_.range_ms || is_stale(samples.values[before]))
            return kAbsent;
        const bool has_after = next < times.size() && times[next] < right + windows_.range_ms &&
                               !is_stale(samples.values[next]);
        const double first = value_of(samples, before);
        if (times[before] == right || !has_after) return first;
        const double second = value_of(samples, next);
        const double span = static_cast<double>(times[next] - times[before]);
        const double share = static_cast<double>(right - times[before]) / span;
        if (!is_histogram(first) && !is_histogram(second)) return first + (second - first) * share;

        const HistogramRemarks remarks(context_, labels(index).metric_name(), where_);
        if (!is_histogram(first) || !is_histogram(second)) {
            remarks.mixed_types();
            return kAbsent;
        }
        const NativeHistogram& from = histogram_at(first);
        MergeRemarks merged;
        NativeHistogram value = interpolated(from, histogram_at(second), share,
                                             from.hint != CounterResetHint::kGauge, merged);
        if (merged.incompatible) {
            remarks.mixed_layouts();
            return kAbsent;
        }
        remarks.merged(merged, "addition");
        return context_.put_histogram(std::move(value));
    }

    QueryContext& context_;
    const StepGrid grid_;
    const SelectedSeries& series_;
    const Windows windows_;
    const SelectorOperator::Gives gives_;
    const bool smoothed_;
    const bool tells_resets_;
    const Span where_;
};

class SelectedRanges final : public RangeStream {
 public:
    SelectedRanges(QueryContext& context, const SelectedSeries& series, const Windows& windows,
                   bool tells_resets)
        : context_(context), series_(series), windows_(windows), tells_resets_(tells_resets) {}

    size_t size() const override { return series_.size(); }
    const LabelSet& labels(size_t index) const override { return series_.labels(index); }
    bool drops_name(size_t) const override { return false; }
    const Windows& windows() const override { return windows_; }
    // Some rollups need two samples, and a few series may have but one.
    size_t rolled_estimate() const override {
        const bool has_gaps = windows_.count > 1 && windows_.step_ms > windows_.range_ms;
        return has_gaps || series_.samples_estimate() < 4 * series_.size() ? 0 : series_.size() / 2;
    }

    Result<void> read(size_t index, Scratch& scratch) const override {
        SampleColumns& samples = scratch.samples;
        KW_TRY(series_.read(index, samples));
        context_.note_decoded(samples.size());
        const bool has_histograms = !samples.histograms.empty();
        if (has_histograms) KW_TRY(take_histograms(context_, samples, tells_resets_));
        remove_markers(samples, has_histograms);
        return {};
    }

 private:
    static void remove_markers(SampleColumns& samples, bool has_histograms) {
        const auto first = std::find_if(samples.values.begin(), samples.values.end(), is_reserved);
        size_t kept = static_cast<size_t>(first - samples.values.begin());
        for (size_t i = kept; i < samples.size(); ++i) {
            const double value = samples.values[i];
            if (is_stale(value)) continue;
            samples.timestamps[kept] = samples.timestamps[i];
            // A reserved pattern that a store gave is a number like others.
            samples.values[kept] = is_reserved(value) && !has_histograms ? kNormalNan : value;
            if (!samples.starts.empty()) samples.starts[kept] = samples.starts[i];
            ++kept;
        }
        samples.timestamps.resize(kept);
        samples.values.resize(kept);
        if (!samples.starts.empty()) samples.starts.resize(kept);
        samples.histograms.clear();
    }

    QueryContext& context_;
    const SelectedSeries& series_;
    const Windows windows_;
    const bool tells_resets_;
};

// Functions that go from sample to sample.
bool follows_samples(std::string_view function) {
    return function == "rate" || function == "increase" || function == "irate" ||
           function == "resets";
}

}  // namespace

Windows windows_of(const StepGrid& grid, int64_t range_ms, int64_t offset_ms, const AtModifier& at,
                   const QueryRange& query) {
    Windows windows;
    windows.count = grid.count;
    windows.range_ms = clamp_far(range_ms);
    Millis base = grid.start;
    switch (at.kind) {
        case AtModifier::Kind::kNone: windows.step_ms = grid.step_ms; break;
        case AtModifier::Kind::kTimestamp: base = at.timestamp; break;
        case AtModifier::Kind::kStart: base = query.start; break;
        case AtModifier::Kind::kEnd: base = query.end; break;
    }
    windows.first_right = {clamp_far(clamp_far(base.count) - clamp_far(offset_ms))};
    return windows;
}

SelectorOperator::SelectorOperator(QueryContext& context, const StepGrid& grid,
                                   const VectorSelector& selector, Span where, Gives gives,
                                   std::string_view above, bool tells_resets)
    : gives_(gives), extension_(selector.extension), tells_resets_(tells_resets), where_(where) {
    const QuerySettings& settings = context.settings();
    windows_ =
        windows_of(grid, settings.lookback_ms, selector.offset.ms, selector.at, settings.range);
    const bool smoothed = extension_ == VectorSelector::Extension::kSmoothed;
    fetch_ = context.plan_fetch(selector.matchers,
                                covered(windows_, 0, smoothed ? settings.lookback_ms : 0),
                                hints_of(grid, 0, above), where);
}

Result<std::unique_ptr<SeriesStream>> SelectorOperator::open(QueryContext& context,
                                                             const StepGrid& grid) const {
    if (grid.count == 0) return stream_of(StepVector{});
    KW_TRY_ASSIGN(const SelectedSeries* series, context.fetch(fetch_));
    return std::unique_ptr<SeriesStream>(std::make_unique<Selected>(
        context, grid, *series, windows_, gives_,
        extension_ == VectorSelector::Extension::kSmoothed, tells_resets_, where_));
}

RangeSelectorOperator::RangeSelectorOperator(QueryContext& context, const StepGrid& grid,
                                             const VectorSelector& selector, int64_t range_ms,
                                             Span where, std::string_view above, bool tells_resets)
    : extension_(selector.extension), tells_resets_(tells_resets || follows_samples(above)) {
    const QuerySettings& settings = context.settings();
    windows_ = windows_of(grid, range_ms, selector.offset.ms, selector.at, settings.range);
    const bool extended = extension_ != VectorSelector::Extension::kNone;
    const bool smoothed = extension_ == VectorSelector::Extension::kSmoothed;
    fetch_ = context.plan_fetch(
        selector.matchers,
        covered(windows_, extended ? settings.lookback_ms : 0, smoothed ? settings.lookback_ms : 0),
        hints_of(grid, range_ms, above), where);
}

Result<std::unique_ptr<RangeStream>> RangeSelectorOperator::open(QueryContext& context,
                                                                 const StepGrid&) const {
    KW_TRY_ASSIGN(const SelectedSeries* series, context.fetch(fetch_));
    return std::unique_ptr<RangeStream>(
        std::make_unique<SelectedRanges>(context, *series, windows_, tells_resets_));
}

}  // namespace kw::promql
