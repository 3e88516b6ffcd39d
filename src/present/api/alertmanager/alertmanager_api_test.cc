// Alertmanager's API: what is posted comes back, filters, and what is refused with which status.
#include "api/alertmanager/alertmanager_api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "alerting/alertmanager.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs/memory.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"

namespace kw::api {
namespace {

using Json = nlohmann::json;
using Params = std::vector<std::pair<std::string, std::string>>;

class NobodySink final : public alerting::NotificationSink {
 public:
    void notify(alerting::Notification, Done done) override { done(true); }
    void apply(std::shared_ptr<const alerting::NotifySettings>) override {}
};

class AlertmanagerApiTest : public testing::Test {
 protected:
    AlertmanagerApiTest() {
        alerting::RouteOptions root;
        root.receiver = "default";
        root.group_by = {"alertname"};
        alerting::RouteOptions db;
        db.receiver = "team/db";
        db.matchers = {Matcher::equal("team", "db")};
        root.routes = {db};
        alerting::Settings settings;
        settings.route = alerting::Route::make(root);
        settings.inhibit_rules = {{"",
                                   {Matcher::equal("severity", "critical")},
                                   {Matcher::equal("severity", "warning")},
                                   {"team"}}};
        settings.receiver_names = {"default", "team/db"};
        settings.notify = std::make_shared<const alerting::NotifySettings>();
        settings.shown_yaml = "route:\n  receiver: default\n";
        manager_.apply(std::make_shared<const alerting::Settings>(std::move(settings)));
        BuildInfo build;
        build.version = "0.1.0";
        add_alertmanager_routes(routes_, {clock_, manager_, build, clock_.now()});
    }

    struct Answer {
        int status = 0;
        std::string body;
        Json json() const { return Json::parse(body); }
    };
    Answer ask(std::string_view method, const std::string& path, const Params& params = {},
               std::string body = {}) {
        net::Request request(cancel_);
        request.method = std::string(method);
        request.path = path;
        request.body = std::move(body);
        for (const auto& [name, value] : params) request.params.add(name, value);
        const net::Router::Match match = routes_.match(method, path);
        if (match.route == nullptr) return {match.allowed.empty() ? 404 : 405, ""};
        request.path_params = match.path_params;
        net::RecordedResponse response;
        match.route->handler(request, response);
        return {response.status(), response.body()};
    }
    Answer post_alerts(const Json& alerts) {
        return ask("POST", "/api/v2/alerts", {}, alerts.dump());
    }
    Json silence(const Json& matchers) {
        return {{"matchers", matchers},
                {"startsAt", "2026-03-06T12:00:00Z"},
                {"endsAt", "2026-03-06T14:00:00Z"},
                {"createdBy", "anna"},
                {"comment", "works"}};
    }

    FakeClock clock_{Millis{1'772'798'400'000}};  // 2026-03-06T12:00:00Z
    fs::MemoryFileSystem files_;
    Log log_ = Log::silent();
    MetricRegistry metrics_;
    ThreadPool pool_{"test", 1};
    Environment env_{clock_, files_, log_, metrics_, pool_};
    NobodySink sink_;
    alerting::Alertmanager manager_{env_, sink_, nullptr, {}};
    net::Router routes_;
    CancelToken cancel_;
};

TEST_F(AlertmanagerApiTest, AnAlertComesBackAsItWasPosted) {
    ASSERT_EQ(post_alerts({{{"labels", {{"alertname", "A"}, {"team", "db"}, {"empty", ""}}},
                            {"annotations", {{"summary", "s"}, {"blank", ""}}},
                            {"startsAt", "2026-03-06T11:00:00.5Z"},
                            {"endsAt", "2026-03-06T13:00:00+00:00"},
                            {"generatorURL", "http://p/graph"}}})
                  .status,
              200);
    const Answer answer = ask("GET", "/api/v2/alerts");
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(
        answer.json(),
        Json::parse(R"([{"annotations":{"blank":"","summary":"s"},
        "endsAt":"2026-03-06T13:00:00.000Z","fingerprint":")" +
                    alerting::fingerprint_text(LabelSet{{"alertname", "A"}, {"team", "db"}}) +
                    R"(","receivers":[{"name":"team/db"}],"startsAt":"2026-03-06T11:00:00.500Z",
        "status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},
        "updatedAt":"2026-03-06T12:00:00.000Z","generatorURL":"http://p/graph",
        "labels":{"alertname":"A","team":"db"}}])"));
    const Json groups = ask("GET", "/api/v2/alerts/groups").json();
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0]["labels"], (Json{{"alertname", "A"}}));
    EXPECT_EQ(groups[0]["receiver"], (Json{{"name", "team/db"}}));
    EXPECT_EQ(groups[0]["alerts"].size(), 1U);
}

