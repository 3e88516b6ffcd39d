// The model service's parts: what serves (ServingModel) and what trains (TrainingJob). The role itself is in
// model_service.cc.
#pragma once

#include <condition_variable>
#include <deque>
#include <optional>
#include <thread>

#include "forecast/model_store.h"
#include "forecast/trainer.h"
#include "platform/database.h"
#include "platform/roles.h"

namespace energy {

// The promoted model and the metrics that describe it. Threads: all.
class ServingModel final {
 public:
    ServingModel(Service& service, ModelStore store);

    bool ready() const;
    std::string version() const;
    // 48 points, or kUnavailable while nothing is promoted. Tags the span with the versions.
    kw::Result<std::vector<ForecastPoint>> predict(const History& history, Slot issued,
                                                   std::span<const float> temperatures_c,
                                                   ModelMetadata& served);
    kw::Result<std::string> add(Model model);  // gives the version
    kw::Result<void> promote(const std::string& version);
    kw::Result<std::string> roll_back();
    std::string versions_json() const;
    double promoted_accuracy() const;  // on its held-out week; 0 while nothing is promoted
    double scale_of(size_t zone) const;

 private:
    kw::Result<void> serve(const std::string& version);
    void expose(const Model& model);
    void expose_drift();

    Service& service_;
    mutable std::mutex mutex_;
    ModelStore store_;
    std::shared_ptr<Model> model_;
    std::deque<FeatureRow> seen_;  // the newest inputs, for drift
    std::mutex predict_mutex_;     // a booster works for one at a time
    kilowatch::HistogramFamily& seconds_;
    kilowatch::CounterFamily& count_;
    kilowatch::Histogram& batch_;
    kilowatch::GaugeFamily& info_;
    kilowatch::GaugeFamily& size_;
    kilowatch::GaugeFamily& importance_;
    kilowatch::GaugeFamily& drift_;
    kilowatch::CounterFamily& promotions_;
    std::string shown_version_, shown_data_version_;
};

// One training at a time, on a thread of its own.
class TrainingJob final {
 public:
    // The states of model_training_status.
    enum Status { kIdle = 0, kRunning = 1, kSucceeded = 2, kFailed = 3 };

    TrainingJob(Service& service, Database& database, ServingModel& serving);
    ~TrainingJob();  // stops a running one

    // False: one runs already. `bad`: shuffled targets, few rounds, and promoted whatever it is worth.
    bool start(bool bad);
    Status status() const { return static_cast<Status>(status_.load()); }
    std::string json() const;

 private:
    kw::Result<void> run(bool bad);
    Service& service_;
    Database& database_;
    ServingModel& serving_;
    std::atomic<int> status_{kIdle};
    std::atomic<bool> cancel_{false};
    mutable std::mutex mutex_;
    std::string reason_, version_;
    double seconds_ = 0;
    uint64_t rows_ = 0;
    std::jthread thread_;
    kilowatch::Gauge& shown_status_;
    kilowatch::GaugeFamily& shown_seconds_;
    kilowatch::Gauge& shown_memory_;
    kilowatch::CounterFamily& runs_;
};

}  // namespace energy
