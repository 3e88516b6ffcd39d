#include <fmt/core.h>

#include <algorithm>

#include "platform/model_service.h"

namespace energy {
namespace {

// What drift is measured on: every eighth half-hour of the forecasts of a day, of all zones. Less would not have all
// hours in it, and differ from the training by that alone.
constexpr size_t kSeenEvery = 8;
constexpr size_t kInputsSeen = 4 * kSlotsPerDay * kSteps / kSeenEvery;
constexpr char kModelName[] = "load";

// Calendar, weather and means of a day move with the season: a training of weeks never has today's. These should not.
bool drifts(std::string_view feature) {
    return feature == "temperature_change" || feature == "load_same_time" ||
           feature == "load_last_week" || feature == "load_latest_week_ratio";
}

}  // namespace

ServingModel::ServingModel(Service& service, ModelStore store)
    : service_(service),
      store_(std::move(store)),
      seconds_(service.metrics().histogram_family(
          "model_inference_duration_seconds", "Time of one inference of 48 half-hours.",
          {"model_version"},
          {.bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1},
           .native = kilowatch::NativeOptions{}})),
      count_(service.metrics().counter_family("model_inference_total", "Inferences.",
                                              {"model_version", "status"})),
      batch_(service.metrics().histogram(
          "model_inference_batch_size", "Half-hours of one inference.",
          {.bounds = {1, 12, 24, 48, 96, 192}, .native = std::nullopt})),
      info_(service.metrics().gauge_family("model_version_info", "1 for the version that serves.",
                                           {"model", "version", "data_version"})),
      size_(service.metrics().gauge_family("model_size_bytes", "Size of a version on disk.",
                                           {"model", "version"})),
      importance_(service.metrics().gauge_family(
          "model_feature_importance",
          "Share of the total gain; the features of a version sum to 1.",
          {"model", "model_version", "feature"})),
      drift_(service.metrics().gauge_family("model_drift_score",
                                            "Population stability index of recent inputs against "
                                            "the training's; over 0.25 is a shift.",
                                            {"model", "feature", "method"})),
      promotions_(service.metrics().counter_family(
          "model_promotions_total", "Changes of the version that serves.", {"kind"})) {
    promotions_.with({"promote"});
    promotions_.with({"rollback"});
    for (const std::string_view feature : kFeatureNames)
        if (drifts(feature)) drift_.with({kModelName, feature, "psi"});
    if (const std::string version = store_.promoted(); !version.empty()) {
        if (const kw::Result<void> served = serve(version); !served.ok())
            service_.log(kilowatch::LogLevel::kError, "the promoted version cannot be loaded",
                         {{"model_version", version}, {"reason", served.error().message}});
    }
}

bool ServingModel::ready() const {
    const std::scoped_lock lock(mutex_);
    return model_ != nullptr;
}

std::string ServingModel::version() const {
    const std::scoped_lock lock(mutex_);
    return model_ ? model_->metadata.version : "";
}

double ServingModel::promoted_accuracy() const {
    const std::scoped_lock lock(mutex_);
    return model_ ? model_->metadata.accuracy_percent : 0;
}

double ServingModel::scale_of(size_t zone) const {
    const std::scoped_lock lock(mutex_);
    return model_ && zone < model_->metadata.scales_mw.size() ? model_->metadata.scales_mw[zone]
                                                              : 1;
}

// A function of its own in every build, so that profiles by address show it too.
[[gnu::noinline]]
kw::Result<std::vector<ForecastPoint>> model_inference(const Model& model, const History& history,
                                                       Slot issued,
                                                       std::span<const float> temperatures_c,
                                                       std::vector<FeatureRow>& rows) {
    KW_PROFILE_CPU("model_inference");
    return forecast(model, history, issued, temperatures_c, rows);
}

