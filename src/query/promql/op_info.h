// info(v, {selector}): adds to each series of `v` the labels of the info series (target_info unless the
// selector names others) that have the same `instance` and `job`.
//
// At each step an info metric counts with its newest sample. Labels that the series has already stay. With
// matchers on labels, only those labels are added, and a series without a matching info series goes unless all
// matchers accept an absent label. Series that are info series themselves are left alone.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#info
#pragma once

#include <memory>
#include <vector>

#include "model/matcher.h"
#include "promql/operator.h"

namespace kw::promql {

class InfoOperator final : public VectorOperator {
 public:
    // `windows`: when to look for info series, with the lookback as range.
    InfoOperator(QueryContext& context, const Windows& windows,
                 std::unique_ptr<VectorOperator> vector, std::vector<Matcher> matchers, Span where);
    Result<std::unique_ptr<SeriesStream>> open(QueryContext& context,
                                               const StepGrid& grid) const override;

 private:
    bool is_info_metric(std::string_view name) const;

    const Windows windows_;
    const std::unique_ptr<VectorOperator> vector_;
    std::vector<Matcher> name_matchers_;
    std::vector<Matcher> label_matchers_;
    size_t fetch_;
};

}  // namespace kw::promql
