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

class RuleAlertsTest : public testing::Test {
 protected:
    RuleAlertsTest() { manager_.apply(default_alertmanager("http://kw:9090/").settings); }

    rules::Alert firing(std::string_view name) const {
        rules::Alert alert;
        alert.labels = LabelSet{{"alertname", name}, {"severity", "critical"}};
        alert.active_at = clock_.now() - 300'000;
        alert.fired_at = clock_.now();
        alert.valid_until = clock_.now() + 240'000;
        return alert;
    }

    FakeClock clock_{Millis{1'772'798'400'000}};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    NobodySink sink_;
    alerting::Alertmanager manager_{env_, sink_, nullptr, {}};
    NobodyFetcher fetcher_;
    forward::Forwarder forwarder_{env_, fetcher_, {.own_thread = false}};
    RuleAlerts alerts_{manager_, forwarder_};
};

// guide: G194
TEST_F(RuleAlertsTest, ReachTheDefaultRouteWithoutAnyConfiguration) {
    intake::RelabelConfig drop;
    drop.source_labels = {"alertname"};
    drop.regex = "Dropped";
    drop.action = intake::RelabelAction::kDrop;
    alerts_.apply({LabelSet{{"severity", "none"}, {"zone", "eu"}},
                   {intake::RelabelRule::make(drop).value()},
                   "http://kw:9090/"});

    rules::Alert firing = this->firing("HighErrorRate");
    firing.annotations = {{"summary", "High error rate detected"}};
    rules::Alert resolved = firing;
    resolved.labels = LabelSet{{"alertname", "Gone"}};
    resolved.resolved_at = clock_.now();
    rules::Alert dropped = firing;
    dropped.labels = LabelSet{{"alertname", "Dropped"}};
    alerts_.send("rate(x[5m]) > 0.1", std::vector{firing, resolved, dropped});

    const std::vector<alerting::AlertView> views = manager_.alerts();
    ASSERT_EQ(views.size(), 1U);
    const alerting::Alert& alert = *views[0].alert;
    EXPECT_EQ(alert.labels,
              (LabelSet{{"alertname", "HighErrorRate"}, {"severity", "critical"}, {"zone", "eu"}}));
    EXPECT_EQ(alert.starts_at, clock_.now());
    EXPECT_EQ(alert.ends_at, clock_.now() + 240'000);
    EXPECT_EQ(alert.annotations.front().second, "High error rate detected");
    EXPECT_EQ(alert.generator_url,
              "http://kw:9090/graph?g0.expr=rate%28x%5B5m%5D%29%20%3E%200.1&g0.tab=1");
    EXPECT_EQ(views[0].receivers, std::vector<std::string>{"default"});
}

// guide: G202, P14
TEST_F(RuleAlertsTest, AnAlertWithoutAnnotationsGetsASummary) {
    rules::Alert silent = firing("APILatency");
    silent.value = 0.625;
    rules::Alert worded = firing("Worded");
    worded.annotations = {{"description", "Slow"}};
    alerts_.send("api_latency_p95 > 0.5", std::vector{silent, worded});
    using Annotations = std::vector<std::pair<std::string, std::string>>;
    for (const alerting::AlertView& view : manager_.alerts()) {
        const bool is_silent = view.alert->labels.get("alertname") == "APILatency";
        EXPECT_EQ(view.alert->annotations,
                  is_silent
                      ? Annotations({{"summary", "APILatency: api_latency_p95 > 0.5 = 0.625"}})
                      : worded.annotations);
    }
    EXPECT_EQ(manager_.alerts().size(), 2U);
}

}  // namespace
}  // namespace kw::app
