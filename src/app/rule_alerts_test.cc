// What rules say of alerts arrives at the Alertmanager side: labels, times, links.
#include "app/rule_alerts.h"

#include <gtest/gtest.h>

#include "alerting/alertmanager.h"
#include "app/config/alertmanager/alertmanager_config.h"
#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "forward/forwarder.h"

namespace kw::app {
namespace {

class NobodySink final : public alerting::NotificationSink {
 public:
    void notify(alerting::Notification, Done done) override { done(true); }
    void apply(std::shared_ptr<const alerting::NotifySettings>) override {}
};

class NobodyFetcher final : public net::Fetcher {
 public:
    FetchId fetch(net::FetchRequest, net::FetchCallback callback) override {
        callback(unavailable("nobody is there"));
        return 1;
    }
    void cancel(FetchId) override {}
};

// guide: G194
TEST(RuleAlerts, ReachTheDefaultRouteWithoutAnyConfiguration) {
    FakeClock clock(Millis{1'772'798'400'000});
    fs::MemoryFileSystem files;
    Log log = Log::silent();
    MetricRegistry metrics;
    ThreadPool pool("test", 1);
    Environment env{clock, files, log, metrics, pool};
    NobodySink sink;
    alerting::Alertmanager manager(env, sink, nullptr, {});
    manager.apply(default_alertmanager("http://kw:9090/").settings);
    NobodyFetcher fetcher;
    forward::Forwarder forwarder(env, fetcher, {.own_thread = false});
    RuleAlerts alerts(manager, forwarder);
    intake::RelabelConfig drop;
    drop.source_labels = {"alertname"};
    drop.regex = "Dropped";
    drop.action = intake::RelabelAction::kDrop;
    alerts.apply({LabelSet{{"severity", "none"}, {"zone", "eu"}},
                  {intake::RelabelRule::make(drop).value()},
                  "http://kw:9090/"});

    rules::Alert firing;
    firing.labels = LabelSet{{"alertname", "HighErrorRate"}, {"severity", "critical"}};
    firing.annotations = {{"summary", "High error rate detected"}};
    firing.active_at = clock.now() - 300'000;
    firing.fired_at = clock.now();
    firing.valid_until = clock.now() + 240'000;
    rules::Alert resolved = firing;
    resolved.labels = LabelSet{{"alertname", "Gone"}};
    resolved.resolved_at = clock.now();
    rules::Alert dropped = firing;
    dropped.labels = LabelSet{{"alertname", "Dropped"}};
    alerts.send("rate(x[5m]) > 0.1", std::vector{firing, resolved, dropped});

    const std::vector<alerting::AlertView> views = manager.alerts();
    ASSERT_EQ(views.size(), 1U);
    const alerting::Alert& alert = *views[0].alert;
    EXPECT_EQ(alert.labels,
              (LabelSet{{"alertname", "HighErrorRate"}, {"severity", "critical"}, {"zone", "eu"}}));
    EXPECT_EQ(alert.starts_at, clock.now());
    EXPECT_EQ(alert.ends_at, clock.now() + 240'000);
    EXPECT_EQ(alert.annotations.front().second, "High error rate detected");
    EXPECT_EQ(alert.generator_url,
              "http://kw:9090/graph?g0.expr=rate%28x%5B5m%5D%29%20%3E%200.1&g0.tab=1");
    EXPECT_EQ(views[0].receivers, std::vector<std::string>{"default"});
}

}  // namespace
}  // namespace kw::app
