// From reports to notifications: waits, intervals, muting, reloads, limits, and how long a flood takes.
#include "alerting/alertmanager.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"

namespace kw::alerting {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr Millis kStart{1'772'798'400'000};  // 2026-03-06T12:00:00Z, a Friday

class RecordingSink final : public NotificationSink {
 public:
    void notify(Notification notification, Done done) override {
        got.push_back(std::move(notification));
        if (holds) {
            held.push_back(std::move(done));
        } else {
            done(delivers);
        }
    }
    void apply(std::shared_ptr<const NotifySettings> settings) override {
        applied = std::move(settings);
    }
    std::vector<Notification> got;
    std::vector<Done> held;
    std::shared_ptr<const NotifySettings> applied;
    bool delivers = true;
    bool holds = false;
};

RouteOptions node(std::string receiver, std::string_view matchers,
                  std::vector<std::string> group_by) {
    RouteOptions options;
    options.receiver = std::move(receiver);
    options.matchers = parse_matchers(matchers).value().matchers;
    options.group_by = std::move(group_by);
    return options;
}

class AlertmanagerTest : public testing::Test {
 protected:
    AlertmanagerTest() { apply(node("default", "", {"alertname"})); }

    void apply(const RouteOptions& root, std::vector<InhibitRule> rules = {},
               TimeIntervals intervals = {}) {
        Settings settings;
        settings.route = Route::make(root);
        settings.inhibit_rules = std::move(rules);
        settings.time_intervals = std::move(intervals);
        settings.notify = std::make_shared<const NotifySettings>();
        manager_.apply(std::make_shared<const Settings>(std::move(settings)));
    }
    void fire(LabelSet labels) {
        Report report;
        report.labels = std::move(labels);
        report.ends_at = clock_.now() + 60 * kMinuteMs;
        report.starts_at = clock_.now();
        ASSERT_EQ(manager_.put({std::move(report)}).taken_count, 1U);
    }
    void resolve(LabelSet labels) {
        Report report;
        report.labels = std::move(labels);
        report.ends_at = clock_.now();
        ASSERT_EQ(manager_.put({std::move(report)}).taken_count, 1U);
    }
    // Advances and lets the groups that are due be told of; what the sink got since.
    std::vector<Notification> after(int64_t distance_ms) {
        sink_.got.clear();
        clock_.advance(distance_ms);
        manager_.run_due();
        return sink_.got;
    }

