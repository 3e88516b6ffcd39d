// Aggregations that fold the values of a group into one: sum, avg, count, min, max, group, stddev, stdvar.
//
// The series below are computed one at a time and folded into their group's cells at once, on all threads, so
// that memory is bounded by groups times steps. A large group is cut into parts of fixed sizes, whose partial
// results are merged in order: the same query gives the same bits however many threads there are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "promql/ast.h"
#include "promql/label_sets.h"
#include "promql/operator.h"

namespace kw::promql {

// Which group each series of a stream belongs to. Groups are numbered in the order they are met.
struct Grouping {
    std::vector<LabelSet> labels;    // of each group
    std::vector<bool> drop_names;    // of each group
    std::vector<uint32_t> group_of;  // of each series
};
// Errors: kCancelled, kTimeout.
Result<Grouping> group_series(const QueryContext& context, const SeriesStream& stream,
                              const AggregateExpr& aggregate);
Result<Grouping> group_series(const QueryContext& context, const StepVector& vector,
                              const AggregateExpr& aggregate);
// Some series of one group, ascending, worked on by one thread.
struct GroupPart {
    uint32_t group = 0;
    std::vector<uint32_t> series;
};
// Cuts the groups into parts of at least `least` series, at most 32 a group: by group, in the order of the series.
// The parts depend on the groups alone, so that results do not depend on the machine; 32 keep as many threads busy
// with a single group.
std::vector<GroupPart> parts_of(const Grouping& grouping, size_t least);
// The labels by which `aggregate` groups.
LabelChoice grouping_choice(const AggregateExpr& aggregate);

class FoldOperator final : public VectorOperator {
 public:
    // `aggregate` outlives this.
    FoldOperator(const AggregateExpr& aggregate, std::unique_ptr<VectorOperator> vector);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const AggregateExpr& aggregate_;
    const std::unique_ptr<VectorOperator> vector_;
};

}  // namespace kw::promql
