// Our API over notifications: history with filters and pages, tests, acknowledgements, why and simulate, and what is refused.
#include "api/notifications/notifications_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "alerting/alertmanager.h"
#include "base/cancel.h"
#include "base/mutex.h"
#include "net/http_client.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::api {
namespace {

using Json = nlohmann::json;
using Params = std::vector<std::pair<std::string, std::string>>;
using ::testing::HasSubstr;

// Answers by the URL's status at once; remembers bodies.
class Provider final : public net::Fetcher {
 public:
    FetchId fetch(net::FetchRequest request, net::FetchCallback callback) override {
        net::FetchResponse response;
        response.status = request.url == "http://broken/" ? 400 : 202;
        {
            const MutexLock lock(mutex_);
            bodies_.push_back(request.body);
        }
        callback(std::move(response));
        return 1;
    }
    void cancel(FetchId) override {}
    std::string last_body() const {
        const MutexLock lock(mutex_);
        return bodies_.empty() ? "" : bodies_.back();
    }

 private:
    mutable Mutex mutex_;
    std::vector<std::string> bodies_ KW_GUARDED_BY(mutex_);
};

class NotificationsApiTest : public testing::Test {
 protected:
    NotificationsApiTest() {
        alerting::RouteOptions root;
        root.receiver = "default";
        root.group_by = {"alertname"};
        alerting::RouteOptions db;
        db.receiver = "db";
        db.matchers = {Matcher::equal("team", "db")};
        root.routes = {db};
        alerting::NotifySettings notify;
        alerting::Receiver receiver;
        receiver.name = "db";
        receiver.pagerduty.resize(1);
        receiver.pagerduty[0].routing_key = alerting::Secret::of_text("key");
        receiver.pagerduty[0].url = "http://pd/";
        receiver.webhook.resize(1);
        receiver.webhook[0].url = alerting::Secret::of_text("http://broken/");
        alerting::Receiver silent;
        silent.name = "default";
        notify.receivers = {silent, receiver};
        notify.fallback_receiver = "db";
        alerting::Settings settings;
        settings.route = alerting::Route::make(root);
        settings.inhibit_rules = {{"",
                                   {Matcher::equal("severity", "critical")},
                                   {Matcher::equal("severity", "warning")},
                                   {"team"}}};
        settings.notify = std::make_shared<const alerting::NotifySettings>(std::move(notify));
        manager_.apply(std::make_shared<const alerting::Settings>(std::move(settings)));
        add_notification_routes(routes_,
                                {world_.clock, manager_, *pipeline_, [this] { return groups_; },
                                 [](const LabelSet& labels) -> std::optional<LabelSet> {
                                     if (labels.get("alertname") == "Dropped") return std::nullopt;
                                     return LabelBuilder(labels).set("zone", "eu").build();
                                 }});
    }

    static std::unique_ptr<state::Store> open_store(state::TestWorld& world) {
        return state::Store::open(world.env, {.directory = world.directory.path() + "/s"}).value();
    }

