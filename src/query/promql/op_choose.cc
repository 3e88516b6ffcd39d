#include "promql/op_choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/checksum.h"
#include "model/fixed_number.h"
#include "promql/histogram_remarks.h"
#include "promql/label_sets.h"
#include "promql/op_aggregate.h"
#include "promql/query_context.h"
#include "promql/rollup.h"
#include "promql/text.h"

namespace kw::promql {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;

// The parameter of topk, bottomk and limitk at every step, at least 0.
Result<std::vector<uint64_t>> counts_of(const Column& param) {
    std::vector<uint64_t> out;
    out.reserve(param.size());
    for (const double k : param) {
        if (std::isnan(k)) return invalid("Parameter value is NaN");
        if (k <= -kTwoTo63 || k >= kTwoTo63) {
            return invalid("Scalar value {} overflows int64", format_value(k));
        }
        out.push_back(k < 1 ? 0 : static_cast<uint64_t>(k));
    }
    return out;
}

// The ratio at every step, within [-1, 1].
Result<Column> ratios_of(QueryContext& context, Column param, Span where) {
    for (double& ratio : param) {
        if (std::isnan(ratio)) return invalid("Ratio value is NaN");
        const double capped = std::clamp(ratio, -1.0, 1.0);
        if (capped != ratio) {
            context.annotations().warn(
                fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                            format_value(ratio), format_value(capped)),
                where);
        }
        ratio = capped;
    }
    return param;
}

// A string with its length ahead, as Prometheus lays out the labels that it hashes.
void append_sized(std::string& out, std::string_view text) {
    const size_t size = text.size();
    if (size < 255) {
        out += static_cast<char>(size);
    } else {
        out += '\xff';
        for (const int shift : {0, 8, 16}) out += static_cast<char>(size >> shift);
    }
    out += text;
}

// Where a series stands between 0 and 1, as Prometheus places it.
double ratio_place(const LabelSet& labels) {
    std::string bytes;
    for (const LabelView& label : labels) {
        append_sized(bytes, label.name);
        append_sized(bytes, label.value);
    }
    return static_cast<double>(xxh64(bytes)) / 18446744073709551615.0;
}

