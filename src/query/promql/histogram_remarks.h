// The remarks that operators make on native histograms, in Prometheus' words.
#pragma once

#include <string_view>

#include "model/native_histogram.h"
#include "promql/query_context.h"

namespace kw::promql {

class HistogramRemarks final {
 public:
    // `where`: the place all remarks are about. `metric_name` may be empty.
    HistogramRemarks(QueryContext& context, std::string_view metric_name, Span where)
        : annotations_(context.annotations()), metric_name_(metric_name), where_(where) {}

    void mixed_types() const;             // floats and histograms in one range
    void mixed_types_aggregated() const;  // in one group
    void mixed_layouts() const;           // exponential and custom buckets
    void mixed_classic() const;           // classic and native histograms of one name
    void not_counter() const;
    void not_gauge() const;
    void ignored_in_range() const;  // histograms, beside floats
    void ignored_in_aggregation(std::string_view operation) const;
    void no_such_operation(std::string_view left, std::string_view op,
                           std::string_view right) const;
    void incompatible_layouts(std::string_view op) const;
    // What happened while histograms were merged, but for incompatible(). `what`: "aggregation", "addition",
    // "subtraction".
    void merged(const MergeRemarks& remarks, std::string_view what) const;

 private:
    Annotations& annotations_;
    const std::string_view metric_name_;
    const Span where_;
};

}  // namespace kw::promql
