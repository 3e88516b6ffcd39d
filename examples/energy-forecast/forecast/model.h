// A forecast model: trees for the mean, bands of residuals for the quantiles, and what drift is measured against.
//
// XGBoost 1.7 has no quantile objective. Bands of residuals on weeks that the trees have not seen cost one model
// instead of three, never cross, and are calibrated by construction: the 10th and 90th percentile of
// (actual − forecast) / forecast, for each eighth of the day ahead.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "forecast/booster.h"

namespace energy {

inline constexpr size_t kBands = 8;  // of kSteps / 8 = 6 steps each: three hours
inline constexpr size_t kDriftBins = 10;

struct Band {
    double low = 0, high = 0;  // relative residuals: quantiles 0.1 and 0.9
};

// Where a feature's values lay in training: nine edges cut them into ten equal shares (fewer where many are equal).
struct DriftReference {
    std::vector<float> edges;
    std::vector<double> shares;  // one more than edges, sum 1
};

struct ModelMetadata {
    std::string version;       // v0001, v0002, …
    std::string data_version;  // day of the newest load and a checksum of all of it
    std::string
        model_sha256;  // of model.ubj: XGBoost trusts what it reads, so a damaged file must not reach it
    int64_t trained_at_s = 0;  // simulated Unix seconds
    double training_seconds = 0;
    uint64_t rows = 0;
    bool shuffled = false;              // the "bad model version" fault: targets were shuffled
    double accuracy_percent = 0;        // 100 − mean absolute percentage error, on held-out weeks
    double naive_accuracy_percent = 0;  // of last week's load at the same time, there
    std::array<Band, kBands> bands;
    std::vector<double> scales_mw;  // by zone
    std::map<std::string, double> importance;
    std::array<DriftReference, kFeatureCount> drift;
};

struct Model {
    ModelMetadata metadata;
    Booster booster;
    uint64_t size_bytes = 0;
};

// One half-hour of a forecast.
struct ForecastPoint {
    Slot slot = 0;
    double mean_mw = 0, low_mw = 0, high_mw = 0;  // low and high: quantiles 0.1 and 0.9
};

// The 48 half-hours after `issued`. `temperatures_c` has kSteps forecast values, the first for issued + 1. The rows
// that the model saw are added to `rows_seen`, for drift.
kw::Result<std::vector<ForecastPoint>> forecast(const Model& model, const History& history,
                                                Slot issued, std::span<const float> temperatures_c,
                                                std::vector<FeatureRow>& rows_seen);

DriftReference drift_reference(std::vector<float> values);

// Population stability index of `values` against the reference: 0 the same, over 0.25 commonly called a shift.
// NaNs are left out; 0 when nothing is left.
double population_stability(const DriftReference& reference, std::span<const float> values);

}  // namespace energy
