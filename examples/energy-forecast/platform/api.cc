// The role `api`: forecasts, actuals, access. See api.h for its parts.
#include "platform/api.h"

#include <fmt/core.h>

namespace energy {
namespace {

constexpr Slot kForecastsKept = 4 * kSlotsPerDay;
constexpr Slot kPastKept = 60 * kSlotsPerWeek;

// Once a simulated day, what nobody will ask for any more.
class Pruner final {
 public:
    Pruner(Service& service, Database& database) : service_(service), database_(database) {}
    void step() {
        const Slot now = service_.clock().now_slot();
        if (now < next_) return;
        next_ = now + kSlotsPerDay;
        prune("prune_forecasts", "DELETE FROM forecast WHERE issued < $1", now - kForecastsKept);
        prune("prune_actuals", "DELETE FROM load_actual WHERE slot < $1", now - kPastKept);
        prune("prune_weather", "DELETE FROM weather_observation WHERE slot < $1", now - kPastKept);
        prune("prune_weather_runs", "DELETE FROM weather_forecast WHERE issued < $1",
              now - kPastKept);
    }

 private:
    void prune(const char* operation, const char* sql, Slot before) {
        const kw::Result<Rows> done = database_.query(operation, sql, {std::to_string(before)});
        if (!done.ok())
            service_.log(kilowatch::LogLevel::kWarning, "not pruned",
                         {{"operation", operation}, {"reason", done.error().message}});
    }
    Service& service_;
    Database& database_;
    Slot next_ = 0;
};

// encryption_enabled of the stores that the API talks to, and the roll-up service="all": the least of all services. The
// services themselves speak plain HTTP (service.cc), so it is 0 until TLS ends in front of each of them.
void expose_encryption(Service& service, const std::string& conninfo) {
    auto& enabled = service.metrics().gauge_family("encryption_enabled",
                                                   "1 where traffic is encrypted.", {"service"});
    const kw::Result<std::unique_ptr<Connection>> connection = Connection::open(conninfo);
    enabled.with({"database"}).set(connection.ok() && (*connection)->encrypted() ? 1 : 0);
    enabled.with({"cache"}).set(0);
    enabled.with({"all"}).set(0);
}

// A handler for those who are known.
Service::Handler known(
    Access& access,
    std::function<HttpResponse(const Principal&, const HttpRequest&, kilowatch::ScopedSpan&)>
        handler) {
    return [&access, handler = std::move(handler)](const HttpRequest& request,
                                                   kilowatch::ScopedSpan& span) {
        const kw::Result<Principal> who = access.authenticate(request, span);
        if (!who.ok())
            return who.error().code == kw::Code::kDenied ? error_response(401, who.error().message)
                                                         : error_response(who.error());
        HttpResponse response = handler(*who, request, span);
        response.headers["X-User-Id"] = who->user;  // for the gateway's spans; it goes no further
        return response;
    };
}

}  // namespace

int run_api(const RoleOptions& options, const std::atomic<bool>& stop) {
    kw::Result<Secret> opened = Secret::open(options.run_folder + "/secret");
    if (!opened.ok()) return fail(opened.error());
    const Secret& secret = *opened;
    const std::string conninfo = conninfo_of(options, secret);
    Service service(options.service, FaultPlayer::kApi, false);
    Database database(
        {.conninfo = conninfo, .connections_max = 6, .wait_max = std::chrono::seconds(1)},
        service.metrics(), service.sdk().tracer());
    Cache cache(options.ports.redis, secret.password_of("redis"), service.metrics(),
                service.sdk().tracer());
    Access access(service, database, secret);
    WeatherFeed weather(service, database, options.ports.world);
    ForecastDesk forecasts(service, database, cache, weather, options.ports.model);
    ActualsDesk actuals(service, database, access);
    ApiFaults faults(service, database, cache, conninfo);
    Pruner pruner(service, database);

    service.route("POST", "/login", [&](const HttpRequest& request, kilowatch::ScopedSpan& span) {
        return access.login(request, span);
    });
    service.route("GET", "/forecast",
                  known(access, [&](const Principal&, const HttpRequest& request,
                                    kilowatch::ScopedSpan& span) {
                      if (faults.disturb())
                          return error_response(500, "the fault 'errors' is played");
                      return forecasts.answer(request, span);
                  }));
    service.route("GET", "/actuals",
                  known(access, [&](const Principal&, const HttpRequest& request,
                                    kilowatch::ScopedSpan&) { return actuals.read(request); }));
    service.route(
        "POST", "/actuals",
        known(access, [&](const Principal& who, const HttpRequest& request,
                          kilowatch::ScopedSpan&) { return actuals.write(who, request); }));
    service.route(
        "GET", "/customers",
        known(access, [&](const Principal& who, const HttpRequest& request,
                          kilowatch::ScopedSpan&) { return access.customers(who, request); }));
    service.route("POST", "/keys",
                  known(access, [&](const Principal& who, const HttpRequest&,
                                    kilowatch::ScopedSpan&) { return access.make_key(who); }));
    service.route(
        "DELETE", "/keys",
        known(access, [&](const Principal& who, const HttpRequest& request,
                          kilowatch::ScopedSpan&) { return access.revoke_key(who, request); }));
    service.add_health_check({"database", [&] { return database.ping(); }, true});
    service.add_health_check({"cache", [&] { return cache.ping(); }, true});
    service.add_health_check({"model", [&] { return forecasts.model_alive(); }, true});
    service.add_health_check({"external_api", [&] { return weather.fresh(); }, false});
    if (const kw::Result<int> port = service.start(); !port.ok()) return fail(port.error());

    expose_encryption(service, conninfo);

    // Each of these may wait for its peer, and must not hold up the others.
    std::jthread feed([&] {
        for (; !stop; rest(stop, std::chrono::milliseconds(200))) weather.step();
    });
    std::jthread upkeep([&] {
        for (; !stop; rest(stop, std::chrono::seconds(2))) {
            (void)service.health();  // so that health_component_up is fresh at every scrape
            pruner.step();
        }
    });
    for (; !stop; rest(stop, std::chrono::milliseconds(50))) faults.step();
    service.stop();
    return 0;
}

}  // namespace energy
