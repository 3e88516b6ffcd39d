#include "promql/histogram_remarks.h"

#include <fmt/format.h>

namespace kw::promql {

void HistogramRemarks::mixed_types() const {
    annotations_.warn_about("encountered a mix of histograms and floats", metric_name_, where_);
}

void HistogramRemarks::mixed_types_aggregated() const {
    annotations_.warn("encountered a mix of histograms and floats for aggregation", where_);
}

void HistogramRemarks::mixed_layouts() const {
    annotations_.warn_about(
        "vector contains a mix of histograms with exponential and custom buckets schemas",
        metric_name_, where_);
}

void HistogramRemarks::mixed_classic() const {
    annotations_.warn_about("vector contains a mix of classic and native histograms", metric_name_,
                            where_);
}

void HistogramRemarks::not_counter() const {
    annotations_.warn(
        fmt::format("this native histogram metric is not a counter: {}", quoted(metric_name_)),
        where_);
}

void HistogramRemarks::not_gauge() const {
    annotations_.warn(
        fmt::format("this native histogram metric is not a gauge: {}", quoted(metric_name_)),
        where_);
}

void HistogramRemarks::ignored_in_range() const {
    annotations_.info_about("ignored histograms in a range containing both floats and histograms",
                            metric_name_, where_);
}

void HistogramRemarks::ignored_in_aggregation(std::string_view operation) const {
    annotations_.info(fmt::format("ignored histogram in {} aggregation", operation), where_);
}

void HistogramRemarks::no_such_operation(std::string_view left, std::string_view op,
                                         std::string_view right) const {
    annotations_.info(
        fmt::format("incompatible sample types encountered for binary operator {}: {} {} {}",
                    quoted(op), left, op, right),
        where_);
}

void HistogramRemarks::incompatible_layouts(std::string_view op) const {
    annotations_.warn(
        fmt::format("incompatible bucket layout encountered for binary operator {}", op), where_);
}

void HistogramRemarks::merged(const MergeRemarks& remarks, std::string_view what) const {
    if (remarks.reset_conflict)
        annotations_.warn(fmt::format("conflicting counter resets during histogram {}", what),
                          where_);
    if (remarks.reconciled)
        annotations_.info(fmt::format("mismatched custom buckets were reconciled during {}", what),
                          where_);
}

}  // namespace kw::promql
