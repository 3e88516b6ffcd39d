// Selectors: `x{a="b"} offset 5m @ end()` as an instant vector, `x[5m]` as windows of samples.
//
// An instant vector takes at each step the newest sample that is at most the lookback old, left edge excluded;
// a staleness marker there means that the series has ended. A range takes all samples of its window, left
// edge excluded, without markers.
// Source: https://prometheus.io/docs/prometheus/latest/querying/basics/, "Staleness".
#pragma once

#include "promql/operator.h"

namespace kw::promql {

// When a selector or subquery looks, for the steps of `grid`: `@` pins, `offset` shifts. Saturates far
// outside any time that a sample can have.
Windows windows_of(const StepGrid& grid, int64_t range_ms, int64_t offset_ms, const AtModifier& at,
                   const QueryRange& query);

class SelectorOperator final : public VectorOperator {
 public:
    enum class Gives : unsigned char {
        kValue,
        kTimestamp,       // timestamp(x): the sample's own time, in seconds
        kStartTimestamp,  // start_timestamp(x): since when it counts, 0 where not known
    };
    // Plans the selection. `grid` is the one that open() will be given. `above`: name of the function or
    // aggregation that reads it, a hint for the store. `tells_resets`: histograms keep the hint that their counter
    // restarted.
    SelectorOperator(QueryContext& context, const StepGrid& grid, const VectorSelector& selector,
                     Span where, Gives gives, std::string_view above, bool tells_resets);

    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    const Gives gives_;
    const VectorSelector::Extension extension_;
    const bool tells_resets_;
    const Span where_;
    Windows windows_;  // the window of a step is what the lookback allows
    size_t fetch_;
};

class RangeSelectorOperator final : public RangeOperator {
 public:
    RangeSelectorOperator(QueryContext& context, const StepGrid& grid,
                          const VectorSelector& selector, int64_t range_ms, Span where,
                          std::string_view above, bool tells_resets);

    Result<std::unique_ptr<RangeStream>> open(QueryContext& context,
                                              const StepGrid& grid) const override;
    VectorSelector::Extension extension() const override { return extension_; }

 private:
    const VectorSelector::Extension extension_;
    const bool tells_resets_;
    Windows windows_;
    size_t fetch_;
};

}  // namespace kw::promql
