#include "promql/op_aggregate.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "promql/histogram_remarks.h"
#include "promql/query_context.h"
#include "promql/rollup.h"

namespace kw::promql {
namespace {

// A cell is what a group knows of one step. `value()` is kAbsent while nothing was added.
struct SumCell {
    CompensatedSum sum;
    bool any = false;
    void add(double v) {
        sum.add(v);
        any = true;
    }
    void add(const SumCell& other) {
        if (!other.any) return;
        sum.add(other.sum);
        any = true;
    }
    double value() const { return any ? sum.total() : kAbsent; }
};

struct AvgCell {
    CompensatedSum sum;
    double count = 0;
    void add(double v) {
        sum.add(v);
        count += 1;
    }
    void add(const AvgCell& other) {
        if (other.count == 0) return;
        sum.add(other.sum);
        count += other.count;
    }
    double value() const { return count == 0 ? kAbsent : sum.sum / count + sum.lost / count; }
};

struct CountCell {
    double count = 0;
    void add(double) { count += 1; }
    void add(const CountCell& other) { count += other.count; }
    double value() const { return count == 0 ? kAbsent : count; }
};

struct GroupCell {
    bool any = false;
    void add(double) { any = true; }
    void add(const GroupCell& other) { any |= other.any; }
    double value() const { return any ? 1 : kAbsent; }
};

// NaN only when there is nothing else.
template <typename Better>
struct ExtremeCell {
    double best = kAbsent;
    void add(double v) {
        if (std::isnan(best) || Better{}(v, best)) best = v;
    }
    void add(const ExtremeCell& other) {
        if (!is_absent(other.best) && (is_absent(best) || !std::isnan(other.best))) add(other.best);
    }
    double value() const { return best; }
};

struct VarianceCell {
    Moments moments;
    void add(double v) { moments.add(v); }
    void add(const VarianceCell& other) { moments.add(other.moments); }
    double value() const { return moments.count == 0 ? kAbsent : moments.variance(); }
};

struct DeviationCell : VarianceCell {
    using VarianceCell::add;
    double value() const { return moments.count == 0 ? kAbsent : std::sqrt(moments.variance()); }
};

// A histogram and the number of its series.
struct SeriesHistogram {
    const NativeHistogram* native = nullptr;
    uint32_t series = 0;
};
// The histograms of each step, in the order of the series; empty where there are none at any step.
using StepHistograms = std::vector<std::vector<SeriesHistogram>>;

// Takes histograms out of a column of series `series`.
void take_histograms(std::span<double> values, uint32_t series, StepHistograms& histograms) {
    for (size_t step = 0; step < values.size(); ++step) {
        if (!is_histogram(values[step])) continue;
        histograms.resize(values.size());
        histograms[step].push_back({&histogram_at(values[step]), series});
        values[step] = kAbsent;
    }
}

void append_histograms(StepHistograms& into, StepHistograms&& more) {
    if (into.empty()) {
        into = std::move(more);
        return;
    }
    for (size_t step = 0; step < more.size(); ++step)
        into[step].insert(into[step].end(), more[step].begin(), more[step].end());
}

// What a group gives at a step where it has histograms and, unless absent, the value `of_floats`.
Result<double> fold_histograms(QueryContext& context, const AggregateExpr& aggregate,
                               const SeriesStream& stream,
                               std::span<const SeriesHistogram> histograms, double of_floats) {
    const HistogramRemarks remarks(context, "", aggregate.expr->span);
    const bool has_floats = !is_absent(of_floats);
    switch (aggregate.op) {
        case AggregateOp::kCount:
            return static_cast<double>(histograms.size()) + (has_floats ? of_floats : 0);
        case AggregateOp::kGroup: return 1.0;
        case AggregateOp::kSum:
        case AggregateOp::kAvg: break;
        default: remarks.ignored_in_aggregation(aggregate_op_text(aggregate.op)); return of_floats;
    }
    if (has_floats) {
        remarks.mixed_types_aggregated();
        return kAbsent;
    }
    std::vector<const NativeHistogram*> all;
    for (const SeriesHistogram& one : histograms) all.push_back(one.native);
    MergeRemarks merged;
    std::optional<NativeHistogram> value =
        aggregate.op == AggregateOp::kSum ? sum_of(all, merged) : mean_of(all, merged);
    if (!value) {
        // Said of the first series that does not go with those ahead of it.
        const auto odd = std::ranges::find_if(histograms, [&](const SeriesHistogram& one) {
            return one.native->is_custom() != all[0]->is_custom();
        });
        HistogramRemarks(context, stream.labels(odd->series).metric_name(), aggregate.expr->span)
            .mixed_layouts();
        return kAbsent;
    }
    remarks.merged(merged, "aggregation");
    return context.put_histogram(std::move(*value));
}

// Below so many series a part is not worth a hand-over.
constexpr size_t kPartSeriesMin = 64;

// The mean again, of v / count, for groups whose sum overflowed at some step.
Result<void> repair_overflow(const QueryContext& context, const SeriesStream& stream,
                             const std::vector<GroupPart>& parts, uint32_t group,
                             std::span<const AvgCell> cells, std::span<double> values) {
    Scratch scratch;
    Column column(values.size());
    std::vector<CompensatedSum> means(values.size());
    for (const GroupPart& part : parts) {
        if (part.group != group) continue;
        for (const uint32_t i : part.series) {
            KW_TRY(stream.compute(i, scratch, column));
            StepHistograms ignored;
            if (context.has_histograms()) take_histograms(column, i, ignored);
            for (size_t step = 0; step < column.size(); ++step) {
                if (!is_absent(column[step])) means[step].add(column[step] / cells[step].count);
            }
        }
    }
    for (size_t step = 0; step < values.size(); ++step) {
        if (std::isinf(cells[step].sum.sum)) values[step] = means[step].total();
    }
    return {};
}

template <typename Cell>
Result<StepVector> fold(QueryContext& context, const StepGrid& grid, const SeriesStream& stream,
                        const AggregateExpr& aggregate, const Grouping& grouping) {
    const std::vector<GroupPart> parts = parts_of(grouping, kPartSeriesMin);
    KW_TRY(context.expect_room(parts.size() * grid.count * (sizeof(Cell) + sizeof(double))));
    std::vector<std::vector<Cell>> partial(parts.size());
    std::vector<StepHistograms> histograms(parts.size());
    std::vector<Hold> holds(parts.size());
    KW_TRY(for_each_series(context, parts.size(), [&](size_t p, Scratch& scratch) -> Result<void> {
        KW_TRY(context.keep(holds[p], 0, grid.count * (sizeof(Cell) + sizeof(double))));
        std::vector<Cell> cells(grid.count);
        scratch.values.resize(grid.count);
        for (const uint32_t i : parts[p].series) {
            KW_TRY(context.check());
            Column values = std::move(scratch.values);
            KW_TRY(stream.compute(i, scratch, values));
            if (context.has_histograms()) take_histograms(values, i, histograms[p]);
            for (size_t step = 0; step < grid.count; ++step) {
                if (!is_absent(values[step])) cells[step].add(values[step]);
            }
            scratch.values = std::move(values);
        }
        partial[p] = std::move(cells);
        return {};
    }));

    StepVector out;
    for (size_t p = 0; p < parts.size();) {
        KW_TRY(context.check());
        const uint32_t group = parts[p].group;
        std::vector<Cell> cells = std::move(partial[p]);
        StepHistograms natives = std::move(histograms[p]);
        for (++p; p < parts.size() && parts[p].group == group; ++p) {
            for (size_t step = 0; step < grid.count; ++step) cells[step].add(partial[p][step]);
            partial[p] = {};
            append_histograms(natives, std::move(histograms[p]));
            holds[p].release();
        }
        StepSeries series{grouping.labels[group], grouping.drop_names[group], Column(grid.count)};
        uint64_t present = 0;
        for (size_t step = 0; step < grid.count; ++step) {
            series.values[step] = cells[step].value();
            present += !is_absent(series.values[step]);
        }
        if (present == 0 && natives.empty()) continue;
        if constexpr (std::is_same_v<Cell, AvgCell>) {
            if (std::ranges::any_of(cells,
                                    [](const AvgCell& cell) { return std::isinf(cell.sum.sum); })) {
                KW_TRY(repair_overflow(context, stream, parts, group, cells, series.values));
            }
        }
        for (size_t step = 0; step < natives.size(); ++step) {
            if (natives[step].empty()) continue;
            KW_TRY(context.check());
            KW_TRY_ASSIGN(series.values[step], fold_histograms(context, aggregate, stream,
                                                               natives[step], series.values[step]));
            present += !is_absent(series.values[step]);
        }
        if (present == 0) continue;
        KW_TRY(context.keep(out.hold, present, grid.count * sizeof(double)));
        out.series.push_back(std::move(series));
    }
    return out;
}

class Grouper final {
 public:
    explicit Grouper(const AggregateExpr& aggregate)
        : choice_(grouping_choice(aggregate)), by_name_(choice_.takes(kMetricName)) {}

