// Functions of whole vectors that are operators of their own: each in its file, op_<name>.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/matcher.h"
#include "promql/ast.h"
#include "promql/functions.h"
#include "promql/operator.h"

namespace kw::promql {

// absent(v): 1 where the vector has no value, under the labels that the selector pins. op_absent.cc
class AbsentOperator final : public VectorOperator {
 public:
    AbsentOperator(std::unique_ptr<VectorOperator> vector, LabelSet labels)
        : vector_(std::move(vector)), labels_(std::move(labels)) {}
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
    const LabelSet labels_;
};

// A stream of one series: 1 at the steps of `grid` that are not in `is_present`; of none where all are.
std::unique_ptr<SeriesStream> stream_of_absence(const LabelSet& labels, const StepGrid& grid,
                                                const std::vector<bool>& is_present);

// The labels that absent(`argument`) gives: those that a selector asks to be equal, each once.
LabelSet labels_of_absence(const Expr& argument);

// label_replace(v, destination, replacement, source, regex). op_label.cc
class LabelReplaceOperator final : public VectorOperator {
 public:
    LabelReplaceOperator(std::unique_ptr<VectorOperator> vector, std::string destination,
                         std::string replacement, std::string source, std::string regex);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
    const std::string destination_;
    const std::string replacement_;
    const std::string source_;
    const std::string regex_;
};

// label_join(v, destination, separator, sources…). op_label.cc
class LabelJoinOperator final : public VectorOperator {
 public:
    LabelJoinOperator(std::unique_ptr<VectorOperator> vector, std::string destination,
                      std::string separator, std::vector<std::string> sources);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
    const std::string destination_;
    const std::string separator_;
    const std::vector<std::string> sources_;
};

// sort, sort_desc, sort_by_label, sort_by_label_desc: orders an instant answer; a range answer is always in
// the order of labels. op_sort.cc
class SortOperator final : public VectorOperator {
 public:
    SortOperator(std::unique_ptr<VectorOperator> vector, bool descending, bool by_label,
                 std::vector<std::string> labels, Span where);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
    const bool descending_;
    const bool by_label_;
    const std::vector<std::string> labels_;
    const Span where_;
};

// histogram_quantile, histogram_quantiles, histogram_fraction over classic buckets (label `le`) and native
// histograms; op_histogram.cc
class BucketsOperator final : public VectorOperator {
 public:
    struct Options {
        bool is_fraction = false;  // params are lower and upper bound, else quantiles
        std::string_view function;
        std::string label;  // of the quantile in histogram_quantiles(), else empty
        Span vector_where;
        std::vector<Span> param_where;
    };
    BucketsOperator(std::unique_ptr<VectorOperator> vector,
                    std::vector<std::unique_ptr<ScalarOperator>> params, Options options);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
    const std::vector<std::unique_ptr<ScalarOperator>> params_;
    const Options options_;
};

// histogram_count, histogram_sum, histogram_avg, histogram_stddev, histogram_stdvar: a number of each native
// histogram, nothing of floats. op_histogram.cc
class HistogramValueOperator final : public VectorOperator {
 public:
    HistogramValueOperator(std::unique_ptr<VectorOperator> vector, FunctionId function)
        : vector_(std::move(vector)), function_(function) {}
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
    const FunctionId function_;
};

// start_timestamp of what is no sample: nothing. The vector is evaluated all the same, for its errors.
// op_histogram.cc
class NothingOperator final : public VectorOperator {
 public:
    explicit NothingOperator(std::unique_ptr<VectorOperator> vector) : vector_(std::move(vector)) {}
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const std::unique_ptr<VectorOperator> vector_;
};

}  // namespace kw::promql
