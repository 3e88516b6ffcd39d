// /api/kw/v1/audit over a real store: filters, pages, and what is refused.
#include "api/audit/audit_api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/cancel.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "net/router.h"
#include "state/audit.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::api {
namespace {

using Json = nlohmann::json;
using Params = std::vector<std::pair<std::string, std::string>>;

class AuditApiTest : public testing::Test {
 protected:
    AuditApiTest() { add_audit_routes(routes_, *state_); }

    void record(int64_t at, std::string actor, std::string action, std::string object) {
        state::AuditEntry entry;
        entry.at = Millis{at};
        entry.actor = std::move(actor);
        entry.origin = "api";
        entry.action = std::move(action);
        entry.kind = "silence";
        entry.object = std::move(object);
        entry.after = R"({"comment":"\u00e9"})";
        const auto outcome = state_->write([&](state::Connection& transaction) -> Result<void> {
            KW_TRY(state::record_audit(transaction, entry));
            return {};
        });
        ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    }
    std::pair<int, Json> ask(const Params& params) {
        net::Request request(cancel_);
        request.method = "GET";
        request.path = "/api/kw/v1/audit";
        for (const auto& [name, value] : params) request.params.add(name, value);
        net::RecordedResponse response;
        routes_.match("GET", request.path).route->handler(request, response);
        return {response.status(), Json::parse(response.body())};
    }
    // The objects of a page, and "…" when there is a next one.
    std::string objects(const Params& params) {
        const auto [status, answer] = ask(params);
        EXPECT_EQ(status, 200) << answer;
        std::string text;
        for (const Json& entry : answer["data"]["entries"])
            text += entry["object"].get<std::string>() + " ";
        return text + (answer["data"]["next"].is_null() ? "" : "…");
    }

    state::TestWorld world_;
    CancelToken cancel_;
    std::unique_ptr<state::Store> state_ =
        state::Store::open(world_.env, {.directory = world_.directory.path() + "/s"}).value();
    net::Router routes_;
};

TEST_F(AuditApiTest, ShowsWhoWhenAndWhat) {
    record(1'700'000'000'500, "ada", "create", "s1");
    const auto [status, answer] = ask({});
    EXPECT_EQ(status, 200);
    EXPECT_EQ(answer, Json::parse(R"({"status":"success","data":{"entries":[{"id":1,
        "at":"2023-11-14T22:13:20.500Z","actor":"ada","origin":"api","action":"create","kind":"silence",
        "object":"s1","before":null,"after":{"comment":"é"}}],"next":null}})"));
}

TEST_F(AuditApiTest, FiltersPagesAndRefuses) {
    for (int i = 1; i <= 5; ++i)
        record(i * 1'000, i % 2 ? "ada" : "bob", i < 3 ? "create" : "change",
               fmt::format("s{}", i));
    EXPECT_EQ(objects({}), "s5 s4 s3 s2 s1 ");
    EXPECT_EQ(objects({{"limit", "2"}}), "s5 s4 …");
    EXPECT_EQ(objects({{"limit", "2"}, {"before", "4"}}), "s3 s2 …");
    EXPECT_EQ(objects({{"limit", "2"}, {"before", "2"}}), "s1 ");
    EXPECT_EQ(objects({{"actor", "bob"}}), "s4 s2 ");
    EXPECT_EQ(objects({{"action", "create"}, {"actor", "ada"}}), "s1 ");
    EXPECT_EQ(objects({{"kind", "rule"}}), "");
    EXPECT_EQ(objects({{"object", "s3"}}), "s3 ");
    EXPECT_EQ(objects({{"start", "2"}, {"end", "3"}}), "s3 s2 ");
    for (const Params& bad : {Params{{"limit", "0"}}, Params{{"limit", "1001"}},
                              Params{{"before", "x"}}, Params{{"start", "then"}}}) {
        const auto [status, answer] = ask(bad);
        EXPECT_EQ(status, 400) << answer;
        EXPECT_NE(answer["error"].get<std::string>().find(bad[0].first), std::string::npos);
    }
}

}  // namespace
}  // namespace kw::api
