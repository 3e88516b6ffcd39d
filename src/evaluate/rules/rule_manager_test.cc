#include "rules/rule_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "rules/rules_fixture.h"

namespace kw::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A manager in a world where each step is one evaluation of the only group, a minute after the one before.
class RuleManagerTest : public testing::Test {
 protected:
    void start(std::string_view text, const ManagerOptions& options = World::options()) {
        manager_ = std::make_unique<RuleManager>(world_.env, world_.engine, world_.store,
                                                 &world_.sink, options);
        apply(text);
    }
    void apply(std::string_view text) {
        RuleSet set;
        set.groups = World::groups(text);
        set.external_labels = LabelSet{{"region", "eu"}};
        set.external_url = "https://kw.example";
        manager_->apply(std::move(set));
    }
    // As start(), and past the two evaluations before the state is restored and alerts are written.
    void start_warm(std::string_view text) {
        start(text);
        step();
        step();
    }
    // The time of the next evaluation, which is made.
    Millis step() {
        const Millis at = manager_->run_due();
        world_.clock.set(at);
        manager_->run_due();
        return at;
    }
    void put(const LabelSet& labels, double value) {
        // Before the next evaluation, and within the lookback of none after it but the next four.
        const Millis at = manager_->run_due() - 1;
        world_.clock.set(at);
        world_.store.add(labels, at, value);
    }
    std::vector<std::string> alerts(Millis at) { return world_.ask("ALERTS", at); }
    Alert only_alert() {
        const std::vector<GroupView> groups = manager_->groups();
        const auto& all = groups.at(0).rules.at(0).status->alerts;
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? Alert() : all[0];
    }

    World world_;
    std::unique_ptr<RuleManager> manager_;
};

const LabelSet kLatency{{"__name__", "latency"}, {"job", "api"}};

TEST_F(RuleManagerTest, RecordsAndEndsWhatIsGone) {
    start("- {record: twice, expr: 2 * latency, labels: {by: rules, job: ''}}\n");
    put(kLatency, 3);
    Millis at = step();
    EXPECT_THAT(world_.ask("twice", at), ElementsAre(R"(twice{by="rules"} 6)"));
    put(kLatency, kStaleMarker);
    at = step();
    EXPECT_THAT(world_.ask("twice", at), IsEmpty());
}

