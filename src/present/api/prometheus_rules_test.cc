#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/api_fixture.h"

namespace kw::api {

std::vector<rules::GroupView> test_rule_groups() {
    const auto rules = [](const std::string& text, const std::string& path) {
        return rules::read_rule_file(text, path, {}).value().groups.at(0).rules;
    };
    rules::GroupView a;
    a.name = "a";
    a.file = "a.yml";
    a.interval_ms = 15'000;
    for (const rules::Rule& rule : rules("- {record: double, expr: 2 * up}\n"
                                         "- {alert: Down, expr: up == 0, for: 1m, labels: "
                                         "{severity: page, who: '{{ $labels.job }}'},"
                                         " annotations: {summary: down}, on_no_data: keep}\n",
                                         "a.yml")) {
        rules::RuleStatus status;
        status.health = rules::RuleHealth::kOk;
        status.evaluation_seconds = 0.001;
        status.last_evaluation = Millis{1'000'000};
        if (rule.name == "Down") {
            rules::Alert alert;
            alert.labels = LabelSet{{"alertname", "Down"}, {"job", "node"}};
            alert.annotations = {{"summary", "down"}};
            alert.state = rules::AlertState::kFiring;
            alert.active_at = Millis{900'500};
            status.alerts.push_back(alert);
        }
        a.rules.push_back({rule, std::make_shared<const rules::RuleStatus>(status)});
    }
    rules::GroupView b;
    b.name = "b";
    b.file = "b.yml";
    b.interval_ms = 60'000;
    b.limit = 3;
    rules::RuleStatus failed;
    failed.health = rules::RuleHealth::kErr;
    failed.last_error = "no luck";
    b.rules.push_back({rules("record: x\nexpr: '1'\n", "b.yml").at(0),
                       std::make_shared<const rules::RuleStatus>(failed)});
    return {a, b};
}

namespace {

TEST(RulesApi, ShowsGroupsRulesAndAlerts) {
    ApiFixture api;
    api.rule_groups = test_rule_groups();
    EXPECT_EQ(
        api.get("/api/v1/rules").body,
        R"({"status":"success","data":{"groups":[{"name":"a","file":"a.yml","rules":[)"
        R"({"name":"double","query":"2 * up","health":"ok","evaluationTime":0.001,)"
        R"("lastEvaluation":"1970-01-01T00:16:40.000Z","type":"recording"},)"
        R"({"state":"firing","name":"Down","query":"up == 0","duration":60,"keepFiringFor":0,)"
        R"("labels":{"severity":"page","who":"{{ $labels.job }}"},"annotations":{"summary":"down"},)"
        R"("onNoData":"keep","alerts":[{"labels":{"alertname":"Down","job":"node"},)"
        R"("annotations":{"summary":"down"},"state":"firing","activeAt":"1970-01-01T00:15:00.500Z",)"
        R"("value":"0e+00"}],"health":"ok","evaluationTime":0.001,)"
        R"("lastEvaluation":"1970-01-01T00:16:40.000Z","type":"alerting"}],)"
        R"("interval":15,"limit":0,"evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"},)"
        R"({"name":"b","file":"b.yml","rules":[{"name":"x","query":"1","health":"err",)"
        R"("lastError":"no luck","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z",)"
        R"("type":"recording"}],"interval":60,"limit":3,"evaluationTime":0,)"
        R"("lastEvaluation":"0001-01-01T00:00:00Z"}]}})");
    EXPECT_EQ(
        api.get("/api/v1/alerts").body,
        R"({"status":"success","data":{"alerts":[{"labels":{"alertname":"Down","job":"node"},)"
        R"("annotations":{"summary":"down"},"state":"firing","activeAt":"1970-01-01T00:15:00.500Z",)"
        R"("value":"0e+00"}]}})");
}

TEST(RulesApi, FiltersAndRefuses) {
    ApiFixture api;
    api.rule_groups = test_rule_groups();
    struct Row {
        TestParams params;
        std::vector<std::string> names;  // of the rules; none: 400
    };
    const Row rows[] = {
        {{{"type", "alert"}}, {"Down"}},
        {{{"type", "record"}}, {"double", "x"}},
        {{{"rule_name[]", "x"}, {"rule_name[]", "Down"}}, {"Down", "x"}},
        {{{"rule_group[]", "b"}}, {"x"}},
        {{{"file[]", "a.yml"}}, {"double", "Down"}},
        {{{"match[]", "{severity=\"page\"}"}}, {"Down"}},
        {{{"match[]", "{severity=\"page\"}"}, {"match[]", "{nope=\"x\"}"}}, {"Down"}},
        {{{"group_limit", "1"}}, {"double", "Down"}},
        {{{"type", "alerts"}}, {}},
        {{{"match[]", "{"}}, {}},
        {{{"group_limit", "x"}}, {}},
        {{{"group_limit", "0"}}, {}},
        {{{"group_next_token", "x"}}, {}},
        {{{"group_limit", "1"}, {"group_next_token", "x"}}, {}},
        {{{"exclude_alerts", "perhaps"}}, {}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.params[0].first + "=" + row.params[0].second);
        const ApiFixture::Answer answer = api.get("/api/v1/rules", row.params);
        EXPECT_EQ(answer.status, row.names.empty() ? 400 : 200) << answer.body;
        std::vector<std::string> names;
        if (answer.status == 200) {
            const nlohmann::json json = answer.json();
            for (const auto& group : json["data"]["groups"]) {
                for (const auto& rule : group["rules"]) names.push_back(rule["name"]);
            }
        }
        EXPECT_EQ(names, row.names);
    }
    const nlohmann::json page = api.get("/api/v1/rules", {{"group_limit", "1"}}).json();
    const nlohmann::json next =
        api.get("/api/v1/rules",
                {{"group_limit", "1"}, {"group_next_token", page["data"]["groupNextToken"]}})
            .json();
    EXPECT_EQ(next["data"]["groups"].size(), 1u);
    EXPECT_EQ(next["data"]["groups"][0]["name"], "b");
    EXPECT_FALSE(next["data"].contains("groupNextToken"));
    const nlohmann::json bare = api.get("/api/v1/rules", {{"exclude_alerts", "true"}}).json();
    EXPECT_FALSE(bare["data"]["groups"][0]["rules"][1].contains("alerts"));
}

}  // namespace
}  // namespace kw::api
