// From alerts to incidents and back, over a real state store: grouping, ends, restarts, paging, timeline, metrics.
#include "incidents/incidents.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "alerting/alertmanager.h"
#include "contract/memory_store.h"
#include "promql/engine.h"
#include "state/audit.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::incidents {
namespace {

constexpr int64_t kMinuteMs = 60'000;
const Actor kAnna{"anna", "test"};

class NoSink final : public alerting::NotificationSink {
 public:
    void notify(alerting::Notification notification, Done done) override {
        (void)notification;
        done(true);
    }
    void apply(std::shared_ptr<const alerting::NotifySettings> settings) override {
        (void)settings;
    }
};

class IncidentsTest : public testing::Test {
 protected:
    IncidentsTest() { restart(); }

    // What a process is: everything but the store's file and the samples begins anew.
    void restart() {
        incidents_.reset();
        manager_.reset();
        state_.reset();
        state_ = state::Store::open(world_.env, {.directory = world_.directory.path() + "/state"})
                     .value();
        manager_ = std::make_unique<alerting::Alertmanager>(world_.env, sink_, nullptr,
                                                            alerting::Alertmanager::Options());
        alerting::Settings settings;
        alerting::RouteOptions root;
        root.receiver = "default";
        settings.route = alerting::Route::make(root);
        settings.notify = std::make_shared<const alerting::NotifySettings>();
        manager_->apply(std::make_shared<const alerting::Settings>(std::move(settings)));
        Result<std::unique_ptr<Incidents>> opened =
            Incidents::open(world_.env, *state_, *manager_, engine_, options_);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        incidents_ = std::move(opened).value();
        incidents_->apply(std::make_shared<const Settings>(settings_));
    }
    Millis now() const { return world_.clock.now(); }
    void after(int64_t distance_ms) {
        world_.clock.advance(distance_ms);
        incidents_->run_once(cancel_);
    }
    // Fires for an hour, unless it is told of again.
    void fire(const LabelSet& labels, std::string summary = "") {
        alerting::Report report;
        report.labels = labels;
        if (!summary.empty()) report.annotations = {{"summary", std::move(summary)}};
        report.starts_at = now();
        report.ends_at = now() + 60 * kMinuteMs;
        manager_->put({std::move(report)});
        incidents_->run_once(cancel_);
    }
    void end(const LabelSet& labels) {
        alerting::Report report;
        report.labels = labels;
        report.starts_at = now() - 1;
        report.ends_at = now();
        manager_->put({std::move(report)});
        incidents_->run_once(cancel_);
    }
    std::vector<state::AuditEntry> audit() {
        const state::Snapshot snapshot = state_->snapshot().value();
        state::AuditFilter filter;
        filter.kind = "incident";
        return state::read_audit(*snapshot, filter).value();
    }
    std::string metrics() {
        std::string out;
        world_.metrics.render(out);
        return out;
    }