bool ratio_takes(double ratio, double place) {
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

// Series numbers of each group.
std::vector<std::vector<uint32_t>> members_of(const Grouping& grouping) {
    std::vector<std::vector<uint32_t>> members(grouping.labels.size());
    for (uint32_t i = 0; i < grouping.group_of.size(); ++i)
        members[grouping.group_of[i]].push_back(i);
    return members;
}

// A value of a series at some step.
struct Chosen {
    double value = 0;
    uint32_t series = 0;
};

// Whether a value is chosen before another. Ties go to the series that comes first, so that the order is total and a
// choice among the chosen of parts is the choice among all.
struct Precedes {
    AggregateOp op;
    bool operator()(const Chosen& a, const Chosen& b) const {
        if (op == AggregateOp::kLimitk) return a.series < b.series;
        if (std::isnan(a.value) || std::isnan(b.value)) {
            if (std::isnan(a.value) != std::isnan(b.value)) return std::isnan(b.value);
            return a.series < b.series;
        }
        if (a.value != b.value)
            return op == AggregateOp::kTopk ? a.value > b.value : a.value < b.value;
        return a.series < b.series;
    }
};

// The chosen of one step: a heap whose front is the last of them.
using Choice = std::vector<Chosen>;

void offer(const Chosen& candidate, uint64_t count, const Precedes& precedes, Choice& choice) {
    if (choice.size() < count) {
        choice.push_back(candidate);
        std::ranges::push_heap(choice, precedes);
    } else if (count > 0 && precedes(candidate, choice.front())) {
        std::ranges::pop_heap(choice, precedes);
        choice.back() = candidate;
        std::ranges::push_heap(choice, precedes);
    }
}

// What one part of a group gives.
struct PartChoice {
    std::vector<Choice> steps;
    uint32_t first_present = UINT32_MAX;  // the first of its series that has a value at some step
    Hold hold;
};

// Chooses among the series of `part`, one series after the other.
Result<void> choose_among(QueryContext& context, const SeriesStream& stream,
                          const AggregateExpr& aggregate, const std::vector<uint64_t>& counts,
                          const GroupPart& part, Scratch& scratch, PartChoice& out) {
    const Precedes precedes{aggregate.op};
    const HistogramRemarks remarks(context, "", aggregate.expr->span);
    uint64_t bytes = counts.size() * sizeof(Choice);
    for (const uint64_t count : counts)
        bytes += std::min<uint64_t>(count, part.series.size()) * sizeof(Chosen);
    KW_TRY(context.keep(out.hold, 0, bytes));
    out.steps.resize(counts.size());
    for (const uint32_t i : part.series) {
        KW_TRY(context.check());
        Column values = std::move(scratch.values);
        values.resize(counts.size());
        KW_TRY(stream.compute(i, scratch, values));
        const bool skips_histograms =
            context.has_histograms() && aggregate.op != AggregateOp::kLimitk;
        for (size_t step = 0; step < counts.size(); ++step) {
            if (is_absent(values[step])) continue;
            out.first_present = std::min(out.first_present, i);
            if (skips_histograms && is_histogram(values[step])) {
                remarks.ignored_in_aggregation(aggregate_op_text(aggregate.op));
                continue;
            }
            offer({values[step], i}, counts[step], precedes, out.steps[step]);
        }
        scratch.values = std::move(values);
    }
    return {};
}

// topk, bottomk, limitk: memory for the chosen of each step and group, and for the series that were chosen.
Result<StepVector> choose_of_groups(QueryContext& context, const StepGrid& grid,
                                    const SeriesStream& stream, const AggregateExpr& aggregate,
                                    const std::vector<uint64_t>& counts) {
    KW_TRY_ASSIGN(const Grouping grouping, group_series(context, stream, aggregate));
    // A part holds up to `most` values a step: with four times as many series that is a quarter of what it reads.
    const uint64_t most =
        std::min<uint64_t>(counts.empty() ? 0 : *std::ranges::max_element(counts), stream.size());
    const std::vector<GroupPart> parts = parts_of(grouping, std::max<size_t>(64, 4 * most));
    std::vector<PartChoice> choices(parts.size());
    KW_TRY(for_each_series(context, parts.size(), [&](size_t p, Scratch& scratch) {
        return choose_among(context, stream, aggregate, counts, parts[p], scratch, choices[p]);
    }));

    // Groups in the order in which their first series with a value stand.
    std::vector<std::pair<uint32_t, size_t>> groups;  // that series, and the group's first part
    for (size_t p = 0; p < parts.size(); ++p) {
        if (p == 0 || parts[p].group != parts[p - 1].group) groups.emplace_back(UINT32_MAX, p);
        groups.back().first = std::min(groups.back().first, choices[p].first_present);
    }
    std::ranges::sort(groups);

    StepVector out;
    const Precedes precedes{aggregate.op};
    std::unordered_map<uint32_t, size_t> outputs;  // of the series that were chosen
    for (const auto& [first_present, first_part] : groups) {
        if (first_present == UINT32_MAX) continue;
        Choice choice;
        for (size_t step = 0; step < grid.count; ++step) {
            KW_TRY(context.check());
            choice.clear();
            for (size_t p = first_part;
                 p < parts.size() && parts[p].group == parts[first_part].group; ++p) {
                const Choice& some = choices[p].steps[step];
                choice.insert(choice.end(), some.begin(), some.end());
            }
            std::ranges::sort(choice, precedes);
            if (choice.size() > counts[step]) choice.resize(counts[step]);
            for (const Chosen& chosen : choice) {
                const auto [it, is_new] = outputs.try_emplace(chosen.series, out.series.size());
                if (is_new) {
                    KW_TRY(context.keep(out.hold, 0, grid.count * sizeof(double)));
                    out.series.push_back({stream.labels(chosen.series),
                                          stream.drops_name(chosen.series),
                                          Column(grid.count, kAbsent)});
                }
                out.series[it->second].values[step] = chosen.value;
            }
            KW_TRY(context.keep(out.hold, choice.size(), 0));
        }
        for (size_t p = first_part; p < parts.size() && parts[p].group == parts[first_part].group;
             ++p)
            choices[p] = {};
    }
    return out;
}

// The values at the steps whose ratio takes the series.
class RatioTaken final : public SeriesStream {
 public:
    // `order`: which series of `child` stands where.
    RatioTaken(std::unique_ptr<SeriesStream> child, Column ratios, Hold hold,
               std::vector<uint32_t> order)
        : child_(std::move(child)),
          ratios_(std::move(ratios)),
          hold_(std::move(hold)),
          order_(std::move(order)) {}
    size_t size() const override { return order_.size(); }
    const LabelSet& labels(size_t index) const override { return child_->labels(order_[index]); }
    bool drops_name(size_t index) const override { return child_->drops_name(order_[index]); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        KW_TRY(child_->compute(order_[index], scratch, out));
        const double place = ratio_place(labels(index));
        for (size_t step = 0; step < out.size(); ++step) {
            if (!ratio_takes(ratios_[step], place)) out[step] = kAbsent;
        }
        return {};
    }

 private:
    const std::unique_ptr<SeriesStream> child_;
    const Column ratios_;
    const Hold hold_;
    const std::vector<uint32_t> order_;
};

// The shortest text without exponent that reads back to the same value.
std::string fixed_text(double value) {
    if (std::isnan(value) || std::isinf(value)) return format_value(value);
    std::string text;
    append_fixed_number(text, value);
    return text;
}

}  // namespace

