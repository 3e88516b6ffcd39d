#include "promql/operator.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/thread_pool.h"
#include "promql/label_sets.h"
#include "promql/query_context.h"

namespace kw::promql {
namespace {

class Collected final : public SeriesStream {
 public:
    explicit Collected(StepVector vector) : vector_(std::move(vector)) {}
    size_t size() const override { return vector_.series.size(); }
    const LabelSet& labels(size_t index) const override { return vector_.series[index].labels; }
    bool drops_name(size_t index) const override { return vector_.series[index].drop_name; }
    size_t present_estimate() const override { return vector_.series.size(); }
    Result<void> compute(size_t index, Scratch&, std::span<double> out) const override {
        const Column& values = vector_.series[index].values;
        std::copy(values.begin(), values.end(), out.begin());
        return {};
    }

 private:
    const StepVector vector_;
};

// The same columns; names are marked.
class Marked final : public SeriesStream {
 public:
    explicit Marked(std::unique_ptr<SeriesStream> child) : child_(std::move(child)) {}
    size_t size() const override { return child_->size(); }
    const LabelSet& labels(size_t index) const override { return child_->labels(index); }
    bool drops_name(size_t) const override { return true; }
    size_t present_estimate() const override { return child_->present_estimate(); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        return child_->compute(index, scratch, out);
    }

 private:
    const std::unique_ptr<SeriesStream> child_;
};

// The same columns under other labels.
class Relabelled final : public SeriesStream {
 public:
    Relabelled(std::unique_ptr<SeriesStream> child, std::vector<LabelSet> labels,
               std::vector<bool> drop_names)
        : child_(std::move(child)),
          labels_(std::move(labels)),
          drop_names_(std::move(drop_names)) {}
    size_t size() const override { return child_->size(); }
    const LabelSet& labels(size_t index) const override { return labels_[index]; }
    bool drops_name(size_t index) const override { return drop_names_[index]; }
    size_t present_estimate() const override { return child_->present_estimate(); }
    Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const override {
        return child_->compute(index, scratch, out);
    }

