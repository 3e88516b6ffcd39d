#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "promql/buckets.h"
#include "promql/histogram_remarks.h"
#include "promql/label_sets.h"
#include "promql/native_math.h"
#include "promql/op_special.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

constexpr std::string_view kBucketLabel = "le";

// The buckets of one histogram: series that differ in `le` alone; and the series with exactly these labels that has
// native histograms.
struct Family {
    LabelSet labels;
    std::vector<std::pair<double, uint32_t>> buckets;  // bound, number of the series
    std::optional<uint32_t> native;
};

double value_of(FunctionId function, const NativeHistogram& native) {
    switch (function) {
        case FunctionId::kHistogramCount: return native.count;
        case FunctionId::kHistogramSum: return native.sum;
        case FunctionId::kHistogramAvg: return native.sum / native.count;
        case FunctionId::kHistogramStdvar: return native_variance(native);
        default: return std::sqrt(native_variance(native));
    }
}

class HistogramValues final : public SeriesStream {
 public:
    HistogramValues(std::unique_ptr<SeriesStream> child, FunctionId function)
        : child_(std::move(child)), function_(function) {}
    size_t size() const override { return child_->size(); }
    const LabelSet& labels(size_t index) const override { return child_->labels(index); }
    bool drops_name(size_t index) const override { return child_->drops_name(index); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(child_->compute(index, scratch, out));
        for (double& value : out)
            value = is_histogram(value) ? value_of(function_, histogram_at(value)) : kAbsent;
        return {};
    }

 private:
    const std::unique_ptr<SeriesStream> child_;
    const FunctionId function_;
};

void remark_nan(QueryContext& context, std::string_view function, std::string_view name,
                NanEffect effect, Span where) {
    std::string_view what;
    switch (effect) {
        case NanEffect::kNone: return;
        case NanEffect::kNan: what = "result is NaN"; break;
        case NanEffect::kSkewed: what = "result is skewed higher"; break;
        case NanEffect::kExcluded: what = "which are excluded from all fractions"; break;
    }
    context.annotations().info_about(
        fmt::format("input to {} has NaN observations, {}", function, what), name, where);
}

std::vector<Family> families_of(QueryContext& context, const StepVector& vector, Span where) {
    const LabelChoice without_bucket(LabelChoice::Kind::kExcept, {std::string(kBucketLabel)});
    std::vector<Family> out;
    std::unordered_map<LabelSet, size_t, LabelSetHash> numbers;
    for (uint32_t i = 0; i < vector.series.size(); ++i) {
        const LabelSet& labels = vector.series[i].labels;
        const Column& values = vector.series[i].values;
        if (context.has_histograms() && std::ranges::any_of(values, is_histogram)) {
            const auto [it, is_new] = numbers.try_emplace(labels, out.size());
            if (is_new) out.push_back({it->first, {}, {}});
            out[it->second].native = i;
            if (std::ranges::all_of(values, is_reserved)) continue;
        }
        const std::string_view text = labels.get(kBucketLabel);
        const Result<double> bound = parse_value(text);
        if (!bound.ok()) {
            context.annotations().warn_about(
                "bucket label \"le\" is missing or has a malformed value of " + quoted(text),
                labels.metric_name(), where);
            continue;
        }
        const auto [it, is_new] = numbers.try_emplace(without_bucket.of(labels), out.size());
        if (is_new) out.push_back({it->first, {}, {}});
        out[it->second].buckets.emplace_back(*bound, i);
    }
    return out;
}

// As histogram_quantiles() writes quantiles into a label: always with a fraction or an exponent.
std::string quantile_text(double q) {
    std::string text = format_value(q);
    if (std::isfinite(q) && text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
}

}  // namespace

BucketsOperator::BucketsOperator(std::unique_ptr<VectorOperator> vector,
                                 std::vector<std::unique_ptr<ScalarOperator>> params,
                                 Options options)
    : vector_(std::move(vector)), params_(std::move(params)), options_(std::move(options)) {}

