#include "promql/op_rollup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutex.h"
#include "promql/op_special.h"
#include "promql/query_context.h"
#include "promql/rollup_extended.h"
#include "promql/rollup_histogram.h"

namespace kw::promql {
namespace {

bool name_is_of_counter(std::string_view name) {
    return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
           name.ends_with("_bucket");
}

class Rolled final : public SeriesStream {
 public:
    Rolled(QueryContext& context, const StepGrid& grid, const Rollup& rollup, FunctionId function,
           std::unique_ptr<RangeStream> range, std::vector<Column> params, Hold params_hold,
           VectorSelector::Extension extension, Span where)
        : context_(context),
          grid_(grid),
          rollup_(rollup),
          function_(function),
          range_(std::move(range)),
          params_(std::move(params)),
          params_hold_(std::move(params_hold)),
          extension_(extension),
          where_(where) {}

    size_t size() const override { return range_->size(); }
    const LabelSet& labels(size_t index) const override { return range_->labels(index); }
    bool drops_name(size_t index) const override { return range_->drops_name(index); }
    size_t present_estimate() const override { return range_->rolled_estimate(); }

    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(range_->read(index, scratch));
        const SampleColumns& samples = scratch.samples;
        Hold hold;
        KW_TRY(context_.keep(hold, samples.size(), bytes_of(samples)));
        const Windows& range = range_->windows();
        const uint64_t total = place_windows(samples.timestamps, range, scratch.windows);
        const RollupInput in{samples.timestamps,
                             samples.values,
                             samples.starts,
                             scratch.windows,
                             range,
                             grid_,
                             params_,
                             scratch,
                             &context_,
                             total};
        if (context_.has_histograms() && any_histogram(samples.values)) {
            const HistogramRemarks remarks(context_, labels(index).metric_name(), where_);
            KW_TRY(histogram_rollup(
                context_, {function_, rollup_.kernel, extension_, context_.settings().lookback_ms},
                in, remarks, out));
        } else if (extension_ == VectorSelector::Extension::kNone) {
            rollup_.kernel(in, out);
        } else {
            extended_over(in, rollup_.kernel, extension_ == VectorSelector::Extension::kSmoothed,
                          context_.settings().lookback_ms, out);
        }
        KW_TRY(context_.check());
        count(scratch, total);
        if (rollup_.wants_counter) {
            remark(labels(index).metric_name(), out);
            if (!samples.starts.empty())
                remark_overlap(samples, scratch.windows, labels(index).metric_name());
        }
        return {};
    }

 private:
    void count(const Scratch& scratch, uint64_t total) const {
        if (!grid_.is_query) return;
        context_.count_samples(grid_, total);
        if (!context_.settings().per_step_stats) return;
        for (size_t step = 0; step < scratch.windows.size(); ++step) {
            context_.count_samples(grid_, step, scratch.windows[step].size());
        }
    }

    void remark(std::string_view name, std::span<const double> out) const {
        if (name.empty() || name_is_of_counter(name)) return;
        if (std::all_of(out.begin(), out.end(), is_reserved)) return;
        context_.annotations().info(fmt::format("metric might not be a counter, name does not end "
                                                "in _total/_sum/_count/_bucket: {}",
                                                quoted(name)),
                                    where_);
    }

    // A sample that says it counts from before the sample ahead of it, and not from the same start.
    void remark_overlap(const SampleColumns& samples, std::span<const Window> windows,
                        std::string_view name) const {
        const auto overlaps = [&](uint32_t i) {
            const int64_t start = samples.starts[i];
            return start != kNoStart.count && start < samples.timestamps[i - 1] &&
                   start != samples.starts[i - 1];
        };
        uint32_t checked = 0;  // of what the windows hold, each sample is looked at once
        for (const Window window : windows) {
            for (uint32_t i = std::max(checked, window.begin + 1); i < window.end; ++i) {
                if (!overlaps(i)) continue;
                context_.annotations().warn(
                    fmt::format(
                        "sample has start time that overlaps with previous sample timestamp for "
                        "metric {}",
                        quoted(name)),
                    where_);
                return;
            }
            checked = std::max(checked, window.end);
        }
    }

