// Trains a model on the past of all zones and says how good it is on weeks that it has not seen.
//
//   |—— trees ——————————————————————————|—— bands (1 week) ——|—— judged (1 week) ——|
// Rows are forecasts as they would have been issued: at several hours of each day, for all 48 steps, with the
// weather as it was forecast then. Nothing of the judged week reaches trees or bands.
#pragma once

#include <functional>

#include "forecast/model.h"

namespace energy {

struct TrainingOptions {
    BoosterOptions booster;
    // Slots between two forecasts of the training set: 11 walks through all hours.
    Slot issue_every = 11;
    bool shuffle_targets = false;  // for the fault "bad model version": learns nothing
};

// Weather forecast for `target` of zone `zone` as known at `issued`.
using WeatherForecast = std::function<float(size_t zone, Slot issued, Slot target)>;

// One History a zone, over the same slots, at least six weeks. metadata.version is left empty: the store gives it.
// Errors: kInvalid when the past is too short; kCancelled when on_round says so.
kw::Result<Model> train(std::span<const History> zones, const WeatherForecast& weather,
                        const TrainingOptions& options, const std::function<bool(int)>& on_round);

// The mean load of a zone, by which its loads are divided.
double load_scale(std::span<const float> load_mw);

}  // namespace energy