    struct Answer {
        int status = 0;
        std::string body;
        Json data() const { return Json::parse(body)["data"]; }
        std::string error() const { return Json::parse(body)["error"].get<std::string>(); }
    };
    Answer ask(std::string_view method, const std::string& path, const Params& params = {},
               std::string body = {}) {
        net::Request request(cancel_);
        request.method = std::string(method);
        request.path = path;
        request.body = std::move(body);
        request.remote_address = "127.0.0.1:1";
        for (const auto& [name, value] : params) request.params.add(name, value);
        const net::Router::Match match = routes_.match(method, path);
        if (match.route == nullptr) return {match.allowed.empty() ? 404 : 405, ""};
        net::RecordedResponse response;
        match.route->handler(request, response);
        return {response.status(), response.body()};
    }
    void fire(LabelSet labels) {
        alerting::Report report;
        report.labels = std::move(labels);
        report.starts_at = world_.clock.now();
        report.ends_at = world_.clock.now() + 3'600'000;
        ASSERT_EQ(manager_.put({std::move(report)}).taken_count, 1U);
    }
    // Flushes the group, and waits until its answers are written down.
    void flush() {
        world_.clock.advance(31'000);
        ASSERT_EQ(manager_.run_due(), 1U);
        while (ask("GET", "/api/kw/v1/notifications").data()["notifications"].size() < 2) {
            std::this_thread::yield();
        }
    }
    void say(const std::string& name, rules::AlertState state) {
        rules::RuleView view;
        view.rule.kind = rules::Rule::Kind::kAlerting;
        view.rule.name = name;
        view.rule.expr = "up == 0";
        view.rule.for_ms = 300'000;
        rules::RuleStatus status;
        rules::Alert alert;
        alert.labels = LabelSet{{"alertname", name}, {"team", "db"}};
        alert.state = state;
        alert.active_at = world_.clock.now() - 60'000;
        if (state == rules::AlertState::kFiring) alert.fired_at = world_.clock.now();
        status.alerts = {alert};
        status.last_evaluation = world_.clock.now();
        view.status = std::make_shared<const rules::RuleStatus>(std::move(status));
        rules::GroupView group;
        group.name = "g";
        group.file = "rules.yml";
        group.rules = {view};
        groups_ = {group};
    }

    Provider provider_;
    state::TestWorld world_;
    std::unique_ptr<state::Store> store_ = open_store(world_);
    std::unique_ptr<alerting::NotifyPipeline> pipeline_ =
        alerting::NotifyPipeline::open(world_.env, provider_, *store_, {}).value();
    alerting::Alertmanager manager_{world_.env, *pipeline_, nullptr, {}};
    std::vector<rules::GroupView> groups_;
    net::Router routes_;
    CancelToken cancel_;
};

TEST_F(NotificationsApiTest, HistoryHasFiltersAndPages) {
    fire(LabelSet{{"alertname", "A"}, {"team", "db"}});
    flush();
    const Json page = ask("GET", "/api/kw/v1/notifications", {{"limit", "1"}}).data();
    ASSERT_EQ(page["notifications"].size(), 1U);
    const Json next = ask("GET", "/api/kw/v1/notifications",
                          {{"before", std::to_string(page["next"].get<int64_t>())}})
                          .data();
    ASSERT_EQ(next["notifications"].size(), 1U);
    EXPECT_TRUE(next["next"].is_null());
    EXPECT_NE(next["notifications"][0]["id"], page["notifications"][0]["id"]);
    const Json refused =
        ask("GET", "/api/kw/v1/notifications", {{"outcome", "refused"}, {"receiver", "db"}}).data();
    ASSERT_EQ(refused["notifications"].size(), 1U);
    const Json& line = refused["notifications"][0];
    EXPECT_EQ(line["integration"], "webhook[0]");
    EXPECT_EQ(line["groupKey"], R"({}/{team="db"}:{alertname="A"})");
    EXPECT_EQ(line["firing"], 1);
    EXPECT_THAT(line["answer"].get<std::string>(), HasSubstr("400"));
    EXPECT_TRUE(ask("GET", "/api/kw/v1/notifications", {{"receiver", "x"}})
                    .data()["notifications"]
                    .empty());
    EXPECT_TRUE(
        ask("GET", "/api/kw/v1/notifications", {{"end", "1000"}}).data()["notifications"].empty());
    for (const Params& bad : std::vector<Params>{{{"limit", "0"}},
                                                 {{"limit", "x"}},
                                                 {{"before", "-1"}},
                                                 {{"outcome", "lost"}},
                                                 {{"start", "soon"}}}) {
        EXPECT_EQ(ask("GET", "/api/kw/v1/notifications", bad).status, 400);
    }
}

TEST_F(NotificationsApiTest, ReceiversAreListedAndTested) {
    const Json data = ask("GET", "/api/kw/v1/notifications/receivers").data();
    ASSERT_EQ(data["receivers"].size(), 2U);
    EXPECT_EQ(data["receivers"][1]["integrations"][0]["name"], "pagerduty[0]");
    EXPECT_TRUE(data["receivers"][1]["isFallback"].get<bool>());

    const Answer tested = ask("POST", "/api/kw/v1/notifications/test", {}, R"({"receiver": "db"})");
    ASSERT_EQ(tested.status, 200) << tested.body;
    const Json outcomes = tested.data()["integrations"];
    ASSERT_EQ(outcomes.size(), 2U);
    EXPECT_TRUE(outcomes[0]["delivered"].get<bool>());
    EXPECT_FALSE(outcomes[1]["delivered"].get<bool>());
    EXPECT_EQ(ask("POST", "/api/kw/v1/notifications/test", {}, R"({"receiver": "x"})").status, 404);
    EXPECT_EQ(ask("POST", "/api/kw/v1/notifications/test", {}, "{}").status, 400);
    EXPECT_EQ(ask("POST", "/api/kw/v1/notifications/test", {}, "receiver=db").status, 400);
    EXPECT_THAT(ask("POST", "/api/kw/v1/notifications/test", {}, R"({"receivr": "db"})").error(),
                HasSubstr("\"receivr\" is not known here"));
}

TEST_F(NotificationsApiTest, AcknowledgesTheGroupsOfAnAlert) {
    const LabelSet labels{{"alertname", "A"}, {"team", "db"}};
    fire(labels);
    const std::string fingerprint = alerting::fingerprint_text(labels);
    const Answer answer = ask("POST", "/api/kw/v1/notifications/acknowledge", {},
                              R"({"fingerprint": ")" + fingerprint + R"("})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_EQ(answer.data()["groups"].size(), 1U);
    EXPECT_EQ(answer.data()["groups"][0]["integrations"].size(), 1U);
    EXPECT_THAT(provider_.last_body(), HasSubstr("\"event_action\":\"acknowledge\""));
    EXPECT_EQ(ask("POST", "/api/kw/v1/notifications/acknowledge", {},
                  R"({"fingerprint": "0000000000000000"})")
                  .status,
              404);
    EXPECT_EQ(ask("POST", "/api/kw/v1/notifications/acknowledge", {},
                  R"({"fingerprint": ")" + fingerprint + R"(", "receiver": "default"})")
                  .status,
              404);
    EXPECT_EQ(
        ask("POST", "/api/kw/v1/notifications/acknowledge", {}, R"({"receiver": "db"})").status,
        400);
}

TEST_F(NotificationsApiTest, WhyTellsTheWholeLife) {
    fire(LabelSet{{"alertname", "A"}, {"team", "db"}, {"zone", "eu"}});
    flush();
    say("A", rules::AlertState::kFiring);
    const std::string fingerprint =
        alerting::fingerprint_text(LabelSet{{"alertname", "A"}, {"team", "db"}, {"zone", "eu"}});
    for (const Params& asked :
         std::vector<Params>{{{"fingerprint", fingerprint}},
                             {{"labels", R"({"alertname":"A","team":"db","zone":"eu"})"}},
                             // As the rule says it, before external labels.
                             {{"labels", R"({"alertname":"A","team":"db"})"}}}) {
        const Answer answer = ask("GET", "/api/kw/v1/alerts/why", asked);
        ASSERT_EQ(answer.status, 200) << answer.body;
        const Json data = answer.data();
        EXPECT_EQ(data["state"], "firing");
        EXPECT_EQ(data["fingerprint"], fingerprint);
        ASSERT_EQ(data["rules"].size(), 1U);
        EXPECT_EQ(data["rules"][0]["query"], "up == 0");
        ASSERT_EQ(data["routes"].size(), 1U);
        EXPECT_EQ(data["routes"][0]["path"].size(), 2U);
        EXPECT_EQ(data["routes"][0]["path"][1]["matchers"], R"({team="db"})");
        EXPECT_EQ(data["routes"][0]["groupSize"], 1);
        EXPECT_EQ(data["notifications"].size(), 2U);
        std::vector<std::string> steps;
        for (const Json& step : data["timeline"]) steps.push_back(step["what"]);
        EXPECT_THAT(steps, ::testing::IsSupersetOf(
                               {"pending", "firing", "started", "delivered", "refused"}));
    }
}

TEST_F(NotificationsApiTest, WhyNamesWhatKeepsAnAlertBack) {
    fire(LabelSet{{"alertname", "Down"}, {"severity", "critical"}, {"team", "db"}});
    const LabelSet slow{{"alertname", "Slow"}, {"severity", "warning"}, {"team", "db"}};
    fire(slow);
    alerting::Silence silence;
    silence.matchers = {Matcher::equal("alertname", "Slow")};
    silence.starts_at = world_.clock.now();
    silence.ends_at = world_.clock.now() + 60'000;
    silence.created_by = "anna";
    silence.comment = "works";
    ASSERT_TRUE(manager_.silences().set(silence, "anna").ok());
    const Json data =
        ask("GET", "/api/kw/v1/alerts/why", {{"fingerprint", alerting::fingerprint_text(slow)}})
            .data();
    EXPECT_EQ(data["inhibitedBy"]["labels"]["alertname"], "Down");
    ASSERT_EQ(data["silencedBy"].size(), 1U);
    EXPECT_EQ(data["silencedBy"][0]["comment"], "works");
    ASSERT_EQ(data["verdict"].size(), 2U);

    say("Pending", rules::AlertState::kPending);
    const Json pending =
        ask("GET", "/api/kw/v1/alerts/why", {{"labels", R"({"alertname":"Pending","team":"db"})"}})
            .data();
    EXPECT_EQ(pending["state"], "pending");
    EXPECT_THAT(pending["verdict"][0].get<std::string>(), HasSubstr("fires after 5m"));
    say("Dropped", rules::AlertState::kFiring);
    const Json dropped =
        ask("GET", "/api/kw/v1/alerts/why", {{"labels", R"({"alertname":"Dropped","team":"db"})"}})
            .data();
    EXPECT_THAT(dropped["verdict"][0].get<std::string>(),
                HasSubstr("alert_relabel_configs drop it"));

    EXPECT_EQ(ask("GET", "/api/kw/v1/alerts/why", {{"fingerprint", "0000000000000000"}}).status,
              404);
    EXPECT_EQ(ask("GET", "/api/kw/v1/alerts/why").status, 400);
    EXPECT_EQ(ask("GET", "/api/kw/v1/alerts/why", {{"labels", "[]"}}).status, 400);
    EXPECT_EQ(ask("GET", "/api/kw/v1/alerts/why", {{"labels", R"({"a":1})"}}).status, 400);
}

TEST_F(NotificationsApiTest, SimulatesWhoWouldBeTold) {
    const Answer answer =
        ask("POST", "/api/kw/v1/alerts/simulate", {},
            R"({"labels": {"alertname": "A", "team": "db"}, "at": "2026-03-06T12:00:00Z",
                "endsAt": "2026-03-06T12:07:00Z", "horizon": "1h"})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const Json data = answer.data();
    EXPECT_EQ(data["until"], "2026-03-06T13:00:00.000Z");
    ASSERT_EQ(data["routes"].size(), 1U);
    const Json& route = data["routes"][0];
    EXPECT_EQ(route["route"]["receiver"], "db");
    EXPECT_FALSE(route["isCut"].get<bool>());
    ASSERT_GE(route["events"].size(), 1U);
    EXPECT_EQ(route["events"][0]["kind"], "firing");
    EXPECT_EQ(route["events"][0]["at"], "2026-03-06T12:00:30.000Z");
    EXPECT_EQ(route["events"][0]["integrations"], (Json{"pagerduty[0]", "webhook[0]"}));
    for (const char* bad :
         {"", "[]", "{}", R"({"labels": {}})", R"({"labels": {"a": 1}})",
          R"({"labels": {"a": "b"}, "at": "soon"})", R"({"labels": {"a": "b"}, "at": []})",
          R"({"labels": {"a": "b"}, "horizon": "5y"})", R"({"labels": {"a": "b"}, "horizon": 5})",
          R"({"labels": {"a": "b"}, "when": "now"})",
          R"({"labels": {"a": "b"}, "at": 1000, "endsAt": 999})"}) {
        EXPECT_EQ(ask("POST", "/api/kw/v1/alerts/simulate", {}, bad).status, 400) << bad;
    }
}

TEST_F(NotificationsApiTest, TheRoutingTreeIsShown) {
    const Json route = ask("GET", "/api/kw/v1/alerts/routes").data()["route"];
    EXPECT_EQ(route["receiver"], "default");
    EXPECT_EQ(route["groupWait"], 30);
    ASSERT_EQ(route["routes"].size(), 1U);
    EXPECT_EQ(route["routes"][0]["matchers"], (Json{R"(team="db")"}));
    EXPECT_EQ(route["routes"][0]["groupBy"], (Json{"alertname"}));
    EXPECT_EQ(route["routes"][0]["integrations"], (Json{"pagerduty[0]", "webhook[0]"}));
}

}  // namespace
}  // namespace kw::api