kw::Result<std::vector<ForecastPoint>> ServingModel::predict(const History& history, Slot issued,
                                                             std::span<const float> temperatures_c,
                                                             ModelMetadata& served) {
    std::shared_ptr<Model> model;
    {
        const std::scoped_lock lock(mutex_);
        model = model_;
    }
    if (!model) return kw::unavailable("no model is promoted yet; the first is being trained");
    served = model->metadata;
    kilowatch::ScopedSpan span = service_.sdk().tracer().start_scoped("model_inference");
    std::vector<FeatureRow> rows;
    const auto start = std::chrono::steady_clock::now();
    kw::Result<std::vector<ForecastPoint>> points = [&] {
        const std::scoped_lock lock(predict_mutex_);
        return model_inference(*model, history, issued, temperatures_c, rows);
    }();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    seconds_.with({served.version}).observe(seconds);
    count_.with({served.version, points.ok() ? "ok" : "error"}).increment();
    batch_.observe(static_cast<double>(temperatures_c.size()));
    if (!points.ok()) return points;
    const std::scoped_lock lock(mutex_);
    for (size_t i = 0; i < rows.size(); i += kSeenEvery) seen_.push_back(rows[i]);
    while (seen_.size() > kInputsSeen) seen_.pop_front();
    expose_drift();
    return points;
}

void ServingModel::expose_drift() {
    if (!model_ || seen_.size() < kInputsSeen / 4) return;
    std::vector<float> values(seen_.size());
    for (size_t feature = 0; feature < kFeatureCount; ++feature) {
        if (!drifts(kFeatureNames[feature])) continue;
        std::transform(seen_.begin(), seen_.end(), values.begin(),
                       [&](const FeatureRow& row) { return row[feature]; });
        drift_.with({kModelName, kFeatureNames[feature], "psi"})
            .set(population_stability(model_->metadata.drift[feature], values));
    }
}

kw::Result<std::string> ServingModel::add(Model model) {
    const std::scoped_lock lock(mutex_);
    KW_TRY_ASSIGN(const Model kept, store_.add(std::move(model)));
    size_.with({kModelName, kept.metadata.version}).set(static_cast<double>(kept.size_bytes));
    return kept.metadata.version;
}

void ServingModel::expose(const Model& model) {
    const ModelMetadata& metadata = model.metadata;
    if (!shown_version_.empty() &&
        shown_version_ != metadata.version) {  // an info series ends with its version
        info_.remove({kModelName, shown_version_, shown_data_version_});
        for (const std::string_view feature : kFeatureNames)
            importance_.remove({kModelName, shown_version_, feature});
    }
    info_.with({kModelName, metadata.version, metadata.data_version}).set(1);
    size_.with({kModelName, metadata.version}).set(static_cast<double>(model.size_bytes));
    for (const auto& [feature, share] : metadata.importance)
        importance_.with({kModelName, metadata.version, feature}).set(share);
    count_.with({metadata.version, "ok"});
    count_.with({metadata.version, "error"});
    seconds_.with({metadata.version});
    shown_version_ = metadata.version;
    shown_data_version_ = metadata.data_version;
    service_.set_versions(metadata.version, metadata.data_version);
}

kw::Result<void> ServingModel::serve(const std::string& version) {
    KW_TRY_ASSIGN(Model model, store_.load(version));
    model_ = std::make_shared<Model>(std::move(model));
    seen_.clear();
    expose(*model_);
    return {};
}

kw::Result<void> ServingModel::promote(const std::string& version) {
    const std::scoped_lock lock(mutex_);
    if (kw::Result<Model> model = store_.load(version); !model.ok())
        return std::move(model).error();
    KW_TRY(store_.promote(version));
    promotions_.with({"promote"}).increment();
    service_.log(kilowatch::LogLevel::kInfo, "model version promoted",
                 {{"model_version", version}});
    return serve(version);
}

kw::Result<std::string> ServingModel::roll_back() {
    const std::scoped_lock lock(mutex_);
    KW_TRY_ASSIGN(const std::string version, store_.roll_back());
    promotions_.with({"rollback"}).increment();
    service_.log(kilowatch::LogLevel::kWarning, "model version rolled back",
                 {{"model_version", version}});
    KW_TRY(serve(version));
    return version;
}

std::string ServingModel::versions_json() const {
    const std::scoped_lock lock(mutex_);
    std::string list;
    for (const std::string& version : store_.versions())
        list += (list.empty() ? "" : ",") + json_text(version);
    return fmt::format(R"({{"promoted":{},"versions":[{}]}})", json_text(store_.promoted()), list);
}

}  // namespace energy