Result<std::unique_ptr<SeriesStream>> BucketsOperator::open(QueryContext& context,
                                                            const StepGrid& grid) const {
    std::vector<Column> params;
    Hold params_hold;
    for (size_t p = 0; p < params_.size(); ++p) {
        KW_TRY_ASSIGN(params.emplace_back(), params_[p]->run(context, grid, params_hold));
        if (options_.is_fraction) continue;
        for (const double q : params[p]) {
            if (!(q >= 0 && q <= 1))
                context.annotations().invalid_quantile(q, options_.param_where[p]);
        }
    }
    KW_TRY_ASSIGN(const StepVector vector, collect(context, grid, *vector_));
    const std::vector<Family> families = families_of(context, vector, options_.vector_where);
    const size_t outputs = options_.is_fraction ? 1 : params.size();

    StepVector out;
    out.series.resize(families.size() * outputs);
    KW_TRY(context.keep(out.hold, 0, out.series.size() * grid.count * sizeof(double)));
    KW_TRY(for_each_series(context, families.size(), [&](size_t f, Scratch&) -> Result<void> {
        const Family& family = families[f];
        const auto output = [&](size_t o) -> StepSeries& { return out.series[f * outputs + o]; };
        for (size_t o = 0; o < outputs; ++o)
            output(o) = {family.labels, false, Column(grid.count, kAbsent)};
        std::vector<Bucket> buckets;
        std::optional<Annotations::Forced> forced;
        for (size_t step = 0; step < grid.count; ++step) {
            for (size_t o = 0; o < outputs; ++o) {
                buckets.clear();
                for (const auto& [bound, i] : family.buckets) {
                    const double count = vector.series[i].values[step];
                    if (!is_reserved(count)) buckets.push_back({bound, count});
                }
                const double handle =
                    family.native ? vector.series[*family.native].values[step] : kAbsent;
                if (is_histogram(handle)) {
                    const std::string_view name = family.labels.metric_name();
                    if (!buckets.empty()) {
                        HistogramRemarks(context, name, options_.vector_where).mixed_classic();
                        break;
                    }
                    const NativeHistogram& native = histogram_at(handle);
                    NanEffect effect = NanEffect::kNone;
                    output(o).values[step] =
                        options_.is_fraction
                            ? native_fraction(params[0][step], params[1][step], native, effect)
                            : native_quantile(params[o][step], native, effect);
                    remark_nan(context, options_.function, name, effect, options_.vector_where);
                    continue;
                }
                if (buckets.empty()) break;
                if (options_.is_fraction) {
                    output(o).values[step] =
                        bucket_fraction(params[0][step], params[1][step], buckets);
                    continue;
                }
                forced.reset();
                output(o).values[step] = bucket_quantile(params[o][step], buckets, forced);
                if (!forced) continue;
                forced->first = forced->last = grid.at(step);
                const bool has_name = context.settings().delayed_name_removal;
                context.annotations().forced_monotonicity(
                    has_name ? family.labels.metric_name() : "", options_.vector_where, *forced);
            }
        }
        return {};
    }));
    if (!options_.label.empty()) {
        LabelBuilder builder;
        for (size_t i = 0; i < out.series.size(); ++i) {
            const Column& quantile = params[i % outputs];
            builder.reset(out.series[i].labels);
            builder.set(options_.label, quantile.empty() ? "" : quantile_text(quantile[0]));
            out.series[i].labels = builder.build();
        }
    }
    return without_names(context, grid, stream_of(std::move(out)));
}

Result<std::unique_ptr<SeriesStream>> HistogramValueOperator::open(QueryContext& context,
                                                                   const StepGrid& grid) const {
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    return without_names(context, grid,
                         std::make_unique<HistogramValues>(std::move(stream), function_));
}

Result<std::unique_ptr<SeriesStream>> NothingOperator::open(QueryContext& context,
                                                            const StepGrid& grid) const {
    KW_TRY_ASSIGN(const StepVector vector, collect(context, grid, *vector_));
    return stream_of(StepVector{});
}

}  // namespace kw::promql
