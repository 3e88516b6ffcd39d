// The role `world`: everybody outside the platform. It is the weather service (GET /weather), the meter operators
// that post readings late and revise them, and the users who ask through the gateway as their day goes.
#include <fmt/core.h>

#include <cmath>
#include <thread>

#include "forecast/features.h"
#include "platform/roles.h"

namespace energy {
namespace {

constexpr int kUserThreads = 3;
constexpr float kDriftDegrees = 12;
constexpr Slot kReadingsBack = 60;  // the latest revision comes 4 + 48 slots after its slot

class Outside final {
 public:
    Outside(Service& service, const World& world, const Secret& secret, const RoleOptions& options)
        : service_(service),
          world_(world),
          secret_(secret),
          rate_(options.requests_per_second),
          seed_(options.seed),
          gateway_("127.0.0.1", options.ports.gateway, std::chrono::milliseconds(6000)),
          users_(demo_users()),
          sent_(service.metrics().counter_family(
              "user_requests_total", "Requests of the simulated users.", {"action", "status"})) {
        delivered_to_ = service.clock().now_slot();
    }

    HttpResponse weather(const HttpRequest& request);
    void deliver_readings();             // from one thread
    void act(uint64_t turn);             // one user's request
    void misbehave(uint64_t turn);       // what a fault asks for, several times a second
    double requests_per_second() const;  // now, of all users

 private:
    const DemoUser& user_of(size_t zone, int index) const {
        return users_[zone * 10 + static_cast<size_t>(index)];
    }
    int call(std::string_view action, const std::string& method, const std::string& target,
             const std::string& body, std::map<std::string, std::string> headers,
             const std::string& user);
    int with_key(std::string_view action, const DemoUser& user, const std::string& target) {
        return call(action, "GET", target, "", {{"X-Api-Key", secret_.api_key_of(user.name)}},
                    user.name);
    }
    int log_in(std::string_view action, const std::string& user, const std::string& password) {
        return call(action, "POST", "/login",
                    fmt::format(R"({{"user":"{}","password":"{}"}})", user, password), {}, "");
    }