    state::TestWorld world_;
    MemoryStore samples_;
    promql::Engine engine_{world_.env, samples_, {}};
    NoSink sink_;
    Settings settings_;
    Incidents::Options options_;
    CancelToken cancel_;
    std::unique_ptr<state::Store> state_;
    std::unique_ptr<alerting::Alertmanager> manager_;
    std::unique_ptr<Incidents> incidents_;
};

const LabelSet kErrors{{"alertname", "HighErrorRate"},
                       {"service", "api"},
                       {"severity", "critical"},
                       {"zone", "north"}};
const LabelSet kCpu{{"alertname", "HighCPUUsage"}, {"service", "api"}, {"severity", "warning"}};
const LabelSet kModel{
    {"alertname", "LowModelAccuracy"}, {"job", "model"}, {"severity", "critical"}};

// guide: G108
TEST_F(IncidentsTest, AlertsOfAServiceAreOneIncident) {
    fire(kCpu, "CPU is busy");
    ASSERT_EQ(incidents_->list().size(), 1U);
    EXPECT_EQ(incidents_->find(1)->severity, Severity::kSev3);
    EXPECT_EQ(incidents_->find(1)->summary, "CPU is busy");
    after(kMinuteMs);
    fire(kErrors);
    fire(kModel);
    ASSERT_EQ(incidents_->list().size(), 2U);
    const IncidentPtr api = incidents_->find(1);
    EXPECT_EQ(api->title, "HighCPUUsage in api");
    EXPECT_EQ(api->alerts.size(), 2U);
    // The worst alert decides, by its class.
    EXPECT_EQ(api->severity, Severity::kSev2);
    EXPECT_EQ(api->severity_reason, "class High error rates");
    EXPECT_EQ(api->impact.services, std::vector<std::string>{"api"});
    EXPECT_EQ(api->impact.zones, std::vector<std::string>{"north"});
    EXPECT_EQ(incidents_->find(2)->impact.services, std::vector<std::string>{"model"});
    // Nothing new: nothing is written.
    const size_t written = audit().size();
    after(1000);
    EXPECT_EQ(audit().size(), written);
    end(kCpu);
    EXPECT_FALSE(incidents_->find(1)->restored_at.has_value());
    end(kErrors);
    EXPECT_EQ(incidents_->find(1)->restored_at, now());
    EXPECT_TRUE(incidents_->find(1)->is_open());
    // Within the window it is the same incident, after it another.
    after(29 * kMinuteMs);
    fire(kErrors);
    EXPECT_EQ(incidents_->find(1)->alerts[1].firing_count, 2);
    end(kErrors);
    after(31 * kMinuteMs);
    fire(kErrors);
    EXPECT_EQ(incidents_->list().size(), 3U);
}

TEST_F(IncidentsTest, ARestartLosesNothingAndRepeatsNothing) {
    fire(kErrors);
    ASSERT_TRUE(incidents_->change(1, "acknowledge", kAnna, acknowledge).ok());
    const Incident before = *incidents_->find(1);
    restart();
    ASSERT_EQ(incidents_->list().size(), 1U);
    EXPECT_EQ(*incidents_->find(1), before);
    // The rule needs its time to fire again; until then nobody says that the alert is over.
    after(4 * kMinuteMs);
    EXPECT_EQ(incidents_->find(1)->firing_count(), 1U);
    fire(kErrors);
    EXPECT_EQ(incidents_->list().size(), 1U);
    EXPECT_EQ(incidents_->find(1)->alerts[0].firing_count, 1);
    restart();
    after(6 * kMinuteMs);
    EXPECT_EQ(incidents_->find(1)->firing_count(), 0U);
    EXPECT_TRUE(incidents_->find(1)->alerts[0].is_no_data);
    const std::vector<state::AuditEntry> entries = audit();
    EXPECT_EQ(entries.back().action, "open");
    EXPECT_EQ(entries.back().actor, "alerts");
    EXPECT_EQ(entries.back().object, "INC-1");
    const auto acknowledged = std::find_if(entries.begin(), entries.end(), [](const auto& entry) {
        return entry.action == "acknowledge";
    });
    ASSERT_NE(acknowledged, entries.end());
    EXPECT_EQ(acknowledged->actor, "anna");
    EXPECT_NE(acknowledged->before->find("detection"), std::string::npos);
    EXPECT_NE(acknowledged->after->find("assessment"), std::string::npos);
}

TEST_F(IncidentsTest, SmallOnesResolveByThemselvesAndBeginAgain) {
    fire(kCpu);
    end(kCpu);
    const Millis ended = now();
    after(16 * kMinuteMs);
    EXPECT_EQ(incidents_->find(1)->status, Status::kResolved);
    EXPECT_EQ(incidents_->find(1)->resolved_at, ended);
    fire(kCpu);
    EXPECT_EQ(incidents_->list().size(), 1U);
    EXPECT_TRUE(incidents_->find(1)->is_open());
    // A person is on it, or it is grave: it stays open.
    ASSERT_TRUE(incidents_->change(1, "acknowledge", kAnna, acknowledge).ok());
    end(kCpu);
    fire(kModel);
    end(kModel);
    after(60 * kMinuteMs);
    EXPECT_TRUE(incidents_->find(1)->is_open());
    EXPECT_TRUE(incidents_->find(2)->is_open());
}

TEST_F(IncidentsTest, SilencedAlertsAndHeartbeatsOpenNone) {
    alerting::Silence silence;
    silence.matchers = {Matcher::equal("service", "api")};
    silence.starts_at = now();
    silence.ends_at = now() + 10 * kMinuteMs;
    ASSERT_TRUE(manager_->silences().set(silence, "anna").ok());
    fire(kErrors);
    fire({{"alertname", "Watchdog"}, {"severity", "none"}});
    EXPECT_TRUE(incidents_->list().empty());
    after(11 * kMinuteMs);
    EXPECT_EQ(incidents_->list().size(), 1U);
}

// guide: G107, G109, G113
TEST_F(IncidentsTest, OpenedByHandItPagesUntilSomebodyIsOnIt) {
    const auto pages = [&] {
        size_t count = 0;
        for (const alerting::AlertView& view : manager_->alerts()) {
            count += view.alert->labels.get("alertname") == "IncidentOpen" ? 1 : 0;
        }
        return count;
    };
    const Incidents::Draft draft{.title = "Customers complain",
                                 .severity = Severity::kSev2,
                                 .summary = {},
                                 .services = {"api"},
                                 .zones = {},
                                 .began_at = now() - kMinuteMs};
    const Result<IncidentPtr> made = incidents_->create(draft, kAnna);
    ASSERT_TRUE(made.ok()) << made.error().message;
    Incidents::Draft small = draft;
    small.severity = Severity::kSev4;
    small.services = {"docs"};
    ASSERT_TRUE(incidents_->create(small, kAnna).ok());
    after(0);
    EXPECT_EQ(pages(), 1U);  // SEV4 pages nobody
    EXPECT_EQ(incidents_->list().size(), 2U);
    ASSERT_TRUE(incidents_
                    ->change(1, "snooze", kAnna,
                             [&](Incident& incident, const Moment& moment) {
                                 return snooze(incident, moment.now + 10 * kMinuteMs, moment);
                             })
                    .ok());
    after(1);
    EXPECT_EQ(pages(), 0U);
    after(11 * kMinuteMs);
    EXPECT_EQ(pages(), 1U);
    ASSERT_TRUE(incidents_->change(1, "acknowledge", kAnna, acknowledge).ok());
    after(1);
    EXPECT_EQ(pages(), 0U);
    EXPECT_FALSE(incidents_->create({}, kAnna).ok());
    EXPECT_EQ(incidents_->change(99, "acknowledge", kAnna, acknowledge).error().code,
              Code::kNotFound);
}

TEST_F(IncidentsTest, AWebhooksAlertsEndWhenItSaysSo) {
    SeenAlert alert;
    alert.labels = kErrors;
    alert.starts_at = now();
    alert.is_external = true;
    const auto opened = incidents_->take({alert}, "webhook", {"grafana", "test"});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    ASSERT_EQ(opened->size(), 1U);
    EXPECT_EQ((*opened)[0]->source, "webhook");
    after(60 * kMinuteMs);
    EXPECT_EQ(incidents_->find(1)->firing_count(), 1U);
    alert.ended_at = now();
    ASSERT_TRUE(incidents_->take({alert}, "webhook", {"grafana", "test"}).ok());
    EXPECT_EQ(incidents_->find(1)->firing_count(), 0U);
}

TEST_F(IncidentsTest, LimitsHold) {
    options_.open_max = 2;
    options_.incidents_max = 3;
    restart();
    for (const char* const service : {"a", "b", "c"}) {
        fire({{"alertname", "X"}, {"service", service}, {"severity", "critical"}});
    }
    EXPECT_EQ(incidents_->list().size(), 2U);
    EXPECT_NE(metrics().find("kilowatch_incidents_limited_total"), std::string::npos);
    const auto over = [](Incident& incident, const Moment& moment) -> Done {
        KW_TRY(resolve(incident, "over", moment));
        return close(incident, "over", moment);
    };
    ASSERT_TRUE(incidents_->change(1, "close", kAnna, over).ok());
    after(10'000);
    EXPECT_EQ(incidents_->list().size(), 3U);
    // The oldest closed one goes for the next.
    ASSERT_TRUE(incidents_->change(2, "close", kAnna, over).ok());
    fire({{"alertname", "X"}, {"service", "d"}, {"severity", "critical"}});
    EXPECT_EQ(incidents_->list().size(), 3U);
    EXPECT_EQ(incidents_->find(1), nullptr);
    EXPECT_EQ(incidents_->find(4)->impact.services, std::vector<std::string>{"d"});
    // A flood of one service is one incident, whose alerts are bounded.
    for (size_t i = 0; i < kIncidentAlertsMax + 10; ++i) {
        alerting::Report report;
        report.labels = LabelSet{{"alertname", "X"}, {"service", "d"}, {"pod", std::to_string(i)}};
        report.ends_at = now() + kMinuteMs;
        manager_->put({std::move(report)});
    }
    after(1);
    EXPECT_EQ(incidents_->find(4)->alerts.size(), kIncidentAlertsMax);
    EXPECT_EQ(incidents_->find(4)->alerts_left_out, 11);
}

// guide: G118
TEST_F(IncidentsTest, ChecksAreRunBeforeResolving) {
    fire(kErrors);
    end(kErrors);
    ASSERT_TRUE(incidents_
                    ->change(1, "check", kAnna,
                             [](Incident& incident, const Moment&) {
                                 incident.phase = Phase::kResolution;
                                 return add_check(incident, "ready == 1");
                             })
                    .ok());
    EXPECT_EQ(incidents_->resolve(1, "", kAnna, cancel_).error().message,
              "INC-1 is not over: check ready == 1 is not green: no series answers; mend that, or "
              "say in reason why it is resolved");
    samples_.add({{"__name__", "ready"}}, now(), 1);
    ASSERT_TRUE(incidents_->run_checks(1, kAnna, cancel_).ok());
    EXPECT_TRUE(incidents_->find(1)->checks[0].is_green);
    ASSERT_TRUE(incidents_->resolve(1, "", kAnna, cancel_).ok());
    EXPECT_EQ(incidents_->find(1)->status, Status::kResolved);
}

// Four hours of a service: at 220 minutes a new version, then a fault, then errors, then a restart.
void add_history(MemoryStore& store, Millis start) {
    for (int64_t minute = 0; minute <= 240; ++minute) {
        const Millis at = start + minute * kMinuteMs;
        const bool is_new = minute >= 220;
        store.add({{"__name__", "build_info"},
                   {"job", "api"},
                   {"instance", "a"},
                   {"version", is_new ? "2" : "1"}},
                  at, 1);
        store.add({{"__name__", "fault_active"}, {"job", "api"}, {"fault", "errors"}}, at,
                  minute >= 225 ? 1 : 0);
        store.add({{"__name__", "error_rate"}, {"service", "api"}}, at,
                  minute >= 226 ? 0.4 : 0.01 + 0.001 * static_cast<double>(minute % 3));
        store.add({{"__name__", "calm"}, {"service", "api"}}, at,
                  std::sin(static_cast<double>(minute)));
        store.add(
            {{"__name__", "process_start_time_seconds"}, {"job", "api"}, {"instance", "a"}}, at,
            static_cast<double>((minute >= 235 ? start + 235 * kMinuteMs : start).count) / 1000);
        store.add({{"__name__", "up"}, {"job", "db"}, {"instance", "d"}}, at,
                  minute >= 222 && minute < 224 ? 0 : 1);
        if (minute >= 215) {  // a target that is new, with all that it has
            for (const char* const name : {"up", "os_info"})
                store.add({{"__name__", name}, {"job", "new"}, {"instance", "n"}}, at, 1);
        }
        if (minute >= 228) {
            store.add({{"__name__", "feature_info"}, {"job", "db"}, {"instance", "d"}}, at, 1);
        }
        if (minute >= 227) {
            store.add({{"__name__", "ALERTS_FOR_STATE"},
                       {"alertname", "HighErrorRate"},
                       {"service", "api"},
                       {"severity", "critical"},
                       {"zone", "north"}},
                      at, static_cast<double>((start + 227 * kMinuteMs).count) / 1000);
        }
    }
}

// guide: G112, G119, G120, G121
TEST_F(IncidentsTest, TheTimelineGathersItselfAndThePostmortemIsDrafted) {
    const Millis start = now();
    add_history(samples_, start);
    world_.clock.advance(230 * kMinuteMs);
    fire(kErrors, "Errors over 1 %");
    const Result<std::optional<Timeline>> gathered = incidents_->timeline(1);
    ASSERT_TRUE(gathered.ok() && gathered->has_value());
    // It began when its rule says that it became pending.
    EXPECT_EQ(incidents_->find(1)->began_at, start + 227 * kMinuteMs);
    const auto find = [](const Timeline& timeline, std::string_view kind) -> const TimelineEntry* {
        for (const TimelineEntry& entry : timeline.entries) {
            if (entry.kind == kind) return &entry;
        }
        return nullptr;
    };
    const Timeline& timeline = **gathered;
    const TimelineEntry* const deploy = find(timeline, "deploy");
    ASSERT_NE(deploy, nullptr);
    EXPECT_EQ(deploy->detail, "version 1 → 2");
    EXPECT_DOUBLE_EQ(deploy->score, 0.9);
    const auto count = [&](std::string_view title) {
        return std::ranges::count(timeline.entries, title, &TimelineEntry::title);
    };
    EXPECT_EQ(count("feature_info appears"), 1);
    EXPECT_EQ(count("os_info appears"), 0);  // new to us with its target, not to it
    const TimelineEntry* const fault = find(timeline, "fault");
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->title, "fault errors begins");
    EXPECT_FALSE(fault->points.empty());
    const TimelineEntry* const departure = find(timeline, "departure");
    ASSERT_NE(departure, nullptr);
    EXPECT_EQ(departure->title, "error_rate left its usual band");
    EXPECT_GT(departure->score, 0.8);
    const TimelineEntry* const target = find(timeline, "target");
    ASSERT_NE(target, nullptr);
    EXPECT_DOUBLE_EQ(target->score, 0.375);  // of another service
    EXPECT_EQ(std::count_if(timeline.entries.begin(), timeline.entries.end(),
                            [](const auto& entry) { return entry.kind == "departure"; }),
              1);
    world_.clock.advance(10 * kMinuteMs);
    end(kErrors);
    ASSERT_TRUE(incidents_->resolve(1, "rolled back", kAnna, cancel_).ok());
    after(1000);
    const IncidentPtr resolved = incidents_->find(1);
    for (const std::string_view want :
         {"# Post-mortem INC-1: HighErrorRate in api", "version 1 → 2", "fault errors begins",
          "error\\_rate left its usual band", "api restarted", "| resolved |", "rolled back",
          "## Before and after", "Errors over 1 %"}) {
        EXPECT_NE(resolved->postmortem.find(want), std::string::npos) << want << "\n"
                                                                      << resolved->postmortem;
    }
    // Gathered again, by hand, it does not touch what was written.
    ASSERT_TRUE(incidents_
                    ->change(1, "postmortem", kAnna,
                             [](Incident& incident, const Moment&) {
                                 return write_postmortem(incident, "ours");
                             })
                    .ok());
    ASSERT_TRUE(incidents_->gather(1, cancel_).ok());
    EXPECT_EQ(incidents_->find(1)->postmortem, "ours");
    ASSERT_TRUE(incidents_->draft_postmortem(1, kAnna, cancel_).ok());
    EXPECT_NE(incidents_->find(1)->postmortem, "ours");
}

// guide: G123
TEST_F(IncidentsTest, MeanTimesAreSeries) {
    const Incidents::Draft draft{.title = "x",
                                 .severity = Severity::kSev1,
                                 .summary = {},
                                 .services = {},
                                 .zones = {},
                                 .began_at = now() - 2 * kMinuteMs};
    ASSERT_TRUE(incidents_->create(draft, kAnna).ok());
    world_.clock.advance(kMinuteMs);
    ASSERT_TRUE(incidents_->change(1, "acknowledge", kAnna, acknowledge).ok());
    after(0);
    EXPECT_NE(metrics().find(R"(kilowatch_incidents{severity="SEV1",phase="assessment"} 1)"),
              std::string::npos)
        << metrics();
    world_.clock.advance(kMinuteMs);
    ASSERT_TRUE(incidents_->resolve(1, "over", kAnna, cancel_).ok());
    after(0);
    for (const std::string_view want :
         {R"(kilowatch_incident_mttd_seconds{severity="SEV1"} 120)",
          R"(kilowatch_incident_mtta_seconds{severity="SEV1"} 60)",
          R"(kilowatch_incident_mttr_seconds{severity="SEV1"} 240)"}) {
        EXPECT_NE(metrics().find(want), std::string::npos) << want;
    }
}

TEST_F(IncidentsTest, ADamagedDocumentLosesOnlyItself) {
    fire(kErrors);
    fire(kModel);
    ASSERT_TRUE(state_
                    ->write([](state::Connection& transaction) -> Result<void> {
                        KW_TRY(transaction.run(
                            "UPDATE incident SET document = replace(document, 'api', 'apx') "
                            "WHERE id = 1"));
                        return {};
                    })
                    .ok());
    restart();
    EXPECT_EQ(incidents_->find(1), nullptr);
    EXPECT_NE(incidents_->find(2), nullptr);
    // Its number is not given again.
    fire({{"alertname", "X"}, {"service", "other"}, {"severity", "critical"}});
    EXPECT_NE(incidents_->find(3), nullptr);
}

}  // namespace
}  // namespace kw::incidents
