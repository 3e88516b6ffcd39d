#include <set>

#include "base/mutex.h"
#include "promql/op_special.h"
#include "promql/query_context.h"

namespace kw::promql {

Result<std::unique_ptr<SeriesStream>> AbsentOperator::open(QueryContext& context,
                                                           const StepGrid& grid) const {
    KW_TRY_ASSIGN(const std::unique_ptr<SeriesStream> stream, vector_->open(context, grid));
    Mutex mutex;
    std::vector<bool> is_present(grid.count);
    KW_TRY(
        for_each_series(context, stream->size(), [&](size_t i, Scratch& scratch) -> Result<void> {
            Column values = std::move(scratch.values);
            values.resize(grid.count);
            KW_TRY(stream->compute(i, scratch, values));
            {
                MutexLock lock(mutex);
                for (size_t step = 0; step < grid.count; ++step) {
                    if (!is_absent(values[step])) is_present[step] = true;
                }
            }
            scratch.values = std::move(values);
            return {};
        }));
    return stream_of_absence(labels_, grid, is_present);
}

std::unique_ptr<SeriesStream> stream_of_absence(const LabelSet& labels, const StepGrid& grid,
                                                const std::vector<bool>& is_present) {
    StepVector out;
    StepSeries series{labels, false, Column(grid.count, kAbsent)};
    bool any = false;
    for (size_t step = 0; step < grid.count; ++step) {
        if (is_present[step]) continue;
        series.values[step] = 1;
        any = true;
    }
    if (any) out.series.push_back(std::move(series));
    return stream_of(std::move(out));
}

LabelSet labels_of_absence(const Expr& argument) {
    const Expr* selector = &strip_parens(argument);
    if (const auto* matrix = selector->as<MatrixSelector>()) selector = matrix->selector.get();
    const auto* vector = selector->as<VectorSelector>();
    if (vector == nullptr) return {};
    LabelBuilder builder;
    std::set<std::string> seen;
    for (const Matcher& matcher : vector->matchers) {
        if (matcher.name() == kMetricName) continue;
        if (matcher.op() == MatchOp::kEqual && seen.insert(matcher.name()).second) {
            builder.set(matcher.name(), matcher.value());
        } else {
            builder.remove(matcher.name());
        }
    }
    return builder.build();
}

}  // namespace kw::promql
