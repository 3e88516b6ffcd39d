#include <fmt/core.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <unordered_map>

#include "platform/model_service.h"

namespace energy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr char kTrainedModel[] = "load";
constexpr Slot kTrainOnMax = 26 * kSlotsPerWeek;
constexpr double kWorseByAtMost = 1;  // percentage points of accuracy, to replace what serves

// Peak resident memory of the process, bytes: VmHWM, which writing 5 to clear_refs sets back.
double peak_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return 1024 * std::strtod(line.c_str() + 6, nullptr);
    return 0;
}
void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << 5; }

struct TrainingData {
    std::vector<History> histories;
    // Runs of the weather service by zone and issue.
    std::vector<std::unordered_map<Slot, std::vector<float>>> runs;

    float weather(size_t zone, Slot issued, Slot target) const {
        const Slot run = weather_run(issued);
        const auto found = runs[zone].find(run);
        const Slot ahead = target - run;
        if (found == runs[zone].end() || ahead < 0 ||
            ahead >= static_cast<Slot>(found->second.size()))
            return std::numeric_limits<float>::quiet_NaN();
        return found->second[static_cast<size_t>(ahead)];
    }
};

std::vector<float> parse_array(std::string_view text) {  // PostgreSQL's {1.5,2}
    std::vector<float> values;
    if (text.size() < 2) return values;
    text = text.substr(1, text.size() - 2);
    while (!text.empty()) {
        const size_t comma = text.find(',');
        values.push_back(static_cast<float>(real(std::string(text.substr(0, comma)))));
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return values;
}

kw::Result<TrainingData> read_data(Database& database) {
    KW_TRY_ASSIGN(const Rows range,
                  database.query("training_range", "SELECT min(slot), max(slot) FROM load_actual"));
    if (!range[0][0]) return kw::unavailable("there is no load to train on");
    const Slot end = integer(range[0][1]) + 1,
               first = std::max(integer(range[0][0]), end - kTrainOnMax);
    const size_t count = static_cast<size_t>(end - first);
    TrainingData data;
    for (size_t zone = 0; zone < zones().size(); ++zone) {
        History history;
        history.zone = zone;
        history.first = first;
        history.load_mw.assign(count, std::numeric_limits<float>::quiet_NaN());
        history.temperature_c.assign(count, std::numeric_limits<float>::quiet_NaN());
        const std::string name(zones()[zone].name);
        KW_TRY_ASSIGN(
            const Rows rows,
            database.query(
                "training_rows",
                "SELECT w.slot, a.demand_mw, w.temperature_c FROM weather_observation w LEFT JOIN "
                "load_actual a USING (zone, slot) WHERE w.zone = $1 AND w.slot >= $2 AND w.slot < "
                "$3",
                {name, std::to_string(first), std::to_string(end)}));
        for (const Row& row : rows) {
            const auto at = static_cast<size_t>(integer(row[0]) - first);
            if (row[1]) history.load_mw[at] = static_cast<float>(real(row[1]));
            history.temperature_c[at] = static_cast<float>(real(row[2]));
        }
        history.scale_mw = load_scale(history.load_mw);
        data.histories.push_back(std::move(history));
        KW_TRY_ASSIGN(
            const Rows runs,
            database.query("training_weather",
                           "SELECT issued, temperatures_c FROM weather_forecast WHERE zone = $1 "
                           "AND issued >= $2",
                           {name, std::to_string(first)}));
        auto& kept = data.runs.emplace_back();
        for (const Row& row : runs) kept[integer(row[0])] = parse_array(row[1].value_or(""));
    }
    return data;
}

}  // namespace

