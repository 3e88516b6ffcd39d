// /api/kw/v1/rules over real groups: what is answered, and what is refused with which status and place.
#include "api/rules/rule_api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/cancel.h"
#include "contract/memory_store.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "promql/engine.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::api {
namespace {

using Json = nlohmann::json;
using Params = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kText = "rules: [{record: twice, expr: 2 * x}]";

class RuleApiTest : public testing::Test {
 protected:
    RuleApiTest() {
        rules::RuleSet set;
        set.groups = rules::read_rule_file(
                         "groups: [{name: f, rules: [{record: once, expr: x}]}]\n", "r.yml", {})
                         .value()
                         .groups;
        manager_.apply(std::move(set));
        add_rule_routes(routes_,
                        {world_.env, manager_, *book_, *backfills_, {}, [&] { return is_ready_; }});
    }

    struct Answer {
        int status = 0;
        std::string body;
        Json data() const { return Json::parse(body).at("data"); }
        std::string error() const { return Json::parse(body).at("error"); }
    };
    Answer ask(std::string_view method, const std::string& path, const Params& params = {},
               std::string body = {}) {
        net::Request request(cancel_);
        request.method = std::string(method);
        request.path = "/api/kw/v1/rules" + path;
        request.body = std::move(body);
        request.remote_address = "127.0.0.1:1";
        request.user = user_;
        for (const auto& [name, value] : params) request.params.add(name, value);
        const net::Router::Match match = routes_.match(method, request.path);
        if (match.route == nullptr) return {match.allowed.empty() ? 404 : 405, ""};
        request.path_params = match.path_params;
        net::RecordedResponse response;
        match.route->handler(request, response);
        return {response.status(), response.body()};
    }

    state::TestWorld world_;
    CancelToken cancel_;
    MemoryStore store_;
    promql::Engine engine_{world_.env, store_, {}};
    rules::RuleManager manager_{world_.env, engine_, store_, nullptr, [] {
                                    rules::ManagerOptions options;
                                    options.own_threads = false;
                                    return options;
                                }()};
    std::unique_ptr<state::Store> state_ =
        state::Store::open(world_.env, {.directory = world_.directory.path() + "/s"}).value();
    std::unique_ptr<rules::RuleBook> book_ =
        rules::RuleBook::open(world_.env, *state_, manager_, {}).value();
    std::unique_ptr<rules::BackfillJobs> backfills_ =
        rules::BackfillJobs::open(world_.env, *state_, engine_, store_, {}).value();
    net::Router routes_;
    bool is_ready_ = true;
    std::string user_;
};

TEST_F(RuleApiTest, GroupsAreMadeShownAndRemoved) {
    user_ = "ada";
    const Answer made = ask("PUT", "/groups/a%20b", {}, kText);
    ASSERT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(made.data()["revision"], 1);
    EXPECT_EQ(made.data()["updatedBy"], "ada");
    EXPECT_EQ(made.data()["rules"],
              Json::parse(R"([{"name":"twice","type":"recording","query":"2 * x","line":1}])"));
    const Json groups = ask("GET", "").data()["groups"];
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0]["origin"], "file");
    EXPECT_EQ(groups[0]["file"], "r.yml");
    EXPECT_EQ(groups[1]["name"], "a b");
    EXPECT_EQ(groups[1]["origin"], "api");
    EXPECT_EQ(ask("GET", "/groups/a%20b").data()["text"], kText);
    EXPECT_EQ(ask("GET", "/groups/f").data()["text"],
              "name: f\ninterval: 1m\nquery_offset: 0s\nrules:\n  - record: once\n    expr: x\n");
    EXPECT_EQ(ask("GET", "/groups/none").status, 404);
    EXPECT_EQ(ask("GET", "/groups/a%20b/history").data()[0]["after"], kText);
    EXPECT_EQ(ask("DELETE", "/groups/a%20b").status, 200);
    EXPECT_EQ(ask("DELETE", "/groups/a%20b").status, 404);
    EXPECT_EQ(ask("GET", "").data()["groups"].size(), 1u);
}

// guide: P28
TEST_F(RuleApiTest, SaysHowLateAnAlertMayBe) {
    ASSERT_EQ(ask("PUT", "/groups/late", {},
                  "interval: 15s\nrules:\n- record: r\n  expr: x\n"
                  "- alert: A\n  expr: rate(x[5m]) > 0.1\n  for: 5m\n")
                  .status,
              200);
    const Json groups = ask("GET", "").data()["groups"];
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0]["slowestDetection"], Json::parse("[null]"));
    EXPECT_EQ(groups[1]["slowestDetection"], Json::parse("[null, 615]"));
}

TEST_F(RuleApiTest, WhatIsWrongHasAStatusAndAPlace) {
    const Answer bad =
        ask("PUT", "/groups/g", {{"dry_run", "1"}}, "rules:\n- {record: a, expr: x, exp: y}");
    EXPECT_EQ(bad.status, 400);
    EXPECT_EQ(
        Json::parse(bad.body)["place"],
        Json::parse(
            R"({"line":2,"key":"rules[0].exp","message":"is not a key of rule; did you mean expr?"})"))
        << bad.body;
    EXPECT_EQ(ask("PUT", "/groups/f", {}, kText).status, 409);
    EXPECT_EQ(ask("DELETE", "/groups/f").status, 409);
    EXPECT_EQ(ask("PUT", "/groups/g", {{"revision", "2"}}, kText).status, 409);
    EXPECT_EQ(ask("PUT", "/groups/g", {{"revision", "x"}}, kText).status, 400);
    EXPECT_EQ(ask("PUT", "/groups/g", {{"dry_run", "maybe"}}, kText).status, 400);
    EXPECT_EQ(ask("PUT", "/groups/g", {}, std::string(200'000, '#')).status, 422);
    is_ready_ = false;
    EXPECT_EQ(ask("GET", "").status, 503);
}

TEST_F(RuleApiTest, BackfillsAreBegunShownAndCancelled) {
    const Answer begun = ask("POST", "/backfill", {{"group", "f"}, {"start", "10"}, {"end", "20"}});
    ASSERT_EQ(begun.status, 202) << begun.body;
    EXPECT_EQ(begun.data()["state"], "waiting");
    EXPECT_EQ(begun.data()["groups"], Json::parse(R"(["f"])"));
    EXPECT_EQ(ask("GET", "/backfill").data().size(), 1u);
    EXPECT_EQ(ask("GET", "/backfill/1").data()["createdBy"], "anonymous");
    EXPECT_EQ(ask("DELETE", "/backfill/1").data()["state"], "cancelled");
    EXPECT_EQ(ask("DELETE", "/backfill/1").status, 409);
    EXPECT_EQ(ask("GET", "/backfill/2").status, 404);
    EXPECT_EQ(ask("GET", "/backfill/x").status, 404);
    EXPECT_EQ(ask("POST", "/backfill", {{"group", "f"}}).error(),
              "invalid parameter \"start\": is missing");
    EXPECT_EQ(ask("POST", "/backfill", {{"start", "1"}}).status, 400);
    EXPECT_EQ(ask("POST", "/backfill", {{"start", "1"}, {"group", "f"}, {"rule", "none"}}).error(),
              "there is no recording rule; alerts of the past are not made");
    EXPECT_EQ(ask("POST", "/backfill", {{"start", "1"}, {"rules", "groups: ["}}).status, 400);
}

}  // namespace
}  // namespace kw::api