    Service& service_;
    const World& world_;
    const Secret& secret_;
    const double rate_;
    const uint64_t seed_;
    const HttpClient gateway_;
    const std::vector<DemoUser> users_;
    Slot delivered_to_ = 0;
    std::atomic<Slot> frozen_run_{0};
    kilowatch::CounterFamily& sent_;
};

HttpResponse Outside::weather(const HttpRequest& request) {
    const std::optional<size_t> zone = zone_index(request.query_or("zone", ""));
    if (!zone) return error_response(400, "zone: there is none of that name");
    const Slot now = service_.clock().now_slot();
    const Slot from =
        std::max<Slot>(now - kHistorySlots, std::atoll(request.query_or("from", "0").c_str()));
    Slot run = weather_run(now);
    if (service_.faults().active("weather-late")) {
        Slot none = 0;
        frozen_run_.compare_exchange_strong(none, run);
        run = frozen_run_;
    } else {
        frozen_run_ = 0;
    }
    const float shift = service_.faults().active("input-drift") ? kDriftDegrees : 0;
    std::string forecast, observed;
    for (Slot ahead = 0; ahead < kWeatherRunSlots; ++ahead)
        forecast += fmt::format("{}{:.2f}", ahead == 0 ? "" : ",",
                                world_.forecast_temperature_c(*zone, run, run + ahead) + shift);
    for (Slot slot = from; slot < now; ++slot)
        observed +=
            fmt::format("{}{:.2f}", slot == from ? "" : ",", world_.temperature_c(*zone, slot));
    return {200,
            "application/json",
            fmt::format(R"({{"issued":{},"forecast":[{}],"observed_from":{},"observed":[{}]}})",
                        run, forecast, from, observed),
            {}};
}

int Outside::call(std::string_view action, const std::string& method, const std::string& target,
                  const std::string& body, std::map<std::string, std::string> headers,
                  const std::string& user) {
    kilowatch::ScopedSpan span = service_.sdk().tracer().start_scoped(
        fmt::format("user {}", action), {.kind = kilowatch::SpanKind::kInternal,
                                         .parent = {},
                                         .root = true,
                                         .start = {},
                                         .attributes = {},
                                         .links = {}});
    kilowatch::TraceTags tags = service_.version_tags();
    tags.user_id = user;
    tags.request_id = fmt::format("user-{}", span->context().span.trace_id.hex().substr(0, 16));
    tags.environment = service_.options().environment;
    span.set_tags(tags);
    const kw::Result<HttpResponse> answer =
        service_.call(gateway_, "gateway", method, target, body, std::move(headers));
    const int status = answer.ok() ? answer->status : 0;
    if (answer.ok()) {
        const auto model = answer->headers.find("x-model-version"),
                   data = answer->headers.find("x-data-version");
        if (model != answer->headers.end() && data != answer->headers.end())
            service_.set_versions(model->second, data->second);
    }
    sent_.with({action, answer.ok() ? std::to_string(status) : "no answer"}).increment();
    return status;
}

void Outside::deliver_readings() {
    const Slot now = service_.clock().now_slot();
    if (now <= delivered_to_) return;
    std::string list;
    size_t count = 0;
    for (size_t zone = 0; zone < zones().size(); ++zone)
        for (Slot slot = now - kReadingsBack; slot < now; ++slot)
            for (const Reading& reading : world_.readings(zone, slot))
                if (reading.arrival > delivered_to_ && reading.arrival <= now && count < 900) {
                    ++count;
                    list += fmt::format(
                        R"({}{{"zone":"{}","slot":{},"demand_mw":{:.3f},"revision":{}}})",
                        list.empty() ? "" : ",", zones()[zone].name, reading.slot,
                        reading.demand_mw, reading.revision);
                }
    // What does not get through is sent again with the next ones.
    if (count > 0) {
        const DemoUser& sender = user_of(0, 9);
        const int status = call("readings", "POST", "/actuals", "{\"readings\":[" + list + "]}",
                                {{"X-Api-Key", secret_.api_key_of(sender.name)}}, sender.name);
        if (status != 200 && now - delivered_to_ < kReadingsBack / 2) return;
    }
    delivered_to_ = now;
}

double Outside::requests_per_second() const {
    const Slot now = service_.clock().now_slot();
    double sum = 0;
    for (size_t zone = 0; zone < zones().size(); ++zone) sum += World::traffic(zone, now);
    return rate_ * sum / static_cast<double>(zones().size());
}

void Outside::act(uint64_t turn) {
    const uint64_t chance = mix(seed_, turn, 77);
    const Slot now = service_.clock().now_slot();
    // A zone by its traffic, then one of its eight readers.
    double total = 0;
    for (size_t zone = 0; zone < zones().size(); ++zone) total += World::traffic(zone, now);
    double left = total * unit_interval(mix(chance, 1));
    size_t zone = 0;
    while (zone + 1 < zones().size() && left > World::traffic(zone, now))
        left -= World::traffic(zone++, now);
    const DemoUser& user = user_of(zone, static_cast<int>(mix(chance, 2) % 8));
    constexpr int kAskedHorizons[] = {4, 12, 24, 48};
    const std::string name(zones()[zone].name);
    switch (const uint64_t draw = mix(chance, 3) % 100) {
        case 0: with_key("mistake", user, "/forecast?zone=atlantis"); break;
        case 1:
        case 2:
            log_in("login", user.name,
                   mix(chance, 4) % 12 == 0 ? "mistyped" : secret_.password_of(user.name));
            break;
        case 3:
            if (!is_off_hours(local_time(zones()[zone], now)))
                with_key("customers", user_of(zone, 8), "/customers?zone=" + name);
            break;
        default:
            if (draw < 12)
                with_key("actuals", user, "/actuals?zone=" + name);
            else
                with_key("forecast", user,
                         fmt::format("/forecast?zone={}&horizon={}", name,
                                     kAskedHorizons[mix(chance, 5) % 4]));
    }
}

void Outside::misbehave(uint64_t turn) {
    if (service_.faults().active("brute-force"))
        log_in("brute_force", user_of(0, 9).name, fmt::format("guess-{}", turn));
    if (service_.faults().active("sensitive-access")) {
        const Slot now = service_.clock().now_slot();
        for (size_t zone = 0; zone < zones().size(); ++zone) {
            if (!is_off_hours(local_time(zones()[zone], now))) continue;
            with_key("sensitive", user_of(zone, 8),
                     fmt::format("/customers?zone={}", zones()[zone].name));
            break;
        }
    }
}

}  // namespace

int run_world(const RoleOptions& options, const std::atomic<bool>& stop) {
    kw::Result<Secret> secret = Secret::open(options.run_folder + "/secret");
    if (!secret.ok()) return fail(secret.error());
    const kw::Result<World> world = open_world(options);
    if (!world.ok()) return fail(world.error());
    Service service(options.service, FaultPlayer::kWorld, false);
    Outside outside(service, *world, *secret, options);
    service.route("GET", "/weather", [&](const HttpRequest& request, kilowatch::ScopedSpan&) {
        return outside.weather(request);
    });
    if (const kw::Result<int> port = service.start(); !port.ok()) return fail(port.error());

    std::atomic<uint64_t> turn{0};
    std::vector<std::jthread> users;
    for (int thread = 0; thread < kUserThreads; ++thread)
        users.emplace_back([&, thread] {
            while (!stop) {
                const uint64_t mine = turn.fetch_add(1);
                // Arrivals are random: waiting times between them are exponential.
                const double rate = std::max(0.01, outside.requests_per_second() / kUserThreads);
                const double wait =
                    -std::log(1 - unit_interval(mix(options.seed, mine, 99))) / rate;
                rest(stop,
                     std::chrono::milliseconds(static_cast<int64_t>(1000 * std::min(wait, 20.0))));
                if (!stop) outside.act(mine * kUserThreads + static_cast<uint64_t>(thread));
            }
        });
    std::jthread attacker([&] {
        for (uint64_t attempt = 0; !stop; rest(stop, std::chrono::milliseconds(150)))
            outside.misbehave(attempt++);
    });
    for (; !stop; rest(stop, std::chrono::milliseconds(100))) outside.deliver_readings();
    users.clear();
    service.stop();
    return 0;
}

}  // namespace energy
