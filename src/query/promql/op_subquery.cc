#include "promql/op_subquery.h"

#include "promql/query_context.h"

namespace kw::promql {
namespace {

class Evaluated final : public RangeStream {
 public:
    Evaluated(QueryContext& context, std::unique_ptr<SeriesStream> stream, const Windows& windows,
              const StepGrid& inner)
        : context_(context), stream_(std::move(stream)), windows_(windows), inner_(inner) {}

    size_t size() const override { return stream_->size(); }
    const LabelSet& labels(size_t index) const override { return stream_->labels(index); }
    bool drops_name(size_t index) const override { return stream_->drops_name(index); }
    const Windows& windows() const override { return windows_; }

    Result<void> read(size_t index, Scratch& scratch) const override {
        Hold hold;
        KW_TRY(context_.keep(hold, 0, inner_.count * 3 * sizeof(double)));
        // The stream below uses the same scratch; its column is moved out while it works.
        Column column = std::move(scratch.column);
        column.resize(inner_.count);
        KW_TRY(stream_->compute(index, scratch, column));
        scratch.samples.clear();
        for (size_t step = 0; step < inner_.count; ++step) {
            if (is_absent(column[step])) continue;
            scratch.samples.timestamps.push_back(inner_.at(step).count);
            scratch.samples.values.push_back(column[step]);
        }
        if (context_.has_histograms()) KW_TRY(forget_hints(scratch.samples.values));
        scratch.column = std::move(column);
        return {};
    }

 private:
    // What a sample says about the sample ahead of it in the store is not about the one ahead of it here.
    Result<void> forget_hints(std::vector<double>& values) const {
        for (double& value : values) {
            if (!is_histogram(value)) continue;
            const NativeHistogram& there = histogram_at(value);
            if (there.hint == CounterResetHint::kGauge || there.hint == CounterResetHint::kUnknown)
                continue;
            NativeHistogram copy = there;
            copy.hint = CounterResetHint::kUnknown;
            KW_TRY_ASSIGN(value, context_.put_histogram(std::move(copy)));
        }
        return {};
    }

    QueryContext& context_;
    const std::unique_ptr<SeriesStream> stream_;
    const Windows windows_;
    const StepGrid inner_;
};

}  // namespace

StepGrid subquery_grid(const Windows& windows, int64_t step_ms) {
    if (windows.count == 0) return {windows.first_right, step_ms, 0};
    const int64_t left = windows.left(0).count;
    // Toward zero, as upstream divides: only for times before 1970 does it differ from rounding down.
    int64_t start = step_ms * (left / step_ms);
    if (start <= left) start += step_ms;
    const int64_t end = windows.right(windows.count - 1).count;
    if (start > end) return {Millis{start}, step_ms, 0};
    return {Millis{start}, step_ms, static_cast<size_t>((end - start) / step_ms) + 1};
}

SubqueryOperator::SubqueryOperator(const Windows& windows, const StepGrid& inner,
                                   std::unique_ptr<VectorOperator> vector)
    : windows_(windows), inner_(inner), vector_(std::move(vector)) {}

Result<std::unique_ptr<RangeStream>> SubqueryOperator::open(QueryContext& context,
                                                            const StepGrid&) const {
    // A grid so long that not one column of it fits is refused before anything is evaluated on it.
    Hold probe;
    KW_TRY(context.keep(probe, 0, inner_.count * sizeof(double)));
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, inner_));
    return std::unique_ptr<RangeStream>(
        std::make_unique<Evaluated>(context, std::move(stream), windows_, inner_));
}

}  // namespace kw::promql
