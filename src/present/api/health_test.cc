#include "api/health.h"

#include "api/api_fixture.h"

namespace kw::api {
namespace {

scrape::TargetStatus target(int64_t last_scrape_ms, int64_t interval_ms = 15'000,
                            int64_t timeout_ms = 10'000) {
    scrape::TargetStatus status;
    status.last_scrape = Millis{last_scrape_ms};
    status.interval_ms = interval_ms;
    status.timeout_ms = timeout_ms;
    return status;
}

// Three intervals and the time-out are 55 s.
TEST(Health, ScrapesAreLateThreeIntervalsAfterTheLast) {
    constexpr int64_t kNow = 1'000'000;
    struct Row {
        std::string_view what;
        std::vector<scrape::TargetStatus> targets;
        int64_t since_ms;
        PartHealth want;
    };
    const Row rows[] = {
        {"nothing to scrape", {}, 0, PartHealth::kHealthy},
        {"just in time", {target(kNow - 55'000)}, 0, PartHealth::kHealthy},
        {"late", {target(kNow - 55'001)}, 0, PartHealth::kUnhealthy},
        {"one of two late", {target(kNow - 55'001), target(kNow - 1)}, 0, PartHealth::kDegraded},
        {"an hour's interval", {target(kNow - 600'000, 3'600'000)}, 0, PartHealth::kHealthy},
        {"interval just shortened", {target(kNow - 600'000)}, kNow - 10'000, PartHealth::kHealthy},
        {"first ones to come", {target(0)}, kNow - 55'000, PartHealth::kHealthy},
        {"none ever came", {target(0), target(0)}, kNow - 55'001, PartHealth::kUnhealthy},
        {"a new one beside others", {target(0), target(kNow - 1)}, 0, PartHealth::kHealthy},
        {"a clock set back", {target(kNow + 600'000)}, 0, PartHealth::kHealthy},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        EXPECT_EQ(scrape_health(row.targets, Millis{row.since_ms}, Millis{kNow}), row.want);
    }
}

TEST(Health, RulesThatFailAreNotAScheduleThatStands) {
    std::vector<rules::GroupView> groups = test_rule_groups();
    groups[0].last_evaluation = groups[1].last_evaluation = Millis{1'000'000};
    EXPECT_EQ(rules_health({}, Millis{0}, Millis{1'000'000}), PartHealth::kHealthy);
    EXPECT_EQ(rules_health({groups[0]}, Millis{0}, Millis{1'000'000}), PartHealth::kHealthy);
    EXPECT_EQ(rules_health(groups, Millis{0}, Millis{1'000'000}), PartHealth::kDegraded);
    // Group a is due every 15 s, b every 60 s.
    EXPECT_EQ(rules_health({groups[0]}, Millis{0}, Millis{1'045'000}), PartHealth::kHealthy);
    EXPECT_EQ(rules_health(groups, Millis{0}, Millis{1'045'001}), PartHealth::kDegraded);
    EXPECT_EQ(rules_health(groups, Millis{0}, Millis{1'180'001}), PartHealth::kUnhealthy);
    // What took 30 s the last time may take as long again.
    groups[0].evaluation_seconds = 30;
    EXPECT_EQ(rules_health({groups[0]}, Millis{0}, Millis{1'135'000}), PartHealth::kHealthy);
    EXPECT_EQ(rules_health({groups[0]}, Millis{0}, Millis{1'135'001}), PartHealth::kUnhealthy);
}

// guide: G225
TEST(Health, TheAnswerHasTheGuidesForm) {
    ApiFixture api;
    constexpr std::string_view kAllHealthy =
        R"({"status":"healthy","components":{"store":"healthy","scrape":"healthy",)"
        R"("rules":"healthy","configuration":"healthy"}})";
    const auto healthy = api.get("/health");
    EXPECT_EQ(healthy.status, 200);
    EXPECT_EQ(healthy.body, kAllHealthy);
    EXPECT_EQ(healthy.headers.get("Content-Type"), "application/json");

    struct Row {
        std::string_view what;
        std::function<void(ApiFixture&, PrometheusApi::Dependencies&)> happens;
        int status;
        std::string_view body;
    };
    const Row rows[] = {
        {"the log is replayed", [](auto& fixture, auto&) { fixture.is_ready = false; }, 503,
         R"({"status":"starting","components":{"store":"starting","scrape":"starting",)"
         R"("rules":"starting","configuration":"healthy"}})"},
        {"the disk is full",
         [](auto&, auto& given) { given.store_is_writable = [] { return false; }; }, 503,
         R"({"status":"unhealthy","components":{"store":"unhealthy","scrape":"healthy",)"
         R"("rules":"healthy","configuration":"healthy"}})"},
        {"the scrapes stand",
         [](auto&, auto& given) {
             given.targets.active_targets = [](std::string_view) {
                 return std::vector<scrape::TargetStatus>{target(900'000)};
             };
         },
         503,
         R"({"status":"unhealthy","components":{"store":"healthy","scrape":"unhealthy",)"
         R"("rules":"healthy","configuration":"healthy"}})"},
        {"the rules stand",
         [](auto&, auto& given) {
             given.rule_groups = [] {
                 rules::GroupView group;
                 group.interval_ms = 15'000;
                 group.last_evaluation = Millis{900'000};
                 return std::vector{group};
             };
         },
         503,
         R"({"status":"unhealthy","components":{"store":"healthy","scrape":"healthy",)"
         R"("rules":"unhealthy","configuration":"healthy"}})"},
        {"a rule fails, and a bad file was not loaded",
         [](auto&, auto& given) {
             given.rule_groups = [] {
                 std::vector<rules::GroupView> groups = test_rule_groups();
                 for (rules::GroupView& group : groups) group.last_evaluation = Millis{1'000'000};
                 return groups;
             };
             given.runtime = [] {
                 RuntimeInfo info;
                 info.reload_succeeded = false;
                 return info;
             };
         },
         200,
         R"({"status":"degraded","components":{"store":"healthy","scrape":"healthy",)"
         R"("rules":"degraded","configuration":"degraded"}})"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        ApiFixture fixture;
        PrometheusApi::Dependencies given = fixture.dependencies();
        row.happens(fixture, given);
        fixture.routes = std::make_unique<net::Router>();
        add_prometheus_routes(*fixture.routes, std::move(given));
        const auto answer = fixture.get("/health");
        EXPECT_EQ(answer.status, row.status);
        EXPECT_EQ(answer.body, row.body);
    }
}

}  // namespace
}  // namespace kw::api
