#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/interruptible_sort.h"
#include "promql/op_special.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

// The run of digits, or of other characters, at the front of `text`.
std::string_view front_run(std::string_view text) {
    size_t end = 1;
    while (end < text.size() && is_decimal(text[end]) == is_decimal(text[0])) ++end;
    return text.substr(0, end);
}

std::string_view without_zeros(std::string_view digits) {
    const size_t first = digits.find_first_not_of('0');
    return first == std::string_view::npos ? "" : digits.substr(first);
}

// The order of people: runs of digits compare as numbers. Negative when `a` comes first.
int natural_order(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        const std::string_view run_a = front_run(a);
        const std::string_view run_b = front_run(b);
        a.remove_prefix(run_a.size());
        b.remove_prefix(run_b.size());
        if (is_decimal(run_a[0]) && is_decimal(run_b[0])) {
            const std::string_view number_a = without_zeros(run_a);
            const std::string_view number_b = without_zeros(run_b);
            if (number_a.size() != number_b.size())
                return number_a.size() < number_b.size() ? -1 : 1;
            if (const int order = number_a.compare(number_b); order != 0) return order;
        } else if (const int order = run_a.compare(run_b); order != 0) {
            return order;
        }
    }
    return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

// The floats of a stream; histograms have no order.
class Floats final : public SeriesStream {
 public:
    Floats(const QueryContext& context, std::unique_ptr<SeriesStream> child)
        : context_(context), child_(std::move(child)) {}
    size_t size() const override { return child_->size(); }
    const LabelSet& labels(size_t index) const override { return child_->labels(index); }
    bool drops_name(size_t index) const override { return child_->drops_name(index); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(child_->compute(index, scratch, out));
        if (context_.has_histograms()) std::ranges::replace_if(out, is_histogram, kAbsent);
        return {};
    }

 private:
    const QueryContext& context_;
    const std::unique_ptr<SeriesStream> child_;
};

}  // namespace

SortOperator::SortOperator(std::unique_ptr<VectorOperator> vector, bool descending, bool by_label,
                           std::vector<std::string> labels, Span where)
    : vector_(std::move(vector)),
      descending_(descending),
      by_label_(by_label),
      labels_(std::move(labels)),
      where_(where) {}

Result<std::unique_ptr<SeriesStream>> SortOperator::open(QueryContext& context,
                                                         const StepGrid& grid) const {
    const QueryRange& range = context.settings().range;
    if (range.start != range.end) {
        context.annotations().warn(
            "sort is ineffective for range queries since results are always ordered by labels",
            where_);
    }
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    if (!by_label_) stream = std::make_unique<Floats>(context, std::move(stream));
    if (grid.count != 1) return stream;
    KW_TRY_ASSIGN(StepVector vector, collect(context, grid, *stream));
    const auto by_value = [&](const StepSeries& a, const StepSeries& b) {
        const double x = a.values[0];
        const double y = b.values[0];
        if (std::isnan(x) || std::isnan(y)) return static_cast<int>(std::isnan(x)) - std::isnan(y);
        if (x == y) return 0;
        return (x < y) != descending_ ? -1 : 1;
    };
    const auto by_labels = [&](const StepSeries& a, const StepSeries& b) {
        for (const std::string& name : labels_) {
            const int order = natural_order(a.labels.get(name), b.labels.get(name));
            if (order != 0) return descending_ ? -order : order;
        }
        const auto order = a.labels <=> b.labels;
        const int number = order < 0 ? -1 : order > 0 ? 1 : 0;
        return descending_ ? -number : number;
    };
    std::vector<uint32_t> order(vector.series.size());
    std::iota(order.begin(), order.end(), 0u);
    const Result<void> done =
        interruptible_sort(order, context.cancel(), [&](uint32_t i, uint32_t k) {
            const StepSeries& a = vector.series[i];
            const StepSeries& b = vector.series[k];
            const int precedence = by_label_ ? by_labels(a, b) : by_value(a, b);
            return precedence != 0 ? precedence < 0 : i < k;
        });
    if (!done.ok()) {
        KW_TRY(context.check());
        return done.error();
    }
    std::vector<StepSeries> sorted;
    sorted.reserve(order.size());
    for (const uint32_t i : order) sorted.push_back(std::move(vector.series[i]));
    vector.series = std::move(sorted);
    return stream_of(std::move(vector));
}

}  // namespace kw::promql
