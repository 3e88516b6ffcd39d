#include "forecast/booster.h"

#include <fmt/core.h>
#include <xgboost/c_api.h>

#include <limits>

namespace energy {
namespace {

#define ENERGY_XGB(call)                                                              \
    do {                                                                              \
        if ((call) != 0) return kw::internal_error("xgboost: {}", XGBGetLastError()); \
    } while (false)

struct Matrix {
    DMatrixHandle handle = nullptr;
    ~Matrix() {
        if (handle != nullptr) XGDMatrixFree(handle);
    }
};

kw::Result<void> fill(Matrix& matrix, std::span<const FeatureRow> rows,
                      std::span<const float> targets) {
    ENERGY_XGB(XGDMatrixCreateFromMat(rows.front().data(), rows.size(), kFeatureCount,
                                      std::numeric_limits<float>::quiet_NaN(), &matrix.handle));
    ENERGY_XGB(XGDMatrixSetFloatInfo(matrix.handle, "label", targets.data(), targets.size()));
    return {};
}

}  // namespace

struct Booster::Handle {
    BoosterHandle raw = nullptr;
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (raw != nullptr) XGBoosterFree(raw);
    }
};

kw::Result<Booster> Booster::train(std::span<const FeatureRow> rows, std::span<const float> targets,
                                   const BoosterOptions& options,
                                   const std::function<bool(int)>& on_round) {
    if (rows.empty() || rows.size() != targets.size())
        return kw::invalid("{} rows and {} targets to train on", rows.size(), targets.size());
    Matrix matrix;
    KW_TRY(fill(matrix, rows, targets));
    auto handle = std::make_shared<Handle>();
    ENERGY_XGB(XGBoosterCreate(&matrix.handle, 1, &handle->raw));
    const std::pair<const char*, std::string> parameters[] = {
        {"objective", "reg:squarederror"},
        {"tree_method", "hist"},
        {"max_bin", "64"},
        {"nthread", "1"},
        {"max_depth", std::to_string(options.depth)},
        {"eta", fmt::format("{}", options.learning_rate)},
        {"subsample", "0.7"},
        {"colsample_bytree", "0.8"},
        {"min_child_weight", "30"},
        {"seed", std::to_string(options.seed % 1'000'000)},
        {"base_score", "1"},
    };
    for (const auto& [name, value] : parameters)
        ENERGY_XGB(XGBoosterSetParam(handle->raw, name, value.c_str()));
    for (int round = 0; round < options.rounds; ++round) {
        ENERGY_XGB(XGBoosterUpdateOneIter(handle->raw, round, matrix.handle));
        if (!on_round(round + 1))
            return kw::cancelled("training stopped after {} rounds", round + 1);
    }
    return Booster(std::move(handle));
}

kw::Result<Booster> Booster::load(std::string_view bytes) {
    auto handle = std::make_shared<Handle>();
    ENERGY_XGB(XGBoosterCreate(nullptr, 0, &handle->raw));
    if (XGBoosterLoadModelFromBuffer(handle->raw, bytes.data(), bytes.size()) != 0)
        return kw::corrupt("xgboost model: {}", std::string(XGBGetLastError()).substr(0, 200));
    bst_ulong features = 0;
    ENERGY_XGB(XGBoosterGetNumFeature(handle->raw, &features));
    if (features != kFeatureCount)
        return kw::corrupt("model of {} features, want {}", features, kFeatureCount);
    ENERGY_XGB(XGBoosterSetParam(handle->raw, "nthread", "1"));
    return Booster(std::move(handle));
}

kw::Result<std::string> Booster::save() const {
    bst_ulong length = 0;
    const char* bytes = nullptr;
    ENERGY_XGB(XGBoosterSaveModelToBuffer(handle_->raw, R"({"format":"ubj"})", &length, &bytes));
    return std::string(bytes, length);
}

kw::Result<std::vector<float>> Booster::predict(std::span<const FeatureRow> rows) const {
    if (rows.empty()) return std::vector<float>{};
    const std::string array =
        fmt::format(R"({{"data":[{},true],"shape":[{},{}],"typestr":"<f4","version":3}})",
                    reinterpret_cast<uintptr_t>(rows.front().data()), rows.size(), kFeatureCount);
    constexpr const char* kConfig =
        R"({"type":0,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN,"cache_id":0})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* values = nullptr;
    ENERGY_XGB(XGBoosterPredictFromDense(handle_->raw, array.c_str(), kConfig, nullptr, &shape,
                                         &dimensions, &values));
    if (dimensions == 0 || shape[0] != rows.size())
        return kw::internal_error("xgboost answered {} dimensions for {} rows", dimensions,
                                  rows.size());
    return std::vector<float>(values, values + rows.size());
}

kw::Result<std::map<std::string, double>> Booster::importance() const {
    bst_ulong count = 0, dimensions = 0;
    const char** names = nullptr;
    const bst_ulong* shape = nullptr;
    const float* scores = nullptr;
    ENERGY_XGB(XGBoosterFeatureScore(handle_->raw, R"({"importance_type":"total_gain"})", &count,
                                     &names, &dimensions, &shape, &scores));
    std::map<std::string, double> result;
    for (const std::string_view name : kFeatureNames) result[std::string(name)] = 0;
    double total = 0;
    for (bst_ulong i = 0; i < count; ++i) total += scores[i];
    for (bst_ulong i = 0; i < count && total > 0; ++i) {
        const size_t index =
            std::stoul(std::string(names[i]).substr(1));  // "f12": names are ours to keep
        if (index < kFeatureCount) result[std::string(kFeatureNames[index])] = scores[i] / total;
    }
    return result;
}

}  // namespace energy