    QueryContext& context_;
    const StepGrid grid_;
    const Rollup rollup_;
    const FunctionId function_;
    const std::unique_ptr<RangeStream> range_;
    const std::vector<Column> params_;
    const Hold params_hold_;
    const VectorSelector::Extension extension_;
    const Span where_;
};

// Errors: kInvalid when a step's factor is outside (0, 1).
Result<void> check_factors(const Column& factors, std::string_view which, std::string_view letter) {
    for (const double f : factors) {
        if (f > 0 && f < 1) continue;
        return invalid("invalid {} factor. Expected: 0 < {} < 1, got: {:f}", which, letter, f);
    }
    return {};
}

}  // namespace

bool is_stopped(const RollupInput& in) {
    return in.context != nullptr && !in.context->check().ok();
}

uint64_t place_windows(std::span<const int64_t> times, const Windows& range,
                       std::vector<Window>& windows) {
    windows.resize(range.count);
    uint64_t total = 0;
    Window window;
    const uint32_t count = static_cast<uint32_t>(times.size());
    for (size_t step = 0; step < range.count; ++step) {
        const int64_t left = range.left(step).count;
        const int64_t right = range.right(step).count;
        while (window.end < count && times[window.end] <= right) ++window.end;
        while (window.begin < window.end && times[window.begin] <= left) ++window.begin;
        windows[step] = window;
        total += window.size();
    }
    return total;
}

RollupOperator::RollupOperator(const Rollup& rollup, FunctionId function,
                               std::unique_ptr<RangeOperator> range,
                               std::vector<std::unique_ptr<ScalarOperator>> params,
                               Span range_where, Span first_where)
    : rollup_(rollup),
      function_(function),
      range_(std::move(range)),
      params_(std::move(params)),
      range_where_(range_where),
      first_where_(first_where) {}

Result<std::unique_ptr<SeriesStream>> RollupOperator::open(QueryContext& context,
                                                           const StepGrid& grid) const {
    std::vector<Column> params;
    Hold params_hold;
    for (const auto& param : params_) {
        KW_TRY_ASSIGN(params.emplace_back(), param->run(context, grid, params_hold));
    }
    KW_TRY_ASSIGN(std::unique_ptr<RangeStream> range, range_->open(context, grid));
    if (range->size() > 0 && function_ == FunctionId::kDoubleExponentialSmoothing) {
        KW_TRY(check_factors(params[0], "smoothing", "sf"));
        KW_TRY(check_factors(params[1], "trend", "tf"));
    }
    if (range->size() > 0 && function_ == FunctionId::kQuantileOverTime) {
        for (const double q : params[0]) {
            if (!(q >= 0 && q <= 1)) context.annotations().invalid_quantile(q, first_where_);
        }
    }
    std::unique_ptr<SeriesStream> rolled = std::make_unique<Rolled>(
        context, grid, rollup_, function_, std::move(range), std::move(params),
        std::move(params_hold), range_->extension(), range_where_);
    if (rollup_.keeps_name) return rolled;
    return without_names(context, grid, std::move(rolled));
}

AbsentOverTimeOperator::AbsentOverTimeOperator(std::unique_ptr<RangeOperator> range,
                                               LabelSet labels)
    : range_(std::move(range)), labels_(std::move(labels)) {}

Result<std::unique_ptr<SeriesStream>> AbsentOverTimeOperator::open(QueryContext& context,
                                                                   const StepGrid& grid) const {
    KW_TRY_ASSIGN(const std::unique_ptr<RangeStream> range, range_->open(context, grid));
    Mutex mutex;
    std::vector<bool> is_present(grid.count);
    KW_TRY(for_each_series(context, range->size(), [&](size_t i, Scratch& scratch) -> Result<void> {
        KW_TRY(range->read(i, scratch));
        context.count_samples(
            grid, place_windows(scratch.samples.timestamps, range->windows(), scratch.windows));
        MutexLock lock(mutex);
        for (size_t step = 0; step < grid.count; ++step) {
            if (scratch.windows[step].size() > 0) is_present[step] = true;
        }
        return {};
    }));
    return stream_of_absence(labels_, grid, is_present);
}

}  // namespace kw::promql