TEST_F(AlertmanagerApiTest, FiltersAlerts) {
    post_alerts({{{"labels", {{"alertname", "A"}, {"severity", "critical"}, {"team", "db"}}}},
                 {{"labels", {{"alertname", "B"}, {"severity", "warning"}, {"team", "db"}}}},
                 {{"labels", {{"alertname", "C"}}}}});
    ASSERT_EQ(ask("POST", "/api/v2/silences", {},
                  silence({{{"name", "alertname"}, {"value", "C"}, {"isRegex", false}}}).dump())
                  .status,
              200);
    struct Row {
        Params params;
        std::vector<std::string> want;
    };
    const Row rows[] = {
        {{}, {"A", "B", "C"}},
        {{{"active", "false"}}, {"B", "C"}},
        {{{"silenced", "false"}}, {"A", "B"}},
        {{{"inhibited", "false"}}, {"A", "C"}},
        {{{"filter", "team=\"db\""}, {"filter", "severity!=\"warning\""}}, {"A"}},
        {{{"filter", "team=\"\""}}, {"C"}},
        {{{"receiver", "team/.*"}}, {"A", "B"}},
        {{{"receiver", "team"}}, {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.params.empty() ? "all" : row.params[0].first);
        std::vector<std::string> names;
        for (const Json& alert : ask("GET", "/api/v2/alerts", row.params).json()) {
            names.push_back(alert["labels"]["alertname"]);
        }
        std::sort(names.begin(), names.end());
        EXPECT_EQ(names, row.want);
        std::vector<std::string> grouped;
        for (const Json& group : ask("GET", "/api/v2/alerts/groups", row.params).json()) {
            for (const Json& alert : group["alerts"]) {
                grouped.push_back(alert["labels"]["alertname"]);
            }
        }
        std::sort(grouped.begin(), grouped.end());
        EXPECT_EQ(grouped, row.want);
    }
    for (const Params& params :
         {Params{{"filter", "{a=b}"}}, Params{{"receiver", "("}}, Params{{"active", "perhaps"}}}) {
        EXPECT_EQ(ask("GET", "/api/v2/alerts", params).status, 400);
        EXPECT_EQ(ask("GET", "/api/v2/alerts/groups", params).status, 400);
    }
}

TEST_F(AlertmanagerApiTest, RefusesAlertsThatAreWrong) {
    struct Row {
        const char* body;
        int want;
    };
    const Row rows[] = {
        {"", 400},
        {"{}", 400},
        {"[1]", 422},
        {"[{}]", 422},
        {R"([{"labels":{"a":1}}])", 422},
        {R"([{"labels":{"a":"b"},"startsAt":"now"}])", 422},
        {R"([{"labels":{"a":"b"},"endsAt":5}])", 422},
        {R"([{"labels":{}}])", 400},
        {R"([{"labels":{"a":"b"},"startsAt":"2026-03-06T12:00:00Z","endsAt":"2026-03-06T11:00:00Z"}])",
         400},
        {"[]", 200},
        {R"([{"labels":{"a":"b"},"startsAt":"0001-01-01T00:00:00Z"}])", 200},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.body);
        EXPECT_EQ(ask("POST", "/api/v2/alerts", {}, row.body).status, row.want);
    }
    EXPECT_TRUE(ask("POST", "/api/v2/alerts", {}, R"([{"labels":{}}])").json().is_string());
}

