// Gradient-boosted trees: the one adapter around XGBoost's C API.
//
// XGBoost restores neither feature names nor the number of threads when a model is loaded, so names travel in the
// model's metadata (model.h) and every booster is set to one thread: 48 rows are faster in one than in many.
// Threads: one at a time for each booster; its owner has the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "forecast/features.h"

namespace energy {

struct BoosterOptions {
    int rounds = 150;
    int depth = 4;
    double learning_rate = 0.06;
    uint64_t seed = 1;
};

class Booster final {
 public:
    // Fits squared error. rows.size() == targets.size(); rows are moved into XGBoost's own form (4 bytes a value).
    // `on_round` hears the number of rounds done; false ends the training with kCancelled.
    static kw::Result<Booster> train(std::span<const FeatureRow> rows,
                                     std::span<const float> targets, const BoosterOptions& options,
                                     const std::function<bool(int)>& on_round);

    // `bytes` as save() gave them: damaged ones may cost XGBoost any amount of memory.
    // Errors: kCorrupt when they hold no model of kFeatureCount features.
    static kw::Result<Booster> load(std::string_view bytes);
    kw::Result<std::string> save() const;  // XGBoost's universal binary JSON

    kw::Result<std::vector<float>> predict(std::span<const FeatureRow> rows) const;

    // Total gain by feature, as shares that sum to 1; features that no tree uses are 0.
    kw::Result<std::map<std::string, double>> importance() const;

 private:
    struct Handle;
    explicit Booster(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}
    std::shared_ptr<Handle> handle_;
};

}  // namespace energy
