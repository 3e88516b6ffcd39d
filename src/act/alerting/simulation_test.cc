// What would be told at which times: waits, repeats, silences, intervals, inhibition, groups that exist already; and the
// explanation that it is made of.
#include "alerting/simulation.h"

#include <gtest/gtest.h>

#include "alerting/alertmanager.h"
#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::alerting {
namespace {

using Kind = SimulatedEvent::Kind;

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr Millis kStart{1'772'798'400'000};  // 2026-03-06T12:00:00Z, a Friday

class NobodySink final : public NotificationSink {
 public:
    void notify(Notification, Done done) override { done(true); }
    void apply(std::shared_ptr<const NotifySettings>) override {}
};

class SimulationTest : public testing::Test {
 protected:
    SimulationTest() {
        RouteOptions root;
        root.receiver = "everyone";
        root.group_by = {"alertname"};
        root.group_wait_ms = 30 * kSecondMs;
        root.group_interval_ms = 5 * kMinuteMs;
        root.repeat_interval_ms = 4 * kHourMs;
        RouteOptions db;
        db.receiver = "db";
        db.matchers = {Matcher::equal("team", "db")};
        db.mute_time_intervals = {"evening"};
        db.continues = true;
        RouteOptions critical;
        critical.receiver = "silent";
        critical.matchers = {Matcher::equal("severity", "critical")};
        root.routes = {db, critical};
        Settings settings;
        settings.route = Route::make(root);
        settings.inhibit_rules = {{"",
                                   {Matcher::equal("severity", "critical")},
                                   {Matcher::equal("severity", "warning")},
                                   {"team"}}};
        TimePeriod evening;
        evening.minutes = {{18 * 60, 20 * 60}};
        settings.time_intervals["evening"] = {"evening", {evening}};
        NotifySettings notify;
        Receiver everyone;
        everyone.name = "everyone";
        everyone.webhook.resize(1);
        everyone.webhook[0].send_resolved = true;
        Receiver database = everyone;
        database.name = "db";
        database.slack.resize(1);  // does not want to hear of ends
        Receiver silent;
        silent.name = "silent";
        notify.receivers = {everyone, database, silent};
        settings.notify = std::make_shared<const NotifySettings>(std::move(notify));
        manager_.apply(std::make_shared<const Settings>(std::move(settings)));
    }

    void fire(LabelSet labels) {
        Report report;
        report.labels = std::move(labels);
        report.starts_at = clock_.now();
        report.ends_at = clock_.now() + kHourMs;
        ASSERT_EQ(manager_.put({std::move(report)}).taken_count, 1U);
    }
    std::vector<SimulatedRoute> run(LabelSet labels, std::optional<int64_t> lasts_ms = {},
                                    int64_t horizon_ms = 24 * kHourMs) {
        SimulationRequest request;
        request.labels = std::move(labels);
        request.at = clock_.now();
        if (lasts_ms) request.ends_at = clock_.now() + *lasts_ms;
        request.horizon_ms = horizon_ms;
        return simulate(manager_.explain(request.labels), request);
    }

    FakeClock clock_{kStart};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    NobodySink sink_;
    Alertmanager manager_{env_, sink_, nullptr, {}};
};

TEST_F(SimulationTest, ToldAfterTheWaitAndAgainAfterTheRepeatInterval) {
    const auto routes = run(LabelSet{{"alertname", "A"}});
    ASSERT_EQ(routes.size(), 1U);
    const std::vector<SimulatedEvent>& events = routes[0].events;
    // Flushes come every 5 minutes, the first after 30 s: the repeats come at the first one past 4 hours.
    ASSERT_EQ(events.size(), 6U);
    EXPECT_EQ(events[0].kind, Kind::kFiring);
    EXPECT_EQ(events[0].at, kStart + 30 * kSecondMs);
    EXPECT_EQ(events[0].integrations, std::vector<std::string>{"webhook[0]"});
    EXPECT_EQ(events[1].kind, Kind::kRepeat);
    EXPECT_EQ(events[1].at, events[0].at + 4 * kHourMs + 5 * kMinuteMs);
    EXPECT_FALSE(routes[0].is_cut);
}

TEST_F(SimulationTest, TheEndIsToldToThoseWhoWantTo) {
    const auto routes = run(LabelSet{{"alertname", "A"}, {"team", "db"}}, 7 * kMinuteMs);
    ASSERT_EQ(routes.size(), 1U);
    const std::vector<SimulatedEvent>& events = routes[0].events;
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].integrations, (std::vector<std::string>{"slack[0]", "webhook[0]"}));
    EXPECT_EQ(events[1].kind, Kind::kResolved);
    EXPECT_EQ(events[1].at, kStart + 30 * kSecondMs + 10 * kMinuteMs);
    EXPECT_EQ(events[1].integrations, std::vector<std::string>{"webhook[0]"});
}

TEST_F(SimulationTest, AnAlertThatEndsBeforeTheFirstFlushIsNotTold) {
    EXPECT_TRUE(run(LabelSet{{"alertname", "A"}}, 10 * kSecondMs)[0].events.empty());
}

