#include "rules/query_source.h"

#include "base/cancel.h"
#include "promql/engine.h"

namespace kw::rules {

Result<std::vector<Sample>> query_samples(promql::Engine& engine, const std::string& expr,
                                          Millis at, const CancelToken& cancel) {
    KW_TRY_ASSIGN(const promql::QueryResult result, engine.instant(expr, at, {}, cancel));
    std::vector<Sample> samples;
    switch (result.type) {
        case promql::ValueType::kScalar:
            samples.push_back({LabelSet(), result.scalar, nullptr});
            break;
        case promql::ValueType::kVector:
            samples.reserve(result.series.size());
            for (const promql::ResultSeries& series : result.series) {
                result.each_point(series, [&](Millis, double value) {
                    samples.push_back({series.labels, value, nullptr});
                });
                for (const std::shared_ptr<const Histogram>& histogram : series.histograms) {
                    if (histogram) samples.push_back({series.labels, 0, histogram});
                }
            }
            break;
        default: return invalid("rule result is not a vector or scalar");
    }
    return samples;
}

}  // namespace kw::rules