TEST_F(AlertmanagerApiTest, SilencesAreMadeShownAndEnded) {
    const Json matchers = {{{"name", "team"}, {"value", "d.*"}, {"isRegex", true}},
                           {{"name", "x"}, {"value", "y"}, {"isRegex", false}, {"isEqual", false}}};
    const Answer made = ask("POST", "/api/v2/silences", {}, silence(matchers).dump());
    ASSERT_EQ(made.status, 200) << made.body;
    const std::string id = made.json()["silenceID"];
    Json shown = ask("GET", "/api/v2/silence/" + id).json();
    EXPECT_EQ(shown["status"]["state"], "active");
    EXPECT_EQ(shown["endsAt"], "2026-03-06T14:00:00.000Z");
    EXPECT_EQ(shown["createdBy"], "anna");
    EXPECT_EQ(shown["matchers"][0],
              (Json{{"isEqual", true}, {"isRegex", true}, {"name", "team"}, {"value", "d.*"}}));
    EXPECT_EQ(shown["matchers"][1]["isEqual"], false);
    EXPECT_EQ(ask("GET", "/api/v2/silences").json(), Json::array({shown}));
    EXPECT_EQ(ask("GET", "/api/v2/silences", {{"filter", "team=\"web\""}}).json(), Json::array());
    post_alerts({{{"labels", {{"alertname", "A"}, {"team", "db"}}}}});
    EXPECT_EQ(ask("GET", "/api/v2/alerts").json()[0]["status"],
              (Json{{"inhibitedBy", Json::array()},
                    {"mutedBy", Json::array()},
                    {"silencedBy", {id}},
                    {"state", "suppressed"}}));
    EXPECT_EQ(ask("DELETE", "/api/v2/silence/" + id).status, 200);
    EXPECT_EQ(ask("GET", "/api/v2/silence/" + id).json()["status"]["state"], "expired");
    EXPECT_EQ(ask("DELETE", "/api/v2/silence/" + id).status, 500);
}

TEST_F(AlertmanagerApiTest, RefusesSilencesThatAreWrong) {
    const Json good = silence({{{"name", "a"}, {"value", "b"}, {"isRegex", false}}});
    const std::string unknown = "00000000-0000-4000-8000-000000000000";
    const auto with = [&](const char* key, const Json& value) {
        Json changed = good;
        changed[key] = value;
        return changed.dump();
    };
    const auto without = [&](const char* key) {
        Json changed = good;
        changed.erase(key);
        return changed.dump();
    };
    struct Row {
        std::string body;
        int want;
    };
    const Row rows[] = {
        {"[", 400},
        {without("comment"), 422},
        {without("matchers"), 422},
        {with("matchers", Json::array()), 422},
        {with("matchers", {{{"name", "a"}, {"value", "("}, {"isRegex", true}}}), 422},
        {with("matchers", {{{"name", "a"}, {"value", ""}, {"isRegex", false}}}), 400},
        {with("endsAt", "2026-03-06T12:00:00Z"), 400},
        {with("startsAt", "yesterday"), 422},
        {with("id", unknown), 404},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.body);
        EXPECT_EQ(ask("POST", "/api/v2/silences", {}, row.body).status, row.want);
    }
    EXPECT_EQ(ask("GET", "/api/v2/silence/" + unknown).status, 404);
    EXPECT_EQ(ask("DELETE", "/api/v2/silence/" + unknown).status, 404);
    EXPECT_EQ(ask("GET", "/api/v2/silence/x").status, 422);
    EXPECT_EQ(ask("DELETE", "/api/v2/silence/x").status, 422);
}

TEST_F(AlertmanagerApiTest, SaysWhatItIs) {
    const Json status = ask("GET", "/api/v2/status").json();
    EXPECT_EQ(status["config"]["original"], "route:\n  receiver: default\n");
    EXPECT_EQ(status["cluster"]["status"], "disabled");
    EXPECT_EQ(status["uptime"], "2026-03-06T12:00:00.000Z");
    EXPECT_EQ(status["versionInfo"]["version"], "0.1.0");
    EXPECT_EQ(ask("GET", "/api/v2/receivers").json(),
              Json::parse(R"([{"name":"default"},{"name":"team/db"}])"));
}

}  // namespace
}  // namespace kw::api