TEST_F(SimulationTest, TimeIntervalsMuteAndSilencesEnd) {
    Silence silence;
    silence.matchers = {Matcher::equal("team", "db")};
    silence.starts_at = kStart;
    silence.ends_at = kStart + kHourMs;
    silence.created_by = "anna";
    silence.comment = "works";
    ASSERT_TRUE(manager_.silences().set(silence, "anna").ok());
    const auto routes = run(LabelSet{{"alertname", "A"}, {"team", "db"}});
    const std::vector<SimulatedEvent>& events = routes.at(0).events;
    ASSERT_GE(events.size(), 4U);
    EXPECT_EQ(events[0].kind, Kind::kSuppressed);
    EXPECT_EQ(events[0].flushes, 12U);  // 12:00:30, 12:05:30, … 12:55:30
    EXPECT_EQ(events[0].until, kStart + 30 * kSecondMs + 55 * kMinuteMs);
    ASSERT_EQ(events[0].reasons.size(), 1U);
    EXPECT_NE(events[0].reasons[0].find("(works) until 2026-03-06T13:00:00Z"), std::string::npos);
    EXPECT_EQ(events[1].kind, Kind::kFiring);
    EXPECT_EQ(events[1].at, kStart + kHourMs + 30 * kSecondMs);
    EXPECT_EQ(events[2].kind, Kind::kRepeat);  // 17:05:30
    EXPECT_EQ(events[3].kind, Kind::kSuppressed);
    EXPECT_EQ(events[3].reasons, std::vector<std::string>{"muted by time interval evening"});
    EXPECT_EQ(events[3].at, kStart + 6 * kHourMs + 30 * kSecondMs);
    EXPECT_EQ(events[3].flushes, 24U);
}

TEST_F(SimulationTest, AContinuingRouteAndItsNextBothCount) {
    const auto routes = run(LabelSet{{"alertname", "A"}, {"team", "db"}, {"severity", "critical"}});
    ASSERT_EQ(routes.size(), 2U);
    ASSERT_FALSE(routes[1].events.empty());
    EXPECT_TRUE(routes[1].events[0].integrations.empty());
    EXPECT_EQ(routes[1].events[0].reasons,
              std::vector<std::string>{"receiver silent has no integration that acts"});
}

TEST_F(SimulationTest, AnAlertJoinsTheGroupThatIsThere) {
    fire(LabelSet{{"alertname", "A"}, {"instance", "1"}});
    clock_.advance(30 * kSecondMs);
    manager_.run_due();
    clock_.advance(kMinuteMs);
    const auto routes = run(LabelSet{{"alertname", "A"}, {"instance", "2"}});
    ASSERT_FALSE(routes[0].events.empty());
    EXPECT_EQ(routes[0].events[0].at, kStart + 30 * kSecondMs + 5 * kMinuteMs);
}

TEST_F(SimulationTest, InhibitionHoldsAndIsNamed) {
    const LabelSet source{{"alertname", "Down"}, {"severity", "critical"}, {"team", "db"}};
    fire(source);
    const auto routes =
        run(LabelSet{{"alertname", "Slow"}, {"severity", "warning"}, {"team", "db"}});
    ASSERT_EQ(routes[0].events.size(),
              3U);  // before, during and after the evening, for two reasons
    EXPECT_EQ(routes[0].events[0].kind, Kind::kSuppressed);
    EXPECT_EQ(routes[0].events[0].reasons,
              std::vector<std::string>{"inhibited by " + source.to_string()});
    EXPECT_EQ(routes[0].events[1].reasons.size(), 2U);
}

TEST_F(SimulationTest, SecondsOfIntervalAreBounded) {
    RouteOptions root;
    root.receiver = "r";
    root.group_interval_ms = 1;
    root.repeat_interval_ms = 1;
    Settings settings;
    settings.route = Route::make(root);
    settings.notify = std::make_shared<const NotifySettings>();
    manager_.apply(std::make_shared<const Settings>(std::move(settings)));
    const auto routes = run(LabelSet{{"alertname", "A"}});
    EXPECT_TRUE(routes[0].is_cut);
    EXPECT_LE(routes[0].events.size(), kSimulatedEventsMax);
}

TEST_F(SimulationTest, AnExplanationNamesPathGroupAndWhatMutes) {
    const LabelSet labels{{"alertname", "Slow"}, {"severity", "warning"}, {"team", "db"}};
    fire(LabelSet{{"alertname", "Down"}, {"severity", "critical"}, {"team", "db"}});
    fire(labels);
    const Explanation explanation = manager_.explain(labels);
    ASSERT_NE(explanation.alert, nullptr);
    ASSERT_EQ(explanation.routes.size(), 1U);
    const RouteExplanation& route = explanation.routes[0];
    ASSERT_EQ(route.path.size(), 2U);
    EXPECT_EQ(route.path[0]->index, 0U);
    EXPECT_EQ(route.path[1]->receiver, "db");
    EXPECT_EQ(route.group_key, R"({}/{team="db"}:{alertname="Slow"})");
    ASSERT_EQ(route.group_alerts.size(), 1U);
    ASSERT_TRUE(explanation.inhibition.has_value());
    EXPECT_EQ(explanation.inhibition->source->labels.get("alertname"), "Down");
    EXPECT_EQ(explanation.inhibition->rule.equal, std::vector<std::string>{"team"});
    EXPECT_EQ(manager_.find_labels(fingerprint_text(labels)), labels);
    EXPECT_FALSE(manager_.find_labels("0123456789abcdef").has_value());
    const Explanation unknown = manager_.explain(LabelSet{{"alertname", "Never"}});
    EXPECT_EQ(unknown.alert, nullptr);
    EXPECT_FALSE(unknown.routes[0].has_group);
}

}  // namespace
}  // namespace kw::alerting