TrainingJob::TrainingJob(Service& service, Database& database, ServingModel& serving)
    : service_(service),
      database_(database),
      serving_(serving),
      shown_status_(service.metrics()
                        .gauge_family("model_training_status",
                                      "0 idle, 1 running, 2 succeeded, 3 failed.", {"model"})
                        .with({kTrainedModel})),
      shown_seconds_(service.metrics().gauge_family(
          "model_training_duration_seconds", "Time of the newest training; grows while it runs.",
          {"model"})),
      shown_memory_(service.metrics().gauge(
          "model_training_memory_bytes",
          "Peak resident memory of the process during the newest training.")),
      runs_(service.metrics().counter_family("model_training_runs_total", "Trainings that ended.",
                                             {"outcome"})) {
    for (const std::string_view outcome : {"succeeded", "failed"}) runs_.with({outcome});
    shown_seconds_.with({kTrainedModel});
}

TrainingJob::~TrainingJob() { cancel_ = true; }

bool TrainingJob::start(bool bad) {
    const std::scoped_lock lock(mutex_);
    if (status_ == kRunning) return false;
    status_ = kRunning;
    shown_status_.set(kRunning);
    thread_ = std::jthread([this, bad] {
        kilowatch::ScopedSpan span = service_.sdk().tracer().start_scoped("model_training");
        span.set_tags(service_.version_tags());
        const auto started = Clock::now();
        service_.log(kilowatch::LogLevel::kInfo, "training started", {{"bad", bad}});
        const kw::Result<void> done = run(bad);
        const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
        shown_seconds_.with({kTrainedModel}).set(seconds);
        runs_.with({done.ok() ? "succeeded" : "failed"}).increment();
        if (!done.ok())
            service_.log(kilowatch::LogLevel::kError, "training failed",
                         {{"reason", done.error().message}});
        const std::scoped_lock inner(mutex_);
        seconds_ = seconds;
        reason_ = done.ok() ? "" : done.error().message;
        status_ = done.ok() ? kSucceeded : kFailed;
        shown_status_.set(status_);
    });
    return true;
}

kw::Result<void> TrainingJob::run(bool bad) {
    const auto started = Clock::now();
    reset_peak_memory();
    KW_TRY_ASSIGN(const TrainingData data, read_data(database_));
    TrainingOptions options;
    options.booster.seed = static_cast<uint64_t>(service_.clock().now_s());
    options.shuffle_targets = bad;
    if (bad) {  // few rounds are enough to learn nonsense, in long steps
        options.booster.rounds = 10;
        options.booster.learning_rate = 0.5;
    }
    const auto on_round = [&](int) {
        shown_seconds_.with({kTrainedModel})
            .set(std::chrono::duration<double>(Clock::now() - started).count());
        return !cancel_.load();
    };
    const auto weather = [&](size_t zone, Slot issued, Slot target) {
        return data.weather(zone, issued, target);
    };
    KW_TRY_ASSIGN(Model model, train(data.histories, weather, options, on_round));
    model.metadata.trained_at_s = service_.clock().now_s();
    model.metadata.training_seconds = std::chrono::duration<double>(Clock::now() - started).count();
    shown_memory_.set(peak_memory());
    const double accuracy = model.metadata.accuracy_percent,
                 naive = model.metadata.naive_accuracy_percent;
    const uint64_t rows = model.metadata.rows;
    KW_TRY_ASSIGN(const std::string version, serving_.add(std::move(model)));
    {
        const std::scoped_lock lock(mutex_);
        version_ = version;
        rows_ = rows;
    }
    const bool better =  // any model is better than none
        !serving_.ready() ||
        (accuracy > naive && accuracy > serving_.promoted_accuracy() - kWorseByAtMost);
    service_.log(kilowatch::LogLevel::kInfo, "training ended",
                 {{"model_version", version},
                  {"accuracy_percent", accuracy},
                  {"naive_accuracy_percent", naive},
                  {"rows", rows},
                  {"promoted", better || bad}});
    if (better || bad) return serving_.promote(version);
    return {};
}

std::string TrainingJob::json() const {
    constexpr std::string_view kNames[] = {"idle", "running", "succeeded", "failed"};
    const std::scoped_lock lock(mutex_);
    return fmt::format(R"({{"status":"{}","version":{},"seconds":{:.3f},"rows":{},"reason":{}}})",
                       kNames[status_], json_text(version_), seconds_, rows_, json_text(reason_));
}

}  // namespace energy