    void add(const LabelSet& labels, bool drops_name) {
        LabelSet group = choice_.of(labels);
        const auto next = static_cast<uint32_t>(out_.labels.size());
        const auto [it, is_new] = numbers_.try_emplace(std::move(group), next);
        if (is_new) {
            out_.labels.push_back(it->first);
            out_.drop_names.push_back(false);
        }
        if (by_name_ && drops_name) out_.drop_names[it->second] = true;
        out_.group_of.push_back(it->second);
    }
    Grouping take() && { return std::move(out_); }

 private:
    const LabelChoice choice_;
    const bool by_name_;
    Grouping out_;
    std::unordered_map<LabelSet, uint32_t, LabelSetHash> numbers_;
};

}  // namespace

std::vector<GroupPart> parts_of(const Grouping& grouping, size_t least) {
    std::vector<std::vector<uint32_t>> members(grouping.labels.size());
    for (uint32_t i = 0; i < grouping.group_of.size(); ++i)
        members[grouping.group_of[i]].push_back(i);
    std::vector<GroupPart> parts;
    for (uint32_t group = 0; group < members.size(); ++group) {
        const std::vector<uint32_t>& all = members[group];
        const size_t size = std::max(least, (all.size() + 31) / 32);
        for (size_t begin = 0; begin < all.size(); begin += size) {
            const size_t end = std::min(all.size(), begin + size);
            parts.push_back({group,
                             {all.begin() + static_cast<ptrdiff_t>(begin),
                              all.begin() + static_cast<ptrdiff_t>(end)}});
        }
    }
    return parts;
}

LabelChoice grouping_choice(const AggregateExpr& aggregate) {
    return {aggregate.without ? LabelChoice::Kind::kExceptAndName : LabelChoice::Kind::kOnly,
            aggregate.grouping};
}

Result<Grouping> group_series(const QueryContext& context, const SeriesStream& stream,
                              const AggregateExpr& aggregate) {
    Grouper grouper(aggregate);
    for (size_t i = 0; i < stream.size(); ++i) {
        KW_TRY(context.check_at(i));
        grouper.add(stream.labels(i), stream.drops_name(i));
    }
    return std::move(grouper).take();
}

Result<Grouping> group_series(const QueryContext& context, const StepVector& vector,
                              const AggregateExpr& aggregate) {
    Grouper grouper(aggregate);
    for (size_t i = 0; i < vector.series.size(); ++i) {
        KW_TRY(context.check_at(i));
        grouper.add(vector.series[i].labels, vector.series[i].drop_name);
    }
    return std::move(grouper).take();
}

FoldOperator::FoldOperator(const AggregateExpr& aggregate, std::unique_ptr<VectorOperator> vector)
    : aggregate_(aggregate), vector_(std::move(vector)) {}

Result<std::unique_ptr<SeriesStream>> FoldOperator::open(QueryContext& context,
                                                         const StepGrid& grid) const {
    KW_TRY_ASSIGN(const std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    KW_TRY_ASSIGN(const Grouping grouping, group_series(context, *stream, aggregate_));
    const auto folded = [&]() -> Result<StepVector> {
        switch (aggregate_.op) {
            case AggregateOp::kSum:
                return fold<SumCell>(context, grid, *stream, aggregate_, grouping);
            case AggregateOp::kAvg:
                return fold<AvgCell>(context, grid, *stream, aggregate_, grouping);
            case AggregateOp::kCount:
                return fold<CountCell>(context, grid, *stream, aggregate_, grouping);
            case AggregateOp::kMin:
                return fold<ExtremeCell<std::less<>>>(context, grid, *stream, aggregate_, grouping);
            case AggregateOp::kMax:
                return fold<ExtremeCell<std::greater<>>>(context, grid, *stream, aggregate_,
                                                         grouping);
            case AggregateOp::kGroup:
                return fold<GroupCell>(context, grid, *stream, aggregate_, grouping);
            case AggregateOp::kStddev:
                return fold<DeviationCell>(context, grid, *stream, aggregate_, grouping);
            case AggregateOp::kStdvar:
                return fold<VarianceCell>(context, grid, *stream, aggregate_, grouping);
            default: return internal_error("{} does not fold", aggregate_op_text(aggregate_.op));
        }
    };
    KW_TRY_ASSIGN(StepVector out, folded());
    return stream_of(std::move(out));
}

}  // namespace kw::promql
