// 10 000 firing alerts: taken, routed, grouped, and handed on. The limit to hold is 100 ms.
#include <benchmark/benchmark.h>

#include <string>

#include "alerting/alertmanager.h"
#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::alerting {
namespace {

constexpr size_t kAlertCount = 10'000;
constexpr size_t kTeamCount = 50;

class NobodySink final : public NotificationSink {
 public:
    void notify(Notification notification, Done done) override {
        alert_count += notification.alerts.size();
        done(true);
    }
    void apply(std::shared_ptr<const NotifySettings>) override {}
    size_t alert_count = 0;
};

// A route for each team with one below for critical alerts, half by regular expression; two inhibition rules.
std::shared_ptr<const Settings> settings() {
    RouteOptions root;
    root.receiver = "default";
    root.group_by = {"alertname", "service"};
    for (size_t i = 0; i < kTeamCount; ++i) {
        const std::string team = "team" + std::to_string(i);
        RouteOptions route;
        route.receiver = team;
        route.matchers = {i % 2 == 0 ? Matcher::equal("team", team)
                                     : Matcher::make(MatchOp::kRegex, "team", team + "|x").value()};
        RouteOptions page;
        page.receiver = team + "-page";
        page.matchers = {Matcher::equal("severity", "critical")};
        route.routes = {page};
        root.routes.push_back(route);
    }
    Settings made;
    made.route = Route::make(root);
    made.inhibit_rules = {{"",
                           {Matcher::equal("severity", "critical")},
                           {Matcher::equal("severity", "warning")},
                           {"service", "instance"}}};
    made.notify = std::make_shared<const NotifySettings>();
    return std::make_shared<const Settings>(std::move(made));
}

std::vector<Report> reports(Millis now) {
    std::vector<Report> all(kAlertCount);
    for (size_t i = 0; i < kAlertCount; ++i) {
        all[i].labels = LabelSet{{"alertname", "Alert" + std::to_string(i % 20)},
                                 {"instance", "host" + std::to_string(i) + ":9100"},
                                 {"job", "node"},
                                 {"service", "service" + std::to_string(i % 100)},
                                 {"severity", i % 3 == 0 ? "critical" : "warning"},
                                 {"team", "team" + std::to_string(i % kTeamCount)}};
        all[i].annotations = {{"summary", "something is wrong"}};
        all[i].starts_at = now - 60'000;
    }
    return all;
}

void route_and_group(benchmark::State& state) {
    FakeClock clock(Millis{1'772'798'400'000});
    fs::MemoryFileSystem files;
    const Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("bench", 1);
    Environment env{clock, files, log, metrics, pool};
    const std::shared_ptr<const Settings> configured = settings();
    for (auto _ : state) {
        state.PauseTiming();
        NobodySink sink;
        auto manager = std::make_unique<Alertmanager>(env, sink, nullptr, Alertmanager::Options());
        manager->apply(configured);
        std::vector<Report> all = reports(clock.now());
        state.ResumeTiming();
        manager->put(std::move(all));
        manager->run_due();
        state.PauseTiming();
        if (sink.alert_count != kAlertCount) state.SkipWithError("alerts were lost");
        manager.reset();
        state.ResumeTiming();
    }
}
BENCHMARK(route_and_group)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kw::alerting