TEST_F(RuleManagerTest, AlertPendsFiresAndResolves) {
    start_warm(
        "- alert: Slow\n  expr: latency > 1\n  for: 2m\n  labels: {severity: high}\n"
        "  annotations: {summary: '{{ $labels.job }} {{ $value }} {{ $externalLabels.region "
        "}}'}\n");
    put(kLatency, 3);
    const Millis began = step();
    EXPECT_THAT(
        alerts(began),
        ElementsAre(
            R"(ALERTS{alertname="Slow", alertstate="pending", job="api", severity="high"} 1)"));
    EXPECT_THAT(world_.ask("ALERTS_FOR_STATE", began),
                ElementsAre(R"(ALERTS_FOR_STATE{alertname="Slow", job="api", severity="high"} )" +
                            std::to_string(began.count / 1000)));
    EXPECT_THAT(world_.sink.sent, IsEmpty());
    put(kLatency, 4);
    step();
    EXPECT_EQ(only_alert().state, AlertState::kPending);
    put(kLatency, 5);
    Millis at = step();  // exactly 2m after it began
    EXPECT_EQ(at - began, 120'000);
    EXPECT_EQ(only_alert().state, AlertState::kFiring);
    EXPECT_EQ(only_alert().annotations.at(0).second, "api 5 eu");
    EXPECT_THAT(
        alerts(at),
        ElementsAre(
            R"(ALERTS{alertname="Slow", alertstate="firing", job="api", severity="high"} 1)"));
    ASSERT_EQ(world_.sink.sent.size(), 1u);
    EXPECT_EQ(world_.sink.sent[0].first, "latency > 1");
    EXPECT_EQ(world_.sink.sent[0].second.valid_until, at + 240'000);
    put(kLatency, 0.5);
    at = step();
    EXPECT_THAT(alerts(at), IsEmpty());
    ASSERT_EQ(world_.sink.sent.size(), 2u);
    EXPECT_EQ(world_.sink.sent[1].second.resolved_at, at);
    EXPECT_FALSE(world_.sink.sent[1].second.is_no_data);
}

TEST_F(RuleManagerTest, KeepsFiringForAWhile) {
    start_warm("- {alert: Slow, expr: latency > 1, keep_firing_for: 2m}\n");
    put(kLatency, 3);
    step();
    EXPECT_EQ(only_alert().state, AlertState::kFiring);
    put(kLatency, 0);
    step();
    EXPECT_EQ(only_alert().state, AlertState::kFiring);
    EXPECT_TRUE(only_alert().keep_firing_since.has_value());
    step();
    EXPECT_EQ(only_alert().state, AlertState::kFiring);
    EXPECT_THAT(alerts(step()), IsEmpty());
}

TEST_F(RuleManagerTest, NoDataIsWhatTheRuleSays) {
    struct Row {
        const char* choice;
        size_t alerts_without_data;
        bool told_resolved;
    };
    const Row rows[] = {{"resolve", 0, true}, {"keep", 1, false}, {"alert", 2, false}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.choice);
        world_.store.clear();
        world_.sink.sent.clear();
        start_warm("- {alert: Slow, expr: latency > 1, on_no_data: " + std::string(row.choice) +
                   "}\n");
        put(kLatency, 3);
        step();
        put(kLatency, kStaleMarker);
        const Millis at = step();
        EXPECT_EQ(alerts(at).size(), row.alerts_without_data);
        const bool told = world_.sink.sent.back().second.resolved_at.has_value();
        EXPECT_EQ(told, row.told_resolved);
        if (told) EXPECT_TRUE(world_.sink.sent.back().second.is_no_data);
        // Data again, and well: all resolve.
        put(kLatency, 0);
        EXPECT_THAT(alerts(step()), IsEmpty());
    }
}

TEST_F(RuleManagerTest, LimitFailsTheRuleAndWritesNothing) {
    start(
        "groups:\n- name: g\n  limit: 1\n  rules:\n  - {record: r, expr: latency}\n  - {alert: A, "
        "expr: latency}\n");
    put(kLatency, 1);
    put(LabelSet{{"__name__", "latency"}, {"job", "web"}}, 1);
    const Millis at = step();
    EXPECT_THAT(world_.ask("r", at), IsEmpty());
    EXPECT_THAT(alerts(at), IsEmpty());
    const GroupView group = manager_->groups().at(0);
    EXPECT_EQ(group.rules[0].status->last_error, "exceeded limit of 1 with 2 series");
    EXPECT_EQ(group.rules[1].status->last_error, "exceeded limit of 1 with 2 alerts");
    EXPECT_EQ(group.rules[1].status->health, RuleHealth::kErr);
    std::string metrics;
    manager_->render_metrics(metrics);
    EXPECT_THAT(metrics,
                HasSubstr("prometheus_rule_evaluation_failures_total{rule_group=\"r.yml;g\"} 2\n"));
    EXPECT_THAT(metrics,
                HasSubstr("prometheus_rule_group_iterations_total{rule_group=\"r.yml;g\"} 1\n"));
}

TEST_F(RuleManagerTest, DependentRulesSeeEachOthersValues) {
    start_warm(
        "- {record: a, expr: latency + 1}\n- {record: b, expr: a * 10}\n- {alert: A, expr: b > 5}\n"
        "- {record: n, expr: count(ALERTS)}\n");
    put(kLatency, 1);
    const Millis at = step();
    EXPECT_THAT(world_.ask("b", at), ElementsAre(R"(b{job="api"} 20)"));
    EXPECT_THAT(world_.ask("n", at), ElementsAre("n 1"));
}

TEST_F(RuleManagerTest, QueryOffsetLooksAndWritesBack) {
    start(
        "groups:\n- name: g\n  query_offset: 30s\n  rules:\n  - {record: r, expr: "
        "timestamp(vector(time()))}\n");
    const Millis at = step();
    EXPECT_THAT(world_.ask("r", at - 30'001), IsEmpty());
    EXPECT_THAT(world_.ask("r", at),
                ElementsAre("r " + format_value(static_cast<double>(at.count - 30'000) / 1000)));
}

TEST_F(RuleManagerTest, MissedEvaluationsAreCounted) {
    start("- {record: r, expr: '1'}\n");
    const Millis at = step();
    world_.clock.set(at + 5 * 60'000 + 1);
    manager_->run_due();
    std::string metrics;
    manager_->render_metrics(metrics);
    EXPECT_THAT(
        metrics,
        HasSubstr("prometheus_rule_group_iterations_missed_total{rule_group=\"r.yml;r\"} 4\n"));
    EXPECT_THAT(metrics,
                HasSubstr("prometheus_rule_group_iterations_total{rule_group=\"r.yml;r\"} 6\n"));
    EXPECT_EQ(manager_->groups().at(0).last_evaluation, at + 5 * 60'000);
}

TEST_F(RuleManagerTest, ReloadKeepsStateOfRulesThatStay) {
    const std::string slow = "- alert: Slow\n  expr: latency > 1\n  for: 10m\n";
    start(slow + "- {record: gone, expr: latency}\n");
    put(kLatency, 3);
    const Millis began = step();
    EXPECT_EQ(world_.ask("gone", began).size(), 1u);
    apply(slow + "- {record: other, expr: latency}\n");
    put(kLatency, 3);
    const Millis at = step();
    EXPECT_EQ(only_alert().active_at, began);
    EXPECT_THAT(world_.ask("gone", at), IsEmpty());
    EXPECT_EQ(world_.ask("other", at).size(), 1u);
}

TEST_F(RuleManagerTest, SeriesOfRemovedGroupsEndUnlessAnotherWritesThem) {
    const char* const both =
        "groups:\n- name: a\n  rules:\n  - {record: moved, expr: vector(1)}\n"
        "  - {record: dropped, expr: vector(1)}\n";
    start(both);
    step();
    apply("groups:\n- name: b\n  rules:\n  - {record: moved, expr: vector(1)}\n");
    Millis at{0};
    for (int i = 0; i < 3; ++i) at = step();
    EXPECT_EQ(world_.ask("moved", at).size(), 1u);
    EXPECT_THAT(world_.ask("dropped", at + 60'000), IsEmpty());
}

TEST_F(RuleManagerTest, RestartTakesOverSinceWhen) {
    const char* const text = "- {alert: Slow, expr: latency > 1, for: 30m}\n";
    start_warm(text);
    put(kLatency, 3);
    const Millis began = step();
    put(kLatency, 3);
    step();
    const Millis down = step();
    manager_.reset();
    // Five minutes are lost, which do not count.
    world_.clock.set(down + 5 * 60'000);
    start(text);
    put(kLatency, 3);
    step();
    EXPECT_EQ(world_.ask("count_over_time(ALERTS[1m])", world_.clock.now()).size(),
              0u);  // not before the restore
    const Millis restored = step();
    // The series has whole seconds.
    EXPECT_EQ(only_alert().active_at, Millis{began.count / 1000 * 1000} + (restored - down));
    const Millis at = step();
    EXPECT_EQ(alerts(at).size(), 1u);
}

TEST_F(RuleManagerTest, TwoSamplesOfOneAlertAreAnError) {
    start(
        "- {alert: A, expr: latency, labels: {job: same}}\n- {record: r, expr: latency, labels: "
        "{job: same}}\n");
    put(kLatency, 1);
    put(LabelSet{{"__name__", "latency"}, {"job", "web"}}, 1);
    step();
    const GroupView group = manager_->groups().at(0);
    EXPECT_THAT(group.rules[0].status->last_error,
                HasSubstr("same labelset after applying alert labels"));
    EXPECT_THAT(group.rules[1].status->last_error,
                HasSubstr("same labelset after applying rule labels"));
}

TEST(RuleManager, RunsOnThreadsOfItsOwn) {
    World world;
    RealClock clock;
    Environment env{clock, world.files, world.log, world.metrics, world.pool};
    RuleManager manager(env, world.engine, world.store, nullptr, {});
    RuleSet set;
    set.groups = World::groups(
        "groups:\n- name: g\n  interval: 10ms\n  rules:\n  - {record: a, expr: vector(1)}\n"
        "  - {record: b, expr: vector(2)}\n");
    manager.apply(set);
    const auto is_evaluated = [&] {
        const std::vector<GroupView> groups = manager.groups();
        return groups[0].rules[0].status->health == RuleHealth::kOk &&
               groups[0].rules[1].status->health == RuleHealth::kOk;
    };
    while (!is_evaluated()) std::this_thread::yield();
    for (int i = 0; i < 20; ++i) {
        set.groups[0].rules[0].labels = {{"i", std::to_string(i)}};
        manager.apply(set);
    }
    manager.stop();
}

// guide: G041, P03
TEST_F(RuleManagerTest, AlertsOfOneNameAndTheSameLabelsStandSideBySide) {
    start_warm(
        "groups:\n- {name: a, rules: [{alert: Slow, expr: latency > 1}]}\n"
        "- {name: b, rules: [{alert: Slow, expr: latency > 2}]}\n");
    const auto slow = [&] {
        std::vector<std::string> groups;
        for (const GroupView& group : manager_->groups()) {
            for (const Alert& alert : group.rules.at(0).status->alerts)
                groups.push_back(group.name + "=" + std::string(alert.labels.get("rule_group")));
        }
        return groups;
    };
    const auto step_both = [&] {
        step();
        step();
    };
    // Only one is over its bound: nothing to tell apart.
    put(kLatency, 1.5);
    step_both();
    EXPECT_THAT(slow(), ElementsAre("a="));
    put(kLatency, 3);
    step_both();
    EXPECT_THAT(slow(), ElementsAre("a=", "b=r.yml;b;0"));
    const Millis at = world_.clock.now();
    EXPECT_EQ(world_.ask("ALERTS", at).size(), 2u);
    // A reload that changes the second keeps its alert under the name it has.
    apply(
        "groups:\n- {name: a, rules: [{alert: Slow, expr: latency > 1}]}\n"
        "- {name: b, rules: [{alert: Slow, expr: latency > 2.5}]}\n");
    step_both();
    EXPECT_THAT(slow(), ElementsAre("a=", "b=r.yml;b;0"));
}

TEST_F(RuleManagerTest, TheConfigurationsOnNoDataHoldsForRulesThatSayNothing) {
    const auto apply_with = [&](OnNoData choice) {
        RuleSet set;
        set.groups = World::groups("- {alert: Slow, expr: latency > 1}\n");
        set.defaults.on_no_data = choice;
        manager_->apply(std::move(set));
    };
    start_warm("- {alert: Slow, expr: latency > 1}\n");
    apply_with(OnNoData::kKeep);
    put(kLatency, 3);
    step();
    put(kLatency, kStaleMarker);
    step();
    EXPECT_TRUE(only_alert().is_no_data);
    apply_with(OnNoData::kResolve);
    step();
    EXPECT_TRUE(manager_->groups().at(0).rules.at(0).status->alerts.empty());
}

TEST_F(RuleManagerTest, ShowsHowLongEvaluationsTake) {
    start("- {record: twice, expr: 2 * latency}\n");
    step();
    std::string out;
    manager_->render_metrics(out);
    EXPECT_THAT(out, HasSubstr("\n# TYPE prometheus_rule_group_duration_seconds summary\n"));
    EXPECT_THAT(out, HasSubstr("\nprometheus_rule_evaluation_duration_seconds_count 1\n"));
    EXPECT_THAT(out, HasSubstr("prometheus_rule_evaluation_duration_seconds{quantile=\"0.99\"} "));
}

}  // namespace
}  // namespace kw::rules
