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

// Takes the series that Prometheus takes.
bool ratio_takes(double ratio, const LabelSet& labels) {
    std::string bytes;
    for (const LabelView& label : labels) {
        append_sized(bytes, label.name);
        append_sized(bytes, label.value);
    }
    const double place = static_cast<double>(xxh64(bytes)) / 18446744073709551615.0;
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

// Series numbers of each group.
std::vector<std::vector<uint32_t>> members_of(const Grouping& grouping) {
    std::vector<std::vector<uint32_t>> members(grouping.labels.size());
    for (uint32_t i = 0; i < grouping.group_of.size(); ++i)
        members[grouping.group_of[i]].push_back(i);
    return members;
}

// Which of `present` come first at a step; the others are cut off. Ties go to the series that comes first.
void choose(AggregateOp op, uint64_t k, const StepVector& vector, size_t step,
            std::vector<uint32_t>& present) {
    if (op != AggregateOp::kLimitk) {
        const bool greatest = op == AggregateOp::kTopk;
        const auto precedes = [&](uint32_t a, uint32_t b) {
            const double x = vector.series[a].values[step];
            const double y = vector.series[b].values[step];
            if (std::isnan(x) || std::isnan(y)) {
                if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
                return a < b;
            }
            if (x != y) return greatest ? x > y : x < y;
            return a < b;
        };
        if (k < present.size()) {
            std::partial_sort(present.begin(), present.begin() + static_cast<ptrdiff_t>(k),
                              present.end(), precedes);
        } else {
            std::sort(present.begin(), present.end(), precedes);
        }
    }
    if (present.size() > k) present.resize(k);
}

// Go's %q, as far as label names need it.
std::string go_quoted(std::string_view text) {
    if (is_valid_utf8(text)) return quoted(text);
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += fmt::format("\\{}", c);
        else if (byte < 0x20 || byte >= 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out + "\"";
}

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
    const bool by_ratio = aggregate_.op == AggregateOp::kLimitRatio;
    std::vector<uint64_t> counts;
    Column ratios;
    if (by_ratio) {
        KW_TRY_ASSIGN(ratios, ratios_of(context, std::move(param), aggregate_.param->span));
    } else {
        KW_TRY_ASSIGN(counts, counts_of(param));
    }
    KW_TRY_ASSIGN(StepVector vector, collect(context, grid, *vector_));
    KW_TRY_ASSIGN(const Grouping grouping, group_series(context, vector, aggregate_));

    const bool by_value =
        aggregate_.op == AggregateOp::kTopk || aggregate_.op == AggregateOp::kBottomk;
    const HistogramRemarks remarks(context, "", aggregate_.expr->span);
    std::vector<Column> chosen(vector.series.size());
    std::vector<uint32_t> order;  // of the output: by rank in an instant query
    std::vector<uint32_t> present;
    for (const std::vector<uint32_t>& members : members_of(grouping)) {
        for (size_t step = 0; step < grid.count; ++step) {
            if (step % 64 == 0) KW_TRY(context.check());
            present.clear();
            for (const uint32_t i : members) {
                const double value = vector.series[i].values[step];
                if (is_absent(value)) continue;
                if (by_value && is_histogram(value)) {
                    remarks.ignored_in_aggregation(aggregate_op_text(aggregate_.op));
                    continue;
                }
                present.push_back(i);
            }
            if (by_ratio) {
                std::erase_if(present, [&](uint32_t i) {
                    return !ratio_takes(ratios[step], vector.series[i].labels);
                });
            } else {
                choose(aggregate_.op, counts[step], vector, step, present);
            }
            for (const uint32_t i : present) {
                if (chosen[i].empty()) {
                    chosen[i].assign(grid.count, kAbsent);
                    order.push_back(i);
                }
                chosen[i][step] = vector.series[i].values[step];
            }
        }
    }
    StepVector out;
    for (const uint32_t i : order) {
        out.series.push_back(
            {std::move(vector.series[i].labels), vector.series[i].drop_name, std::move(chosen[i])});
    }
    out.hold = std::move(vector.hold);
    return stream_of(std::move(out));
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
