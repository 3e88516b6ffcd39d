// The API's parts; the role that joins them is in api.cc.
//   Access        who asks: logins, tokens, API keys; audit entries; what looks suspicious   api_access.cc
//   WeatherFeed   what the weather service says, and how old it is                           api_weather.cc
//   ForecastDesk  forecasts from the cache, the database or the model                        api_forecast.cc
//   ActualsDesk   metered load in and out, and how good the forecasts were                   api_actuals.cc
//   FaultPlayer   the API's faults on command                                                api_faults.cc
#pragma once

#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "forecast/features.h"
#include "platform/cache.h"
#include "platform/database.h"
#include "platform/roles.h"

namespace energy {

struct Principal {
    std::string user;
    std::string role;
    std::string zone;
};

class Access final {
 public:
    Access(Service& service, Database& database, const Secret& secret);

    // By `authorization: Bearer TOKEN` or `x-api-key`. Errors: kDenied (neither is valid; answered with 401),
    // kUnavailable. Tags the span with the user.
    kw::Result<Principal> authenticate(const HttpRequest& request, kilowatch::ScopedSpan& span);
    HttpResponse login(const HttpRequest& request, kilowatch::ScopedSpan& span);
    HttpResponse make_key(const Principal& who);
    HttpResponse revoke_key(const Principal& who, const HttpRequest& request);
    // Customers' data of a zone: sensitive, for analysts and operators.
    HttpResponse customers(const Principal& who, const HttpRequest& request);

    void count_access(std::string_view type) { data_access_.with({type}).increment(); }
    void audit(const std::string& actor, const std::string& action, const std::string& object,
               const std::string& outcome);

 private:
    struct Known {
        Principal principal;
        std::chrono::steady_clock::time_point until;
    };
    using Failures = std::deque<std::chrono::steady_clock::time_point>;
    kw::Result<Principal> by_key(const std::string& key);
    kw::Result<Principal> by_token(std::string_view token);
    kw::Result<Principal> look_up(const std::string& cache_key, const char* sql,
                                  const std::string& parameter);
    void suspect(std::string_view reason, const std::string& user);
    size_t count_failure(const std::string& user);  // of the last minute
    size_t failures(const std::string& user);
    void see(const std::string& user);

    Service& service_;
    Database& database_;
    const Secret& secret_;
    std::mutex mutex_;
    std::map<std::string, Known> known_;
    std::map<std::string, Failures> failures_;
    std::map<std::string, std::chrono::steady_clock::time_point> seen_;
    kilowatch::Counter& login_failed_;
    kilowatch::Counter& login_succeeded_;
    kilowatch::CounterFamily& key_requests_;
    kilowatch::CounterFamily& security_;
    kilowatch::CounterFamily& data_access_;
    kilowatch::CounterFamily& audit_events_;
    kilowatch::CollectorHandle collector_;
};

class WeatherFeed final {
 public:
    WeatherFeed(Service& service, Database& database, int world_port);
    // Asks for what is new; to be called often, from one thread.
    void step();
    bool fresh() const;  // the newest runs are no older than they should be
    // The 48 temperatures after `issued`, from the newest run that is known. Where the run ends before, its last
    // day is repeated. Errors: kUnavailable before the first run.
    kw::Result<std::vector<float>> forecast(size_t zone, Slot issued) const;

 private:
    struct Run {
        Slot issued = 0;
        std::vector<float> temperatures_c;
        Slot observed_to = 0;  // the slot after the newest observation stored
    };
    kw::Result<void> fetch(size_t zone, Slot now);
    Service& service_;
    Database& database_;
    HttpClient client_;
    mutable std::mutex mutex_;
    std::vector<Run> runs_;  // by zone
    std::chrono::steady_clock::time_point retry_at_{};
    kilowatch::CounterFamily& fetches_;
    kilowatch::CollectorHandle collector_;
};

class ForecastDesk final {
 public:
    ForecastDesk(Service& service, Database& database, Cache& cache, const WeatherFeed& weather,
                 int model_port);
    // GET /forecast?zone=&horizon=
    HttpResponse answer(const HttpRequest& request, kilowatch::ScopedSpan& span);
    bool model_alive();

 private:
    struct Forecast {
        std::string model_version, data_version;
        Slot issued = 0;
        std::vector<std::array<double, 3>> points;  // mean, low, high; the first for issued + 1
        bool stale = false;
    };
    kw::Result<Forecast> find(size_t zone, Slot issued, const char*& source);
    std::optional<Forecast> from_cache(size_t zone, Slot issued);
    kw::Result<std::optional<Forecast>> from_database(size_t zone, Slot from, Slot to);
    kw::Result<Forecast> from_model(size_t zone, Slot issued);
    void store(size_t zone, const Forecast& forecast);
    static std::string to_text(const Forecast& forecast);

    Service& service_;
    Database& database_;
    Cache& cache_;
    const WeatherFeed& weather_;
    HttpClient model_;
    HttpClient model_probe_;
    std::vector<std::mutex>
        zone_mutexes_;  // one inference a zone at a time: the rest wait and find it cached
    kilowatch::CounterFamily& sources_;
};

class ActualsDesk final {
 public:
    ActualsDesk(Service& service, Database& database, Access& access);
    HttpResponse read(const HttpRequest& request);  // GET /actuals?zone=&from=&to=
    HttpResponse write(const Principal& who, const HttpRequest& request);  // POST /actuals

 private:
    // |error| / actual of the forecasts of a slot, for a short and a long horizon.
    kw::Result<void> score(const std::string& zone, Slot slot, double actual_mw);
    Service& service_;
    Database& database_;
    Access& access_;
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::deque<double>>
        errors_;  // (zone, horizon) → newest
    kilowatch::GaugeFamily& accuracy_;
    kilowatch::CounterFamily& received_;
    kilowatch::GaugeFamily& newest_;
};

class ApiFaults final {
 public:
    ApiFaults(Service& service, Database& database, Cache& cache, std::string conninfo);
    // Before an answer: waits (latency); true where the request is to fail (errors).
    bool disturb();
    void step();  // every 50 ms, from one thread

 private:
    void grow_memory(bool on);
    void burn(bool on);
    void hold_lock(bool on);
    void hold_pool(bool on);
    void measure_locks();
    Service& service_;
    Database& database_;
    Cache& cache_;
    std::string conninfo_;
    std::vector<std::unique_ptr<char[]>> ballast_;
    std::optional<std::jthread> burner_;
    std::unique_ptr<Connection> locker_;
    std::chrono::steady_clock::time_point lock_turn_{}, grow_turn_{}, flush_turn_{},
        measure_turn_{};
    bool locked_ = false;
    std::vector<Database::Lease> held_;
    std::unique_ptr<Connection> watcher_;
    std::atomic<uint64_t> turn_{0};
    kilowatch::Gauge& lock_waiters_;
};

HttpResponse unknown_zone(std::string_view zone);

}  // namespace energy
