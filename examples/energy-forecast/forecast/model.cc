#include "forecast/model.h"

#include <algorithm>
#include <cmath>

namespace energy {
namespace {

size_t bin_of(const DriftReference& reference, float value) {
    return static_cast<size_t>(
        std::upper_bound(reference.edges.begin(), reference.edges.end(), value) -
        reference.edges.begin());
}

std::vector<double> shares_of(const DriftReference& reference, std::span<const float> values) {
    std::vector<double> shares(reference.edges.size() + 1, 0);
    size_t count = 0;
    for (const float value : values) {
        if (std::isnan(value)) continue;
        ++shares[bin_of(reference, value)];
        ++count;
    }
    if (count == 0) return {};
    for (double& share : shares) share /= static_cast<double>(count);
    return shares;
}

}  // namespace

kw::Result<std::vector<ForecastPoint>> forecast(const Model& model, const History& history,
                                                Slot issued, std::span<const float> temperatures_c,
                                                std::vector<FeatureRow>& rows_seen) {
    if (temperatures_c.size() != kSteps)
        return kw::invalid("{} forecast temperatures, want {}", temperatures_c.size(), kSteps);
    if (history.zone >= model.metadata.scales_mw.size())
        return kw::invalid("zone {} was not trained", history.zone);
    std::vector<FeatureRow> rows;
    rows.reserve(kSteps);
    for (int step = 1; step <= kSteps; ++step)
        rows.push_back(
            feature_row(history, issued, step, temperatures_c[static_cast<size_t>(step - 1)]));
    KW_TRY_ASSIGN(const std::vector<float> means, model.booster.predict(rows));
    std::vector<ForecastPoint> points;
    points.reserve(kSteps);
    for (size_t i = 0; i < kSteps; ++i) {
        const double mean = std::max(0.0F, means[i] * baseline(rows[i])) * history.scale_mw;
        const Band& band = model.metadata.bands[i * kBands / kSteps];
        points.push_back({issued + static_cast<Slot>(i) + 1, mean, mean * (1 + band.low),
                          mean * (1 + band.high)});
    }
    rows_seen.insert(rows_seen.end(), rows.begin(), rows.end());
    return points;
}

DriftReference drift_reference(std::vector<float> values) {
    std::erase_if(values, [](float value) { return std::isnan(value); });
    DriftReference reference;
    if (values.empty()) return {{}, {1}};
    std::sort(values.begin(), values.end());
    for (size_t i = 1; i < kDriftBins; ++i) {
        const float edge = values[i * values.size() / kDriftBins];
        if (edge > values.front() && (reference.edges.empty() || edge > reference.edges.back()))
            reference.edges.push_back(edge);
    }
    reference.shares = shares_of(reference, values);
    return reference;
}

double population_stability(const DriftReference& reference, std::span<const float> values) {
    constexpr double kFloor = 1e-3;  // an empty bin would make the logarithm infinite
    const std::vector<double> now = shares_of(reference, values);
    double sum = 0;
    for (size_t i = 0; i < now.size(); ++i) {
        const double was = std::max(kFloor, reference.shares[i]), is = std::max(kFloor, now[i]);
        sum += (is - was) * std::log(is / was);
    }
    return sum;
}

}  // namespace energy
