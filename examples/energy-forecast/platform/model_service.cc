// The role `model`: inference for the API, training as a job, versions promoted and rolled back.
//
//   POST /predict          {"zone","issued","first","load":[…|null],"temperature":[…|null],"forecast":[48]}
//   POST /train            starts a training (409 while one runs); GET /train says how it stands
//   GET /models            POST /models/promote?version=v0003 · POST /models/rollback
#include "platform/model_service.h"

#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "platform/bodies.h"
#include "platform/text_file.h"

namespace energy {
namespace {

HttpResponse predict(ServingModel& serving, const HttpRequest& in, kilowatch::ScopedSpan& span) {
    kw::Result<PredictBody> request = parse_predict(in.body);
    if (!request.ok()) return error_response(request.error());
    request->history.scale_mw = serving.scale_of(request->history.zone);
    ModelMetadata served;
    const auto points =
        serving.predict(request->history, request->issued, request->temperatures_c, served);
    if (!points.ok()) return error_response(points.error());
    span.set_tags({.request_id = {},
                   .user_id = {},
                   .model_version = served.version,
                   .data_version = served.data_version,
                   .environment = {}});
    std::string list;
    for (const ForecastPoint& point : *points)
        list += fmt::format(R"({}{{"slot":{},"mean_mw":{:.1f},"low_mw":{:.1f},"high_mw":{:.1f}}})",
                            list.empty() ? "" : ",", point.slot, point.mean_mw, point.low_mw,
                            point.high_mw);
    return {200,
            "application/json",
            fmt::format(R"({{"model_version":{},"data_version":{},"points":[{}]}})",
                        json_text(served.version), json_text(served.data_version), list),
            {}};
}

// Utilisation of each graphics card whose driver tells it (amdgpu's gpu_busy_percent). Without one the series says
// so in its label, since a missing series would look like a broken exporter.
kilowatch::CollectorHandle add_gpu_metrics(kilowatch::Registry& registry) {
    return registry.add_collector([](kilowatch::CollectorSink& sink) {
        double count = 0;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator("/sys/class/drm", error)) {
            const kw::Result<std::string> busy =
                read_file(entry.path().string() + "/device/gpu_busy_percent");
            if (!busy.ok()) continue;
            ++count;
            sink.gauge("gpu_utilization_percent",
                       "Busy share of a GPU, 0 to 100; gpu=\"none\" where there is none.",
                       {{"gpu", entry.path().filename().string()}},
                       std::strtod(busy->c_str(), nullptr));
        }
        if (count == 0)
            sink.gauge("gpu_utilization_percent",
                       "Busy share of a GPU, 0 to 100; gpu=\"none\" where there is none.",
                       {{"gpu", "none"}}, 0);
        sink.gauge("gpu_devices", "GPUs of this machine whose utilisation can be read.", {}, count);
    });
}

// Plays the fault "bad-model" and trains when it is due.
class Keeper final {
 public:
    Keeper(Service& service, ServingModel& serving, TrainingJob& job, int every_days)
        : service_(service), serving_(serving), job_(job), every_(every_days * kSlotsPerDay) {}

    void step() {
        const bool bad_wanted = service_.faults().active("bad-model");
        if (bad_wanted && !bad_ && serving_.ready()) {
            good_version_ = serving_.version();
            bad_ = job_.start(true);
        }
        if (!bad_wanted && bad_ && job_.status() != TrainingJob::kRunning) {
            bad_ = false;
            if (serving_.version() == good_version_) return;  // the bad training failed
            if (const auto version = serving_.roll_back(); !version.ok())
                service_.log(kilowatch::LogLevel::kError, "roll-back failed",
                             {{"reason", version.error().message}});
        }
        const Slot now = service_.clock().now_slot();
        if (!bad_ && (!serving_.ready() || now - trained_ >= every_) &&
            job_.status() != TrainingJob::kRunning &&
            std::chrono::steady_clock::now() >= not_before_) {
            if (trained_ == 0 && serving_.ready()) {
                trained_ = now;  // a restart does not train at once
                return;
            }
            trained_ = now;
            not_before_ = std::chrono::steady_clock::now() + std::chrono::seconds(5);
            job_.start(false);
        }
    }

 private:
    Service& service_;
    ServingModel& serving_;
    TrainingJob& job_;
    Slot every_;
    Slot trained_ = 0;
    std::chrono::steady_clock::time_point not_before_{};
    bool bad_ = false;
    std::string good_version_;  // that served when the fault began
};

}  // namespace

int run_model(const RoleOptions& options, const std::atomic<bool>& stop) {
    kw::Result<Secret> secret = Secret::open(options.run_folder + "/secret");
    if (!secret.ok()) return fail(secret.error());
    kw::Result<ModelStore> store = ModelStore::open(options.run_folder + "/models");
    if (!store.ok()) return fail(store.error());
    Service service(options.service, FaultPlayer::kModel, false);
    Database database({.conninfo = conninfo_of(options, *secret),
                       .connections_max = 2,
                       .wait_max = std::chrono::seconds(1)},
                      service.metrics(), service.sdk().tracer());
    ServingModel serving(service, std::move(store).value());
    TrainingJob job(service, database, serving);
    const kilowatch::CollectorHandle gpu = add_gpu_metrics(service.metrics());

    service.route("POST", "/predict", [&](const HttpRequest& request, kilowatch::ScopedSpan& span) {
        return predict(serving, request, span);
    });
    service.route("POST", "/train", [&](const HttpRequest&, kilowatch::ScopedSpan&) {
        if (!job.start(false)) return error_response(409, "a training runs already");
        return HttpResponse{202, "application/json", job.json(), {}};
    });
    service.route("GET", "/train", [&](const HttpRequest&, kilowatch::ScopedSpan&) {
        return HttpResponse{200, "application/json", job.json(), {}};
    });
    service.route("GET", "/models", [&](const HttpRequest&, kilowatch::ScopedSpan&) {
        return HttpResponse{200, "application/json", serving.versions_json(), {}};
    });
    service.route(
        "POST", "/models/promote", [&](const HttpRequest& request, kilowatch::ScopedSpan&) {
            const kw::Result<void> done = serving.promote(request.query_or("version", ""));
            return done.ok() ? HttpResponse{200, "application/json", serving.versions_json(), {}}
                             : error_response(done.error());
        });
    service.route("POST", "/models/rollback", [&](const HttpRequest&, kilowatch::ScopedSpan&) {
        const kw::Result<std::string> done = serving.roll_back();
        return done.ok() ? HttpResponse{200, "application/json", serving.versions_json(), {}}
                         : error_response(done.error());
    });
    service.add_health_check({"model", [&] { return serving.ready(); }, true});
    service.add_health_check({"database", [&] { return database.ping(); }, false});
    if (const kw::Result<int> port = service.start(); !port.ok()) return fail(port.error());
    Keeper keeper(service, serving, job, options.train_every_days);
    while (!stop) {
        keeper.step();
        rest(stop, std::chrono::milliseconds(200));
    }
    service.stop();
    return 0;
}

}  // namespace energy
