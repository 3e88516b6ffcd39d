// The plan of a query: a tree of operators, each of which gives its value for all steps of a grid.
//
// There are three kinds, by what they give:
//   ScalarOperator   one number a step
//   VectorOperator   an instant vector at every step, as a SeriesStream: how many series and which labels are
//                    known when it is opened, each series' column is computed when it is asked for
//   RangeOperator    the samples of each series over all windows together, for rollups to slide over
// A stream lets the operator above work series by series, on many threads, holding one column a thread:
// sum(rate(x[5m])) needs memory for its groups, not for x. An operator that must see all series at once
// (matching, sorting, quantiles) calls collect() and is itself a stream over what it made.
//
// Plans are immutable. Streams: const members from any thread at once, given a Scratch each.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "contract/metric_store.h"
#include "promql/ast.h"
#include "promql/value.h"

namespace kw::promql {

// The samples of one window: indexes [begin, end) of a series' columns.
struct Window {
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t size() const { return end - begin; }
};

// Buffers of one worker, kept from series to series.
struct Scratch {
    SampleColumns samples;  // of the range operator below
    Column column;          // of the range operator below, where it is a subquery
    Column values;          // of the aggregation that reads the stream
    std::vector<Window> windows;
    std::vector<double> sorted;     // of rollups that sort
    std::vector<uint32_t> indexes;  // of rollups that remember places
};

// Of what a series was decoded to.
inline uint64_t bytes_of(const SampleColumns& samples) {
    return samples.size() * (sizeof(int64_t) + sizeof(double)) +
           samples.starts.size() * sizeof(int64_t);
}

class SeriesStream {
 public:
    virtual ~SeriesStream() = default;
    virtual size_t size() const = 0;
    // Valid as long as the stream.
    virtual const LabelSet& labels(size_t index) const = 0;
    virtual bool drops_name(size_t index) const = 0;
    // How many of its series will have a value at some step, at the least and as far as the index tells. 0: not known.
    virtual size_t present_estimate() const { return 0; }
    // Fills `out`, one value a step of the grid it was opened with; kAbsent where there is none.
    virtual Result<void> compute(size_t index, Scratch& scratch, std::span<double> out) const = 0;
};

class VectorOperator {
 public:
    virtual ~VectorOperator() = default;
    virtual Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                                       const StepGrid& grid) const = 0;
};

class ScalarOperator {
 public:
    virtual ~ScalarOperator() = default;
    // grid.count values, whose bytes are counted in `hold`: keep it as long as them.
    virtual Result<Column> run(QueryContext& context, const StepGrid& grid, Hold& hold) const = 0;
};

// The windows of a range operator: that of step k is (right(k) - range_ms, right(k)], open on the left.
struct Windows {
    Millis first_right;
    int64_t step_ms = 0;  // 0: `@` pins all windows to one place
    int64_t range_ms = 0;
    size_t count = 0;

    Millis right(size_t step) const { return first_right + static_cast<int64_t>(step) * step_ms; }
    Millis left(size_t step) const { return right(step) - range_ms; }
};

class RangeStream {
 public:
    virtual ~RangeStream() = default;
    virtual size_t size() const = 0;
    virtual const LabelSet& labels(size_t index) const = 0;
    virtual bool drops_name(size_t index) const = 0;
    virtual const Windows& windows() const = 0;
    // As SeriesStream::present_estimate(), of what a rollup makes of it.
    virtual size_t rolled_estimate() const { return 0; }
    // Replaces scratch.samples by all samples of series `index` that some window holds, and perhaps more on
    // either side; no staleness markers among them.
    virtual Result<void> read(size_t index, Scratch& scratch) const = 0;
};

class RangeOperator {
 public:
    virtual ~RangeOperator() = default;
    virtual Result<std::unique_ptr<RangeStream>> open(QueryContext& context,
                                                      const StepGrid& grid) const = 0;
    // anchored, smoothed: which neighbours of the window a rollup may use.
    virtual VectorSelector::Extension extension() const { return VectorSelector::Extension::kNone; }
};

// All columns of `stream`, computed on the pool, without the series that are absent at all steps.
// Errors: of the series, of the limits, kCancelled, kTimeout.
Result<StepVector> collect(QueryContext& context, const StepGrid& grid, const SeriesStream& stream);
// Opens and collects.
Result<StepVector> collect(QueryContext& context, const StepGrid& grid,
                           const VectorOperator& vector);
// A stream over columns that are there.
std::unique_ptr<SeriesStream> stream_of(StepVector vector);

// What an operation that takes the metric's name away makes of `stream`. With delayed name removal the name
// stays and is marked; else it goes at once, and series that are then alike become one, which is an error
// where both have a value.
Result<std::unique_ptr<SeriesStream>> without_names(QueryContext& context, const StepGrid& grid,
                                                    std::unique_ptr<SeriesStream> stream);

// `stream`'s columns under other labels, `labels` and `drop_names` one a series. Series that are then alike
// become one, as above.
Result<std::unique_ptr<SeriesStream>> with_labels(QueryContext& context, const StepGrid& grid,
                                                  std::unique_ptr<SeriesStream> stream,
                                                  std::vector<LabelSet> labels,
                                                  std::vector<bool> drop_names);

// Makes one series of those that have the same labels. Errors: kInvalid in Prometheus' words, where two
// have a value at one step.
Result<void> merge_same_labels(const QueryContext& context, StepVector& vector);

// Runs body(i, scratch) for every i < count over the pool, in batches; checks for cancellation.
Result<void> for_each_series(QueryContext& context, size_t count,
                             const std::function<Result<void>(size_t, Scratch&)>& body);

}  // namespace kw::promql