 private:
    const std::unique_ptr<SeriesStream> child_;
    const std::vector<LabelSet> labels_;
    const std::vector<bool> drop_names_;
};

size_t present_count(const Column& values) {
    size_t count = 0;
    for (const double v : values) count += !is_absent(v);
    return count;
}

}  // namespace

Result<void> for_each_series(QueryContext& context, size_t count,
                             const std::function<Result<void>(size_t, Scratch&)>& body) {
    if (count == 0) return context.check();
    // Some four batches a thread keep all busy to the end; below 16 series a batch is not worth a hand-over.
    const size_t wanted = 4 * (context.pool().thread_count() + 1);
    const size_t batch = std::clamp<size_t>((count + wanted - 1) / wanted, 16, 1024);
    const bool is_profiled = context.settings().profile != nullptr;
    ProfileNode* const node = is_profiled ? ChargedTime::current() : nullptr;
    // While this thread waits for others its time is nobody's.
    std::optional<ChargedTime> waiting;
    if (is_profiled) waiting.emplace(nullptr);
    return context.pool().parallel_for(
        (count + batch - 1) / batch, [&](size_t number) -> Result<void> {
            std::optional<ChargedTime> working;
            if (is_profiled) working.emplace(node);
            Scratch scratch;
            const size_t last = std::min(count, (number + 1) * batch);
            for (size_t i = number * batch; i < last; ++i) {
                KW_TRY(context.check());
                KW_TRY(body(i, scratch));
            }
            return {};
        });
}

Result<StepVector> collect(QueryContext& context, const StepGrid& grid,
                           const SeriesStream& stream) {
    // The estimate costs a look at the index: only where it can matter.
    const uint64_t bytes_most = stream.size() * grid.count * sizeof(double);
    if (bytes_most > context.budget().free_bytes()) {
        KW_TRY(context.expect_room(stream.present_estimate() * grid.count * sizeof(double)));
    }
    StepVector out;
    out.series.resize(stream.size());
    std::vector<Hold> holds(stream.size());
    KW_TRY(for_each_series(context, stream.size(), [&](size_t i, Scratch& scratch) -> Result<void> {
        KW_TRY(context.keep(holds[i], 0, grid.count * sizeof(double)));
        StepSeries& series = out.series[i];
        series.values.resize(grid.count);
        KW_TRY(stream.compute(i, scratch, series.values));
        const size_t present = present_count(series.values);
        if (present == 0) {
            series.values = {};
            holds[i].release();
            return {};
        }
        series.labels = stream.labels(i);
        series.drop_name = stream.drops_name(i);
        return context.keep(holds[i], present, 0);
    }));
    for (Hold& hold : holds) out.hold.absorb(std::move(hold));
    std::erase_if(out.series, [](const StepSeries& series) { return series.values.empty(); });
    return out;
}

Result<StepVector> collect(QueryContext& context, const StepGrid& grid,
                           const VectorOperator& vector) {
    KW_TRY_ASSIGN(const std::unique_ptr<SeriesStream> stream, vector.open(context, grid));
    return collect(context, grid, *stream);
}

std::unique_ptr<SeriesStream> stream_of(StepVector vector) {
    return std::make_unique<Collected>(std::move(vector));
}

Result<std::unique_ptr<SeriesStream>> without_names(QueryContext& context, const StepGrid& grid,
                                                    std::unique_ptr<SeriesStream> stream) {
    if (context.settings().delayed_name_removal) {
        return std::unique_ptr<SeriesStream>(std::make_unique<Marked>(std::move(stream)));
    }
    std::vector<LabelSet> labels;
    labels.reserve(stream->size());
    for (size_t i = 0; i < stream->size(); ++i) {
        KW_TRY(context.check_at(i));
        labels.push_back(without_name(stream->labels(i)));
    }
    std::vector<bool> drop_names(labels.size());
    return with_labels(context, grid, std::move(stream), std::move(labels), std::move(drop_names));
}

Result<std::unique_ptr<SeriesStream>> with_labels(QueryContext& context, const StepGrid& grid,
                                                  std::unique_ptr<SeriesStream> stream,
                                                  std::vector<LabelSet> labels,
                                                  std::vector<bool> drop_names) {
    std::unordered_set<uint64_t> seen;
    bool may_collide = false;
    for (size_t i = 0; i < labels.size(); ++i) {
        KW_TRY(context.check_at(i));
        may_collide |= !seen.insert(labels[i].hash()).second;
    }
    auto relabelled =
        std::make_unique<Relabelled>(std::move(stream), std::move(labels), std::move(drop_names));
    if (!may_collide) return std::unique_ptr<SeriesStream>(std::move(relabelled));
    KW_TRY_ASSIGN(StepVector all, collect(context, grid, *relabelled));
    KW_TRY(merge_same_labels(context, all));
    return stream_of(std::move(all));
}

Result<void> merge_same_labels(const QueryContext& context, StepVector& vector) {
    std::unordered_map<LabelSet, size_t, LabelSetHash> first;
    size_t kept = 0;
    for (size_t i = 0; i < vector.series.size(); ++i) {
        KW_TRY(context.check_at(i));
        StepSeries& series = vector.series[i];
        const auto [it, is_new] = first.try_emplace(series.labels, kept);
        if (is_new) {
            if (kept != i) vector.series[kept] = std::move(series);
            ++kept;
            continue;
        }
        StepSeries& into = vector.series[it->second];
        into.drop_name |= series.drop_name;
        for (size_t step = 0; step < series.values.size(); ++step) {
            if (is_absent(series.values[step])) continue;
            if (!is_absent(into.values[step])) {
                return invalid("vector cannot contain metrics with the same labelset");
            }
            into.values[step] = series.values[step];
        }
    }
    vector.series.resize(kept);
    return {};
}

}  // namespace kw::promql
