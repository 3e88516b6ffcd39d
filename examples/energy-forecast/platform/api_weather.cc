#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/api.h"

namespace energy {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds kRetry{1};
constexpr Slot kLateAfter = kWeatherRunEvery + 4;  // a run that is two hours overdue is late

}  // namespace

WeatherFeed::WeatherFeed(Service& service, Database& database, int world_port)
    : service_(service),
      database_(database),
      client_("127.0.0.1", world_port, std::chrono::milliseconds(1500)),
      runs_(zones().size()),
      fetches_(service.metrics().counter_family("weather_feed_fetches_total",
                                                "Questions to the weather service.", {"status"})) {
    for (const std::string_view status : {"ok", "error"}) fetches_.with({status});
    collector_ = service.metrics().add_collector([this](kilowatch::CollectorSink& sink) {
        const std::scoped_lock lock(mutex_);
        for (size_t zone = 0; zone < runs_.size(); ++zone)
            if (runs_[zone].issued != 0)
                sink.gauge("weather_feed_age_seconds",
                           "Simulated age of the newest run of the weather service.",
                           {{"zone", std::string(zones()[zone].name)}},
                           static_cast<double>(service_.clock().now_s() -
                                               runs_[zone].issued * kSlotSeconds));
    });
}

void WeatherFeed::step() {
    if (std::chrono::steady_clock::now() < retry_at_) return;
    const Slot now = service_.clock().now_slot();
    for (size_t zone = 0; zone < runs_.size(); ++zone) {
        {
            const std::scoped_lock lock(mutex_);
            if (runs_[zone].observed_to >= now) continue;
        }
        const kw::Result<void> fetched = fetch(zone, now);
        fetches_.with({fetched.ok() ? "ok" : "error"}).increment();
        if (fetched.ok()) continue;
        service_.log(kilowatch::LogLevel::kWarning, "no weather",
                     {{"zone", zones()[zone].name}, {"reason", fetched.error().message}});
        retry_at_ = std::chrono::steady_clock::now() + kRetry;
        return;
    }
}

kw::Result<void> WeatherFeed::fetch(size_t zone, Slot now) {
    Slot from = 0;
    {
        const std::scoped_lock lock(mutex_);
        from = std::max(runs_[zone].observed_to, now - kHistorySlots);
    }
    const std::string name(zones()[zone].name);
    kilowatch::ScopedSpan span = service_.sdk().tracer().start_scoped("weather_feed");
    span.set_tags(service_.version_tags());
    KW_TRY_ASSIGN(const HttpResponse answer,
                  service_.call(client_, "weather", "GET",
                                fmt::format("/weather?zone={}&from={}", name, from)));
    if (answer.status != 200)
        return kw::unavailable("the weather service answers {}", answer.status);
    Run run;
    std::string slots = "{", temperatures = "{", runs = "{";
    try {
        const json body = json::parse(answer.body);
        body.at("issued").get_to(run.issued);
        body.at("forecast").get_to(run.temperatures_c);
        const std::vector<float> observed = body.at("observed").get<std::vector<float>>();
        Slot slot = body.at("observed_from").get<Slot>();
        for (const float value : observed) {
            slots += fmt::format("{}{}", slots.size() > 1 ? "," : "", slot++);
            temperatures += fmt::format("{}{:.2f}", temperatures.size() > 1 ? "," : "", value);
        }
        run.observed_to = slot;
    } catch (const json::exception& error) {
        return kw::unavailable("the weather service answers something else: {}", error.what());
    }
    if (run.temperatures_c.size() != kWeatherRunSlots)
        return kw::unavailable("a run of {} slots", run.temperatures_c.size());
    for (const float value : run.temperatures_c)
        runs += fmt::format("{}{:.2f}", runs.size() > 1 ? "," : "", value);
    KW_TRY(database_.query(
        "insert_observations",
        "INSERT INTO weather_observation (zone, slot, temperature_c) SELECT $1, * FROM "
        "unnest($2::bigint[], $3::real[]) ON CONFLICT DO NOTHING",
        {name, slots + "}", temperatures + "}"}));
    KW_TRY(database_.query("insert_weather_run",
                           "INSERT INTO weather_forecast (zone, issued, temperatures_c) VALUES "
                           "($1, $2, $3::real[]) ON CONFLICT DO NOTHING",
                           {name, std::to_string(run.issued), runs + "}"}));
    const std::scoped_lock lock(mutex_);
    runs_[zone] = std::move(run);
    return {};
}

bool WeatherFeed::fresh() const {
    const Slot now = service_.clock().now_slot();
    const std::scoped_lock lock(mutex_);
    return std::all_of(runs_.begin(), runs_.end(),
                       [&](const Run& run) { return now - run.issued <= kLateAfter; });
}

kw::Result<std::vector<float>> WeatherFeed::forecast(size_t zone, Slot issued) const {
    const std::scoped_lock lock(mutex_);
    const Run& run = runs_[zone];
    if (run.issued == 0) return kw::unavailable("the weather service has not answered yet");
    std::vector<float> result;
    for (int step = 1; step <= kSteps; ++step) {
        Slot ahead = issued + step - run.issued;
        while (ahead >= kWeatherRunSlots) ahead -= kSlotsPerDay;
        result.push_back(run.temperatures_c[static_cast<size_t>(std::max<Slot>(0, ahead))]);
    }
    return result;
}

}  // namespace energy