ChooseOperator::ChooseOperator(const AggregateExpr& aggregate,
                               std::unique_ptr<VectorOperator> vector,
                               std::unique_ptr<ScalarOperator> param)
    : aggregate_(aggregate), vector_(std::move(vector)), param_(std::move(param)) {}

Result<std::unique_ptr<SeriesStream>> ChooseOperator::open(QueryContext& context,
                                                           const StepGrid& grid) const {
    Hold param_hold;
    KW_TRY_ASSIGN(Column param, param_->run(context, grid, param_hold));
    if (aggregate_.op != AggregateOp::kLimitRatio) {
        KW_TRY_ASSIGN(const std::vector<uint64_t> counts, counts_of(param));
        KW_TRY_ASSIGN(const std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
        KW_TRY_ASSIGN(StepVector chosen,
                      choose_of_groups(context, grid, *stream, aggregate_, counts));
        return stream_of(std::move(chosen));
    }
    KW_TRY_ASSIGN(Column ratios, ratios_of(context, std::move(param), aggregate_.param->span));
    KW_TRY_ASSIGN(std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    KW_TRY_ASSIGN(const Grouping grouping, group_series(context, *stream, aggregate_));
    std::vector<uint32_t> order;  // group by group
    for (const std::vector<uint32_t>& members : members_of(grouping))
        order.insert(order.end(), members.begin(), members.end());
    return std::unique_ptr<SeriesStream>(std::make_unique<RatioTaken>(
        std::move(stream), std::move(ratios), std::move(param_hold), std::move(order)));
}

QuantileOperator::QuantileOperator(const AggregateExpr& aggregate,
                                   std::unique_ptr<VectorOperator> vector,
                                   std::unique_ptr<ScalarOperator> param)
    : aggregate_(aggregate), vector_(std::move(vector)), param_(std::move(param)) {}

Result<std::unique_ptr<SeriesStream>> QuantileOperator::open(QueryContext& context,
                                                             const StepGrid& grid) const {
    Hold param_hold;
    KW_TRY_ASSIGN(const Column param, param_->run(context, grid, param_hold));
    for (const double q : param) {
        if (!(q >= 0 && q <= 1)) context.annotations().invalid_quantile(q, aggregate_.param->span);
    }
    KW_TRY_ASSIGN(const StepVector vector, collect(context, grid, *vector_));
    KW_TRY_ASSIGN(const Grouping grouping, group_series(context, vector, aggregate_));

    const HistogramRemarks remarks(context, "", aggregate_.expr->span);
    const std::vector<std::vector<uint32_t>> members = members_of(grouping);
    StepVector out;
    out.series.resize(members.size());
    KW_TRY(for_each_series(
        context, members.size(), [&](size_t group, Scratch& scratch) -> Result<void> {
            StepSeries& series = out.series[group];
            series = {grouping.labels[group], grouping.drop_names[group],
                      Column(grid.count, kAbsent)};
            for (size_t step = 0; step < grid.count; ++step) {
                if (step % 64 == 0) KW_TRY(context.check());
                scratch.sorted.clear();
                for (const uint32_t i : members[group]) {
                    const double value = vector.series[i].values[step];
                    if (is_histogram(value))
                        remarks.ignored_in_aggregation("quantile");
                    else if (!is_absent(value))
                        scratch.sorted.push_back(value);
                }
                if (!scratch.sorted.empty())
                    series.values[step] = quantile_of(param[step], scratch.sorted);
            }
            return {};
        }));
    std::erase_if(out.series, [](const StepSeries& series) {
        return std::ranges::all_of(series.values, is_absent);
    });
    KW_TRY(context.keep(out.hold, 0, out.series.size() * grid.count * sizeof(double)));
    return stream_of(std::move(out));
}

CountValuesOperator::CountValuesOperator(const AggregateExpr& aggregate,
                                         std::unique_ptr<VectorOperator> vector, std::string label)
    : aggregate_(aggregate), vector_(std::move(vector)), label_(std::move(label)) {}

Result<std::unique_ptr<SeriesStream>> CountValuesOperator::open(QueryContext& context,
                                                                const StepGrid& grid) const {
    if (label_.empty() || !is_valid_utf8(label_))
        return invalid("invalid label name {}", go_quoted(label_));
    KW_TRY_ASSIGN(const StepVector vector, collect(context, grid, *vector_));
    AggregateExpr with_label;
    with_label.without = aggregate_.without;
    with_label.grouping = aggregate_.grouping;
    if (!with_label.without) with_label.grouping.push_back(label_);
    const LabelChoice choice = grouping_choice(with_label);
    const bool by_name = choice.takes(kMetricName) && label_ != kMetricName;

    StepVector out;
    std::unordered_map<LabelSet, size_t, LabelSetHash> numbers;
    LabelBuilder builder;
    for (const StepSeries& series : vector.series) {
        KW_TRY(context.check());
        std::unordered_map<uint64_t, size_t> by_value;  // bits of the value to the output series
        for (size_t step = 0; step < grid.count; ++step) {
            const double value = series.values[step];
            if (is_absent(value)) continue;
            const auto [known, is_new_value] =
                by_value.try_emplace(std::bit_cast<uint64_t>(value), 0);
            if (is_new_value) {
                builder.reset(series.labels);
                builder.set(label_, is_histogram(value) ? histogram_text(histogram_at(value))
                                                        : fixed_text(value));
                const LabelSet labels = choice.of(builder.build());
                const auto [it, is_new] = numbers.try_emplace(labels, out.series.size());
                if (is_new) {
                    KW_TRY(context.keep(out.hold, 0, grid.count * sizeof(double)));
                    out.series.push_back({labels, false, Column(grid.count, kAbsent)});
                }
                if (by_name && series.drop_name) out.series[it->second].drop_name = true;
                known->second = it->second;
            }
            double& count = out.series[known->second].values[step];
            count = is_absent(count) ? 1 : count + 1;
        }
    }
    return stream_of(std::move(out));
}

}  // namespace kw::promql