    FakeClock clock_{kStart};
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    RecordingSink sink_;
    Alertmanager manager_{env_, sink_, nullptr, {}};
};

TEST_F(AlertmanagerTest, WaitsThenTellsEveryInterval) {
    fire({{"alertname", "A"}, {"n", "1"}});
    EXPECT_TRUE(after(29'999).empty());
    fire({{"alertname", "A"}, {"n", "2"}});
    fire({{"alertname", "B"}});
    const std::vector<Notification> first = after(1);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].group_key, "{}:{alertname=\"A\"}");
    EXPECT_EQ(first[0].receiver, "default");
    EXPECT_EQ(first[0].alerts.size(), 2U);
    EXPECT_EQ(first[0].repeat_interval_ms, 240 * kMinuteMs);
    EXPECT_EQ(first[0].timeout_ms, 5 * kMinuteMs);
    EXPECT_EQ(after(30'000).size(), 1U);  // B
    // A new alert of a group that was told of waits for the interval.
    fire({{"alertname", "A"}, {"n", "3"}});
    EXPECT_TRUE(after(4 * kMinuteMs).empty());
    const std::vector<Notification> second = after(30'000);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].alerts.size(), 3U);
}

TEST_F(AlertmanagerTest, AnOldAlertDoesNotWait) {
    Report report;
    report.labels = LabelSet{{"alertname", "A"}};
    report.starts_at = kStart - 10 * kMinuteMs;
    manager_.put({report});
    EXPECT_EQ(after(0).size(), 1U);
}

TEST_F(AlertmanagerTest, ResolvedIsToldOnceAndForgotten) {
    const LabelSet labels{{"alertname", "A"}};
    fire(labels);
    after(30'000);
    resolve(labels);
    sink_.delivers = false;
    const std::vector<Notification> failed = after(5 * kMinuteMs);
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_TRUE(failed[0].alerts[0]->is_resolved_at(failed[0].now));
    sink_.delivers = true;
    EXPECT_EQ(after(5 * kMinuteMs).size(), 1U);  // it was not delivered: once more
    EXPECT_TRUE(after(5 * kMinuteMs).empty());
    manager_.run_maintenance();
    EXPECT_TRUE(manager_.groups().empty());
    // The group begins anew.
    fire(labels);
    EXPECT_TRUE(after(29'999).empty());
    EXPECT_EQ(after(1).size(), 1U);
}

TEST_F(AlertmanagerTest, ResolvedBeforeItWasToldTellsNobodyAnew) {
    resolve({{"alertname", "A"}});
    EXPECT_TRUE(after(30'000).empty());
    EXPECT_TRUE(manager_.alerts().empty());
}

TEST_F(AlertmanagerTest, FiringAgainWhileItIsToldIsKept) {
    const LabelSet labels{{"alertname", "A"}};
    fire(labels);
    after(30'000);
    resolve(labels);
    sink_.holds = true;
    EXPECT_EQ(after(5 * kMinuteMs).size(), 1U);
    fire(labels);
    EXPECT_TRUE(after(5 * kMinuteMs).empty());  // one at a time
    sink_.holds = false;
    sink_.held[0](true);
    const std::vector<Notification> next = after(0);
    ASSERT_EQ(next.size(), 1U);
    EXPECT_FALSE(next[0].alerts[0]->is_resolved_at(next[0].now));
}

TEST_F(AlertmanagerTest, EndsByTimeoutWhenNotHeardOf) {
    Report report;
    report.labels = LabelSet{{"alertname", "A"}};
    manager_.put({report});
    EXPECT_EQ(manager_.alerts().size(), 1U);
    EXPECT_TRUE(manager_.alerts()[0].alert->ends_by_timeout);
    clock_.advance(4 * kMinuteMs);
    manager_.put({report});
    clock_.advance(4 * kMinuteMs);
    EXPECT_EQ(manager_.alerts().size(), 1U);
    EXPECT_EQ(manager_.alerts()[0].alert->starts_at, kStart);
    clock_.advance(kMinuteMs);
    EXPECT_TRUE(manager_.alerts().empty());
}

TEST_F(AlertmanagerTest, InhibitedAndSilencedAreNotTold) {
    apply(node("default", "", {"alertname"}),
          {{"",
            parse_matchers("severity=critical").value().matchers,
            parse_matchers("severity=warning").value().matchers,
            {"service"}}});
    const LabelSet critical{{"alertname", "A"}, {"service", "db"}, {"severity", "critical"}};
    const LabelSet warning{{"alertname", "A"}, {"service", "db"}, {"severity", "warning"}};
    fire(critical);
    fire(warning);
    Silence silence;
    silence.matchers = parse_matchers("severity=critical").value().matchers;
    silence.starts_at = kStart;
    silence.ends_at = kStart + 2 * kMinuteMs;
    const std::string id = manager_.silences().set(silence, "anna").value();
    const std::vector<AlertView> views = manager_.alerts();
    ASSERT_EQ(views.size(), 2U);
    for (const AlertView& view : views) {
        const bool is_source = view.alert->labels == critical;
        EXPECT_EQ(view.status.silenced_by,
                  is_source ? std::vector{id} : std::vector<std::string>{});
        EXPECT_EQ(view.status.inhibited_by,
                  is_source ? std::vector<std::string>{} : std::vector{fingerprint_text(critical)});
        EXPECT_EQ(view.receivers, std::vector<std::string>{"default"});
    }
    EXPECT_TRUE(after(30'000).empty());
    const std::vector<Notification> later = after(5 * kMinuteMs);
    ASSERT_EQ(later.size(), 1U);
    ASSERT_EQ(later[0].alerts.size(), 1U);
    EXPECT_EQ(later[0].alerts[0]->labels, critical);
}

TEST_F(AlertmanagerTest, TimeIntervalsMuteRoutes) {
    TimeInterval noon{"noon", {}};
    noon.periods.emplace_back().minutes = {{720, 721}};
    RouteOptions root = node("default", "", {"alertname"});
    RouteOptions muted = node("muted", "team=db", {});
    muted.mute_time_intervals = {"noon"};
    RouteOptions active = node("active", "team=web", {});
    active.active_time_intervals = {"noon"};
    root.routes = {muted, active};
    apply(root, {}, {{"noon", noon}});
    fire({{"alertname", "A"}, {"team", "db"}});
    fire({{"alertname", "A"}, {"team", "web"}});
    for (const AlertGroupView& group : manager_.groups()) {
        EXPECT_EQ(group.alerts[0].status.muted_by, group.receiver == "muted"
                                                       ? std::vector<std::string>{"noon"}
                                                       : std::vector<std::string>{});
    }
    std::vector<Notification> told = after(30'000);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].receiver, "active");
    told = after(5 * kMinuteMs);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].receiver, "muted");
}

TEST_F(AlertmanagerTest, ReloadRegroupsWhatFires) {
    fire({{"alertname", "A"}, {"team", "db"}});
    after(30'000);
    sink_.holds = true;
    EXPECT_EQ(after(5 * kMinuteMs).size(), 1U);
    apply(node("other", "", {"team"}));
    sink_.holds = false;
    sink_.held[0](true);  // of a group that is no more
    const std::vector<Notification> told = after(0);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].receiver, "other");
    EXPECT_EQ(told[0].group_labels, (LabelSet{{"team", "db"}}));
}

TEST_F(AlertmanagerTest, RefusesWhatIsWrongAndTakesTheRest) {
    Report nameless;
    Report backwards;
    backwards.labels = LabelSet{{"a", "b"}};
    backwards.starts_at = kStart;
    backwards.ends_at = kStart - 1;
    Report good;
    good.labels = LabelSet{{"a", "c"}};
    const PutOutcome outcome = manager_.put({nameless, backwards, good});
    EXPECT_EQ(outcome.taken_count, 1U);
    EXPECT_EQ(outcome.errors, (std::vector<std::string>{"at least one label pair required",
                                                        "start time must be before end time"}));
}

TEST_F(AlertmanagerTest, AFloodIsBounded) {
    Alertmanager::Options options;
    options.alerts_max = 100;
    options.reserve = 20;
    Alertmanager small(env_, sink_, nullptr, options);
    small.apply(manager_.settings());
    std::vector<Report> flood(150);
    for (size_t i = 0; i < flood.size(); ++i) {
        flood[i].labels = LabelSet{{"alertname", "A"}, {"n", std::to_string(i)}};
    }
    const PutOutcome outcome = small.put_durably(flood);
    EXPECT_EQ(outcome.taken_count, 100U);
    EXPECT_EQ(outcome.limited_count, 50U);
    EXPECT_NE(outcome.limit.find("100 alerts in 1 groups"), std::string::npos) << outcome.limit;
    EXPECT_NE(outcome.limit.find("end or stop what floods"), std::string::npos) << outcome.limit;
    EXPECT_EQ(small.alerts().size(), 100U);
    // Known ones are still taken, and our own rules have room.
    EXPECT_EQ(small.put_durably({flood[0]}).taken_count, 1U);
    EXPECT_EQ(small.put(flood).taken_count, 120U);
    // There is room again when the ended ones are forgotten.
    clock_.advance(30 * kMinuteMs);
    small.run_due();
    small.run_maintenance();
    EXPECT_EQ(small.put_durably(flood).taken_count, 100U);
}

TEST_F(AlertmanagerTest, LongTextsAreBounded) {
    Alertmanager::Options options;
    options.alert_bytes_max = 1'000;
    options.bytes_max = 5'000;
    Alertmanager small(env_, sink_, nullptr, options);
    small.apply(manager_.settings());
    const auto report = [](size_t i, size_t bytes) {
        Report one;
        one.labels = LabelSet{{"alertname", "A"}, {"n", std::to_string(i)}};
        one.annotations = {{"summary", std::string(bytes, 'x')}};
        return one;
    };
    const PutOutcome longer = small.put_durably({report(0, 1'000)});
    ASSERT_EQ(longer.errors.size(), 1U);
    EXPECT_NE(longer.errors[0].find("shorten its annotations"), std::string::npos);
    std::vector<Report> many;
    for (size_t i = 0; i < 10; ++i) many.push_back(report(i, 900));
    EXPECT_EQ(small.put_durably(many).taken_count, 5U);
    // One that becomes shorter makes room.
    EXPECT_EQ(small.put_durably({report(0, 1)}).taken_count, 1U);
    EXPECT_EQ(small.put_durably(many).limited_count, 5U);
}

TEST_F(AlertmanagerTest, TheThreadTellsAndStops) {
    RealClock real;
    Environment env{real, files_, log_, metrics_, pool_};
    RecordingSink sink;
    Alertmanager manager(env, sink, nullptr, {});
    manager.apply(manager_.settings());
    manager.start();
    Report report;
    report.labels = LabelSet{{"alertname", "A"}};
    report.starts_at = real.now() - kMinuteMs;
    manager.put({report});
    while (manager.next_due().value_or(Millis::min()) < real.now() + kMinuteMs) {
        std::this_thread::yield();
    }
    manager.stop();
    EXPECT_EQ(sink.got.size(), 1U);
}

}  // namespace
}  // namespace kw::alerting
