// What each endpoint answers, and how it refuses.
#include "api/prometheus_api.h"

#include "api/api_fixture.h"
#include "api/parameters.h"

namespace kw::api {

TargetReader test_targets() {
    TargetReader reader;
    reader.active_targets = [](std::string_view pool) {
        std::vector<scrape::TargetStatus> targets;
        if (!pool.empty() && pool != "node") return targets;
        scrape::TargetStatus up;
        up.discovered_labels = {{"__address__", "localhost:9100"}, {"job", "node"}};
        up.labels = {{"instance", "localhost:9100"}, {"job", "node"}};
        up.scrape_pool = "node";
        up.scrape_url = "http://localhost:9100/metrics";
        up.last_scrape = Millis{1'767'361'000'200};
        up.last_scrape_duration_seconds = 0.0125;
        up.health = scrape::Health::kUp;
        up.interval_ms = 15'000;
        up.timeout_ms = 10'000;
        targets.push_back(up);
        up.labels = {{"instance", "[::1]:9100"}, {"job", "node"}};
        up.scrape_url = "http://[::1]:9100/metrics";
        up.last_scrape = Millis{0};
        up.health = scrape::Health::kUnknown;
        targets.push_back(up);
        return targets;
    };
    reader.dropped_targets = [](std::string_view) {
        return std::vector<scrape::DroppedTarget>{{{{"__address__", "x:1"}}, "node"}};
    };
    reader.pools = [] { return std::vector<scrape::PoolStatus>{{"node", 2, 1}, {"self", 1, 0}}; };
    reader.metadata = [](const std::function<bool(const LabelSet&)>& matches,
                         std::string_view metric, uint64_t limit) {
        const LabelSet target{{"instance", "localhost:9100"}, {"job", "node"}};
        std::vector<scrape::TargetMetadata> all;
        if (!matches(target)) return all;
        for (const std::string_view name : {"up", "requests_total"}) {
            if (!metric.empty() && metric != name) continue;
            if (limit > 0 && all.size() == limit) break;
            all.push_back(
                {target, std::string(name), {MetricType::kCounter, "Help of it.", "requests"}});
        }
        return all;
    };
    return reader;
}

namespace {

TEST(Query, AnswersHistogramsInPrometheusForm) {
    ApiFixture api;
    auto exponential = std::make_shared<Histogram>();
    exponential->count = 6;
    exponential->sum = 1.5;
    exponential->zero_threshold = 0.25;
    exponential->zero_count = 1;
    exponential->positive_spans = {{0, 2}};
    exponential->positive_buckets = {2, 0};
    exponential->negative_spans = {{1, 1}};
    exponential->negative_buckets = {3};
    auto custom = std::make_shared<Histogram>();
    custom->schema = kCustomBucketsSchema;
    custom->count = 3;
    custom->custom_values = {5};
    custom->positive_spans = {{0, 2}};
    custom->positive_buckets = {1, 2};
    const LabelSet labels{{"__name__", "h"}};
    api.store.add(labels, Millis{980'000}, 7);
    api.store.add(labels, Millis{990'000}, 0, kNoStart, custom);
    api.store.add(labels, Millis{1'000'000}, 0, kNoStart, exponential);
    struct Row {
        std::string_view path;
        TestParams params;
        std::string_view want;  // the only series
    };
    const std::string_view newest =
        R"([1000,{"count":"6","sum":"1.5","buckets":[[1,"-2","-1","3"],[3,"-0.25","0.25","1"],[0,"0.5","1","2"]]}])";
    const std::string_view before =
        R"([990,{"count":"3","sum":"0","buckets":[[3,"-Inf","5","1"],[0,"5","+Inf","2"]]}])";
    const Row rows[] = {
        {"/api/v1/query",
         {{"query", "h"}, {"time", "1000"}},
         R"({"metric":{"__name__":"h"},"histogram":NEWEST})"},
        {"/api/v1/query",
         {{"query", "h[1m]"}, {"time", "1000"}},
         R"({"metric":{"__name__":"h"},"values":[[980,"7"]],"histograms":[BEFORE,NEWEST]})"},
        {"/api/v1/query_range",
         {{"query", "h"}, {"start", "990"}, {"end", "1000"}, {"step", "10"}},
         R"({"metric":{"__name__":"h"},"histograms":[BEFORE,NEWEST]})"},
        {"/api/v1/query",
         {{"query", "h * 0"}, {"time", "1000"}},
         R"({"metric":{},"histogram":[1000,{"count":"0","sum":"0"}]})"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.params[0].second);
        std::string want(row.want);
        for (const auto& [name, text] : {std::pair{std::string_view("BEFORE"), before},
                                         std::pair{std::string_view("NEWEST"), newest}}) {
            const size_t at = want.find(name);
            if (at != std::string::npos) want.replace(at, name.size(), text);
        }
        const auto answer = api.get(std::string(row.path), row.params).json();
        ASSERT_EQ(answer["data"]["result"].size(), 1u);
        EXPECT_EQ(answer["data"]["result"][0], nlohmann::json::parse(want));
    }
}

TEST(Query, AnswersEveryTypeOfResult) {
    ApiFixture api;
    struct Row {
        std::string_view query;
        std::string_view want;  // data
    };
    const Row rows[] = {
        {"42", R"({"resultType":"scalar","result":[1000,"42"]})"},
        {"\"x\\n\"", R"({"resultType":"string","result":[1000,"x\n"]})"},
        {"sum(up)", R"({"resultType":"vector","result":[{"metric":{},"value":[1000,"1"]}]})"},
        {"vector(1)/0",
         R"({"resultType":"vector","result":[{"metric":{},"value":[1000,"+Inf"]}]})"},
        {"up{instance=\"a:1\"}",
         R"({"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"a:1","job":"node"},)"
         R"("value":[1000,"1"]}]})"},
        {"up{instance=\"a:1\"}[20s]",
         R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"a:1","job":"node"},)"
         R"("values":[[990,"1"],[1000,"1"]]}]})"},
        {"nothing", R"({"resultType":"vector","result":[]})"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        const auto answer = api.get("/api/v1/query", {{"query", std::string(row.query)}});
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
        EXPECT_EQ(answer.body, R"({"status":"success","data":)" + std::string(row.want) + "}");
    }
}

TEST(Query, TakesItsParameters) {
    ApiFixture api;
    struct Row {
        TestParams params;
        std::string_view want;  // in the body
    };
    const Row rows[] = {
        {{{"query", "time()"}, {"time", "12.5"}}, "[12.500,\"12.5\"]"},
        {{{"query", "time()"}, {"time", "1970-01-01T00:10:00.025Z"}}, "[600.025,\"600.025\"]"},
        {{{"query", "time()"}, {"time", "1970-01-01T02:00:00+02:00"}}, "[0,\"0\"]"},
        {{{"query", "time()"}, {"time", "-1.001"}}, "[-1.001,\"-1.001\"]"},
        {{{"query", "sum(up)"}, {"time", "1200"}}, "\"value\":[1200,"},
        {{{"query", "sum(up)"}, {"time", "1200"}, {"lookback_delta", "10s"}}, "\"result\":[]"},
        {{{"query", "up"}, {"limit", "1"}}, "\"warnings\":[\"results truncated due to limit\"]"},
        {{{"query", "1"}, {"stats", "true"}}, "\"stats\":{\"timings\":{"},
        {{{"query", "1"}, {"stats", "all"}}, "\"totalQueryableSamplesPerStep\":["},
        {{{"query", "1"}, {"timeout", "1m30s"}}, "\"success\""},
    };
    for (const Row& row : rows) {
        for (const std::string_view method : {"GET", "POST"}) {
            const auto answer = api.ask(method, "/api/v1/query", row.params);
            EXPECT_EQ(answer.status, 200);
            EXPECT_NE(answer.body.find(row.want), std::string::npos) << answer.body;
        }
    }
}

TEST(Query, RefusesAsPrometheusDoes) {
    ApiFixture api;
    struct Row {
        std::string_view path;
        TestParams params;
        int status;
        std::string_view type;
        std::string_view error;
    };
    const std::string long_range = "13000";
    const Row rows[] = {
        {"query",
         {},
         400,
         "bad_data",
         "invalid parameter \"query\": 1:1: parse error: no expression found in input"},
        {"query",
         {{"query", "up{"}},
         400,
         "bad_data",
         "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces"},
        {"query",
         {{"query", "info(up)"}},
         400,
         "bad_data",
         "invalid parameter \"query\": 1:1: parse error: function \"info\" is not enabled"},
        {"query",
         {{"query", "1"}, {"time", "abc"}},
         400,
         "bad_data",
         "invalid parameter \"time\": cannot parse \"abc\" to a valid timestamp"},
        {"query",
         {{"query", "1"}, {"time", "2026-13-01T00:00:00Z"}},
         400,
         "bad_data",
         "invalid parameter \"time\": cannot parse \"2026-13-01T00:00:00Z\" to a valid timestamp"},
        {"query",
         {{"query", "1"}, {"time", "NaN"}},
         400,
         "bad_data",
         "invalid parameter \"time\": cannot parse \"NaN\" to a valid timestamp"},
        {"query",
         {{"query", "1"}, {"timeout", "x"}},
         400,
         "bad_data",
         "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"},
        {"query",
         {{"query", "1"}, {"timeout", "1e99"}},
         400,
         "bad_data",
         "invalid parameter \"timeout\": cannot parse \"1e99\" to a valid duration. It overflows "
         "int64"},
        {"query",
         {{"query", "1"}, {"limit", "-1"}},
         400,
         "bad_data",
         "invalid parameter \"limit\": limit must be non-negative"},
        {"query",
         {{"query", "1"}, {"limit", "1x"}},
         400,
         "bad_data",
         "invalid parameter \"limit\": cannot parse \"1x\" to a whole number"},
        {"query_range",
         {{"query", "1"}, {"start", "0"}, {"end", "10"}},
         400,
         "bad_data",
         "invalid parameter \"step\": cannot parse \"\" to a valid duration"},
        {"query_range",
         {{"query", "1"}, {"end", "10"}, {"step", "1"}},
         400,
         "bad_data",
         "invalid parameter \"start\": cannot parse \"\" to a valid timestamp"},
        {"query_range",
         {{"query", "1"}, {"start", "10"}, {"end", "5"}, {"step", "1"}},
         400,
         "bad_data",
         "invalid parameter \"end\": end timestamp must not be before start time"},
        {"query_range",
         {{"query", "1"}, {"start", "0"}, {"end", "5"}, {"step", "0"}},
         400,
         "bad_data",
         "invalid parameter \"step\": zero or negative query resolution step widths are not "
         "accepted. Try a "
         "positive integer"},
        {"query_range",
         {{"query", "1"}, {"start", "0"}, {"end", long_range}, {"step", "1"}},
         400,
         "bad_data",
         "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
         "resolution "
         "(?step=XX)"},
        {"query_range",
         {{"query", "1"}, {"start", "0"}, {"end", "60"}, {"step", "0.0001"}},
         400,
         "bad_data",
         "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
         "resolution "
         "(?step=XX)"},
        {"query_range",
         {{"query", "1"}, {"start", "-9e15"}, {"end", "9e15"}, {"step", "1ms"}},
         400,
         "bad_data",
         "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
         "resolution "
         "(?step=XX)"},
        {"query_range",
         {{"query", "up[5m]"}, {"start", "0"}, {"end", "5"}, {"step", "1"}},
         400,
         "bad_data",
         "invalid parameter \"query\": invalid expression type \"range vector\" for range query, "
         "must be Scalar or "
         "instant Vector"},
        {"format_query",
         {{"query", "sum("}},
         400,
         "bad_data",
         "invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"},
        {"series", {}, 400, "bad_data", "no match[] parameter provided"},
        {"series",
         {{"match[]", "{a=\"\"}"}},
         400,
         "bad_data",
         "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"},
        {"series",
         {{"match[]", "up["}},
         400,
         "bad_data",
         "invalid parameter \"match[]\": 1:3: parse error: unexpected \"[\""},
        {"label/U___ff/values",
         {{"match[]", "1"}},
         400,
         "bad_data",
         "invalid parameter \"match[]\": 1:1: parse error: unexpected number \"1\""},
        {"admin/tsdb/snapshot", {}, 503, "unavailable", "admin APIs disabled"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.error);
        const bool admin = row.path.starts_with("admin");
        const auto answer =
            api.ask(admin ? "POST" : "GET", "/api/v1/" + std::string(row.path), row.params);
        EXPECT_EQ(answer.status, row.status) << answer.body;
        const auto json = answer.json();
        EXPECT_EQ(json.value("status", ""), "error");
        EXPECT_EQ(json.value("errorType", ""), row.type);
        if (!row.error.empty()) EXPECT_EQ(json.value("error", ""), row.error);
    }
}

TEST(Query, TellsExecutionFromBadData) {
    ApiFixture api;
    const auto many_to_many = api.get("/api/v1/query", {{"query", "up / on(job) up"}});
    EXPECT_EQ(many_to_many.status, 422) << many_to_many.body;
    EXPECT_EQ(many_to_many.json().value("errorType", ""), "execution");
    api.cancel.cancel();
    const auto gone = api.get("/api/v1/query", {{"query", "sum(up)"}});
    EXPECT_EQ(gone.status, 499) << gone.body;
    EXPECT_EQ(gone.json().value("errorType", ""), "canceled");
}

TEST(QueryRange, AnswersAMatrix) {
    ApiFixture api;
    const auto answer =
        api.get("/api/v1/query_range", {{"query", "sum by (code) (rate(requests_total[1m]))"},
                                        {"start", "100"},
                                        {"end", "1970-01-01T00:02:00Z"},
                                        {"step", "10s"}});
    EXPECT_EQ(answer.body,
              R"({"status":"success","data":{"resultType":"matrix","result":[)"
              R"({"metric":{"code":"200"},"values":[[100,"10"],[110,"10"],[120,"10"]]},)"
              R"({"metric":{"code":"500"},"values":[[100,"1"],[110,"1"],[120,"1"]]}]}})");
}

TEST(Series, ListsWhatMatches) {
    ApiFixture api;
    struct Row {
        std::string_view path;
        TestParams params;
        std::string_view want;
    };
    const Row rows[] = {
        {"series",
         {{"match[]", "up"}, {"match[]", "{job=\"node\"}"}},
         R"({"status":"success","data":[{"__name__":"up","instance":"a:1","job":"node"},)"
         R"({"__name__":"up","instance":"b:1","job":"node"}]})"},
        {"series",
         {{"match[]", "up"}, {"limit", "1"}},
         R"({"status":"success","data":[{"__name__":"up","instance":"a:1","job":"node"}],)"
         R"("warnings":["results truncated due to limit"]})"},
        {"series", {{"match[]", "up"}, {"start", "2000"}}, R"({"status":"success","data":[]})"},
        {"series",
         {{"match[]", "up"}, {"start", "2"}, {"end", "1"}},
         R"({"status":"success","data":[]})"},
        {"labels", {{"start", "2"}, {"end", "1"}}, R"({"status":"success","data":[]})"},
        {"label/job/values", {{"start", "2"}, {"end", "1"}}, R"({"status":"success","data":[]})"},
        {"targets/metadata", {{"metric", "none"}}, R"({"status":"success","data":[]})"},
        {"labels", {}, R"({"status":"success","data":["__name__","code","instance","job","l.x"]})"},
        {"labels",
         {{"match[]", "up"}, {"match[]", "{\"http.method\"}"}},
         R"({"status":"success","data":["__name__","instance","job","l.x"]})"},
        {"labels",
         {{"limit", "2"}},
         R"({"status":"success","data":["__name__","code"],"warnings":["results truncated due to limit"]})"},
        {"label/job/values", {}, R"({"status":"success","data":["api","node"]})"},
        {"label/job/values", {{"match[]", "up"}}, R"({"status":"success","data":["node"]})"},
        {"label/U__l_2e_x/values", {}, R"({"status":"success","data":["y"]})"},
        {"label/l.x/values", {}, R"({"status":"success","data":["y"]})"},
        {"label/none/values", {}, R"({"status":"success","data":[]})"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.want);
        const auto answer = api.get("/api/v1/" + std::string(row.path), row.params);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, row.want);
    }
}

TEST(Targets, AreShownByState) {
    ApiFixture api;
    api.targets = test_targets();
    api.options.external_url = "https://ops.example.org:9443/prom";
    const auto all = api.get("/api/v1/targets").json()["data"];
    EXPECT_EQ(all["activeTargets"].size(), 2u);
    EXPECT_EQ(all["droppedTargets"].size(), 1u);
    EXPECT_EQ(all["droppedTargetCounts"].dump(), R"({"node":1,"self":0})");
    const auto& target = all["activeTargets"][0];
    EXPECT_EQ(target["globalUrl"], "http://ops.example.org:9100/metrics");
    EXPECT_EQ(target["lastScrape"], "2026-01-02T13:36:40.200Z");
    EXPECT_EQ(target["scrapeInterval"], "15s");
    EXPECT_EQ(target["health"], "up");
    EXPECT_EQ(all["activeTargets"][1]["globalUrl"], "http://ops.example.org:9100/metrics");
    EXPECT_EQ(all["activeTargets"][1]["lastScrape"], "0001-01-01T00:00:00Z");
    const auto dropped = api.get("/api/v1/targets", {{"state", "dropped"}}).json()["data"];
    EXPECT_TRUE(dropped["activeTargets"].empty());
    EXPECT_EQ(dropped["droppedTargets"].size(), 1u);
    const auto other =
        api.get("/api/v1/targets", {{"scrapePool", "self"}, {"state", "active"}}).json()["data"];
    EXPECT_TRUE(other["activeTargets"].empty());
    const std::string of_pool = "/api/v1/scrape_pools/config";
    EXPECT_EQ(api.get(of_pool, {{"scrapePool", "api"}}).json()["data"].dump(),
              R"({"yaml":"job_name: api\n"})");
    EXPECT_EQ(api.get(of_pool, {{"scrapePool", "none"}}).status, 404);
    EXPECT_EQ(api.get(of_pool).status, 400);
    EXPECT_EQ(api.get("/api/v1/scrape_pools").json()["data"].dump(),
              R"({"scrapePools":["node","self"]})");
}

TEST(Metadata, IsOfTargetsAndOfMetrics) {
    ApiFixture api;
    api.targets = test_targets();
    const auto of_targets =
        api.get("/api/v1/targets/metadata", {{"match_target", "{job=\"node\"}"}, {"limit", "1"}});
    EXPECT_EQ(of_targets.body,
              R"({"status":"success","data":[{"target":{"instance":"localhost:9100","job":"node"},)"
              R"("metric":"up","type":"counter","help":"Help of it.","unit":"requests"}]})");
    EXPECT_EQ(api.get("/api/v1/targets/metadata", {{"match_target", "{job=\"x\"}"}}).body,
              R"({"status":"success","data":[]})");
    EXPECT_EQ(api.get("/api/v1/targets/metadata", {{"limit", "0"}}).body,
              R"({"status":"success","data":[]})");
    EXPECT_EQ(api.get("/api/v1/metadata", {{"limit", "0"}}).body,
              R"({"status":"success","data":{}})");
    EXPECT_EQ(api.get("/api/v1/metadata", {{"limit", "-1"}}).body,
              api.get("/api/v1/metadata").body);
    EXPECT_EQ(
        api.get("/api/v1/metadata", {{"metric", "up"}, {"limit_per_metric", "1"}}).body,
        R"({"status":"success","data":{"up":[{"type":"counter","help":"Help of it.","unit":"requests"}]}})");
    EXPECT_EQ(api.get("/api/v1/metadata", {{"limit", "1"}}).json()["data"].size(), 1u);
    EXPECT_EQ(api.get("/api/v1/metadata", {{"limit", "-1"}}).json()["data"].size(), 2u);
}

TEST(CheckQuery, KnowsTheStoreAndTheTargets) {
    ApiFixture api;
    scrape::TargetStatus target;
    target.labels = {{"instance", "a:1"}, {"job", "api"}};
    target.interval_ms = 60'000;
    api.targets.active_targets = [&](std::string_view) {
        return std::vector<scrape::TargetStatus>{target};
    };
    api.targets.metadata = [&](const std::function<bool(const LabelSet&)>&, std::string_view metric,
                               uint64_t) {
        std::vector<scrape::TargetMetadata> found;
        if (metric == "requests_total")
            found.push_back({target.labels, "requests_total", {MetricType::kCounter, "", ""}});
        return found;
    };
    struct Row {
        std::string query;
        std::string want;  // rules and positions
    };
    const Row rows[] = {
        {"up", ""},
        {"rate(requests_total[4m])", ""},
        {"sum(\n  requests_total)", "counter-without-rate 2:3"},
        {"rate(requests_total[3m])", "short-window 1:6"},
        {"rate(request_total[5m])", "no-series 1:6"},
        {"up{job=\"nod\"}", "no-series 1:1"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        const auto answer = api.get("/api/kw/v1/check_query", {{"query", row.query}});
        ASSERT_EQ(answer.status, 200) << answer.body;
        std::string got;
        for (const auto& finding : answer.json()["data"]) {
            got +=
                finding["rule"].get<std::string>() + " " + finding["position"].get<std::string>();
        }
        EXPECT_EQ(got, row.want);
    }
    for (const char* bad : {"", "sum(", "rate(x[1m - 1m])"})
        EXPECT_EQ(api.get("/api/kw/v1/check_query", {{"query", bad}}).status, 400) << bad;
}

TEST(ExplainQuery, ShowsThePlanAndWhatItDid) {
    ApiFixture api;
    const TestParams range = {{"query", "sum by (job) (rate(requests_total[5m]))"},
                              {"start", "600"},
                              {"end", "900"},
                              {"step", "60"}};
    const auto plan = api.get("/api/kw/v1/query/explain", range);
    ASSERT_EQ(plan.status, 200) << plan.body;
    const nlohmann::json data = plan.json()["data"];
    EXPECT_EQ(data["analyzed"], false);
    EXPECT_FALSE(data.contains("query"));
    EXPECT_EQ(data["plan"]["title"], "sum by (job)");
    EXPECT_EQ(data["plan"]["holds"], "groups");
    EXPECT_EQ(data["plan"]["steps"],
              nlohmann::json::parse(R"({"count":6,"first":600,"last":900,"step_s":60})"));
    EXPECT_FALSE(data["plan"].contains("series"));
    EXPECT_EQ(data["plan"]["children"][0]["children"][0]["text"], "requests_total[5m]");
    EXPECT_EQ(data["plan"]["children"][0]["children"][0]["position"], "1:20");
    EXPECT_EQ(data["selections"],
              nlohmann::json::parse(
                  R"([{"matchers":"requests_total","position":"1:20","start":300.001,"end":900,)"
                  R"("series":2,"samples_estimate":120}])"));

    TestParams analyzed = range;
    analyzed.emplace_back("analyze", "true");
    const auto done = api.get("/api/kw/v1/query/explain", analyzed);
    ASSERT_EQ(done.status, 200) << done.body;
    const nlohmann::json sum = done.json()["data"]["plan"];
    EXPECT_EQ(sum["series"], 1);
    EXPECT_EQ(sum["values"], 6);
    EXPECT_GT(sum["self_s"], 0);
    EXPECT_GT(sum["peak_bytes"], 0);
    EXPECT_EQ(sum["children"][0]["series"], 2);
    EXPECT_EQ(sum["children"][0]["children"][0]["samples"], 120);
    EXPECT_EQ(done.json()["data"]["query"]["series"], 1);
    EXPECT_GT(done.json()["data"]["query"]["samples"], 0);

    const auto instant = api.get("/api/kw/v1/query/explain", {{"query", "up"}, {"time", "500"}});
    ASSERT_EQ(instant.status, 200) << instant.body;
    EXPECT_EQ(instant.json()["data"]["plan"]["steps"],
              nlohmann::json::parse(R"({"count":1,"first":500,"last":500})"));
}

TEST(ExplainQuery, RefusesWhatIsNoQuery) {
    ApiFixture api;
    const TestParams rows[] = {
        {},
        {{"query", "sum("}},
        {{"query", "up"}, {"analyze", "perhaps"}},
        {{"query", "up"}, {"time", "yesterday"}},
        {{"query", "up"}, {"start", "1"}},
        {{"query", "up"}, {"start", "0"}, {"end", "900"}, {"step", "0"}},
        {{"query", "up"}, {"start", "0"}, {"end", "900"}, {"step", "0.001"}},
        {{"query", "up"}, {"timeout", "-1"}},
    };
    for (const TestParams& row : rows) {
        const auto answer = api.get("/api/kw/v1/query/explain", row);
        EXPECT_EQ(answer.status, 400) << answer.body;
    }
    const auto matrix = api.get("/api/kw/v1/query/explain",
                                {{"query", "up[5m]"}, {"start", "0"}, {"end", "9"}, {"step", "1"}});
    EXPECT_EQ(matrix.status, 422) << matrix.body;
}

TEST(Federate, SendsTheNewestSamples) {
    ApiFixture api;
    api.store.add({{"__name__", "up"}, {"instance", "c:1"}, {"job", "node"}}, {999'000},
                  kStaleMarker);
    api.store.add({{"__name__", "old"}}, {600'000}, 1);
    PrometheusApi::Dependencies given = api.dependencies();
    given.external_labels = [] { return LabelSet{{"job", "outer"}, {"zone", "eu"}}; };
    api.routes = std::make_unique<net::Router>();
    add_prometheus_routes(*api.routes, std::move(given));
    const TestParams selectors = {{"match[]", "{job=~\".+\"}"},
                                  {"match[]", "up"},
                                  {"match[]", "{\"http.method\"}"},
                                  {"match[]", "old"}};
    const auto answer = api.get("/federate", selectors);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get("Content-Type"),
              "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    EXPECT_EQ(answer.body,
              "# TYPE http_method untyped\n"
              "http_method{l_x=\"y\",job=\"outer\",zone=\"eu\",instance=\"\"} 0.5 1000000\n"
              "# TYPE requests_total untyped\n"
              "requests_total{code=\"200\",job=\"api\",zone=\"eu\",instance=\"\"} 10000 1000000\n"
              "requests_total{code=\"500\",job=\"api\",zone=\"eu\",instance=\"\"} 1000 1000000\n"
              "# TYPE up untyped\n"
              "up{instance=\"a:1\",job=\"node\",zone=\"eu\"} 1 1000000\n"
              "up{instance=\"b:1\",job=\"node\",zone=\"eu\"} 0 1000000\n");
    net::Headers accept;
    accept.add("Accept", "text/plain;version=1.0.0;escaping=allow-utf-8");
    EXPECT_EQ(
        api.ask("GET", "/federate", {{"match[]", "{\"http.method\"}"}}, accept).body,
        "# TYPE \"http.method\" untyped\n"
        "{\"http.method\",\"l.x\"=\"y\",job=\"outer\",zone=\"eu\",instance=\"\"} 0.5 1000000\n");
    net::Headers values;
    values.add("Accept", "text/plain;version=1.0.0;escaping=values");
    const auto escaped = api.ask("GET", "/federate", {{"match[]", "{\"http.method\"}"}}, values);
    EXPECT_EQ(escaped.headers.get("Content-Type"),
              "text/plain; version=1.0.0; charset=utf-8; escaping=values");
    EXPECT_EQ(escaped.body,
              "# TYPE U__http_2e_method untyped\n"
              "U__http_2e_method{U__l_2e_x=\"y\",job=\"outer\",zone=\"eu\",instance=\"\"} 0.5 "
              "1000000\n");
    EXPECT_EQ(api.get("/federate").body, "");
    EXPECT_EQ(api.get("/federate", {{"match[]", "up{"}}).status, 400);
}

TEST(SelfMetrics, AreFamiliesInJson) {
    ApiFixture api;
    api.metrics.counter("kw_things_total", "Things.", {{"kind", "a"}}).add(3);
    api.metrics.histogram("kw_seconds", "Time.", {1, 2}, {{"kind", "b"}}).observe(1.5);
    const auto answer =
        api.get("/api/v1/status/self_metrics", {{"metric_name_pattern", "kw_.*"}}).json();
    EXPECT_EQ(answer["data"], nlohmann::json::parse(R"([
        {"name": "kw_seconds", "help": "Time.", "type": "HISTOGRAM", "metric": [
            {"label": [{"name": "kind", "value": "b"}],
             "histogram": {"sampleCount": "1", "sampleSum": 1.5, "bucket": [
                {"cumulativeCount": "0", "upperBound": 1}, {"cumulativeCount": "1", "upperBound": 2},
                {"cumulativeCount": "1", "upperBound": "Infinity"}]}}]},
        {"name": "kw_things_total", "help": "Things.", "type": "COUNTER", "metric": [
            {"label": [{"name": "kind", "value": "a"}], "counter": {"value": 3}}]}])"));
    EXPECT_EQ(api.get("/api/v1/status/self_metrics", {{"metric_name_pattern", "("}}).status, 400);
}

TEST(RelabelSteps, SayWhatEachRuleDoes) {
    ApiFixture api;
    api.targets.relabel_rules =
        [](std::string_view pool) -> std::optional<std::vector<intake::RelabelRule>> {
        if (pool != "api") return std::nullopt;
        intake::RelabelConfig copy;
        copy.source_labels = {"__address__"};
        copy.target_label = "instance";
        intake::RelabelConfig drop;
        drop.source_labels = {"job"};
        drop.regex = "x";
        drop.action = intake::RelabelAction::kDrop;
        return std::vector{intake::RelabelRule::make(copy).value(),
                           intake::RelabelRule::make(drop).value(),
                           intake::RelabelRule::make(copy).value()};
    };
    const auto steps = [&](const std::string& labels) {
        return api.get("/api/v1/targets/relabel_steps", {{"scrapePool", "api"}, {"labels", labels}})
            .json()["data"]["steps"];
    };
    const nlohmann::json kept = steps(R"({"__address__":"a:1","job":"y"})");
    ASSERT_EQ(kept.size(), 3u);
    EXPECT_EQ(kept[0]["output"],
              nlohmann::json::parse(R"({"__address__":"a:1","instance":"a:1","job":"y"})"));
    EXPECT_EQ(kept[0]["rule"]["source_labels"], nlohmann::json::parse(R"(["__address__"])"));
    EXPECT_EQ(kept[1]["rule"]["action"], "drop");
    const nlohmann::json dropped = steps(R"({"__address__":"a:1","job":"x"})");
    ASSERT_EQ(dropped.size(), 2u);
    EXPECT_EQ(dropped[1]["keep"], false);
    const std::string path = "/api/v1/targets/relabel_steps";
    EXPECT_EQ(api.get(path, {{"scrapePool", "none"}, {"labels", "{}"}}).status, 404);
    for (const char* bad : {"", "[]", "{\"a\":1}", "{"})
        EXPECT_EQ(api.get(path, {{"scrapePool", "api"}, {"labels", bad}}).status, 400) << bad;
    EXPECT_EQ(api.get(path, {{"labels", "{}"}}).status, 400);
}

TEST(Notifications, SayThatAReloadFailed) {
    ApiFixture api;
    EXPECT_EQ(api.get("/api/v1/notifications").json()["data"].dump(), "[]");
    PrometheusApi::Dependencies given = api.dependencies();
    given.runtime = [] {
        RuntimeInfo info;
        info.reload_succeeded = false;
        info.reload_failed_time = Millis{1'000'000};
        return info;
    };
    api.routes = std::make_unique<net::Router>();
    add_prometheus_routes(*api.routes, std::move(given));
    EXPECT_EQ(api.get("/api/v1/notifications").json()["data"], nlohmann::json::parse(R"([
        {"text": "Configuration reload has failed.", "date": "1970-01-01T00:16:40.000Z",
         "active": true}])"));
}

TEST(Features, SayWhatIsSwitchedOn) {
    ApiFixture api;
    const nlohmann::json data = api.get("/api/v1/features").json()["data"];
    EXPECT_EQ(data["promql_functions"]["rate"], true);
    EXPECT_EQ(data["promql_functions"]["mad_over_time"], false);
    EXPECT_EQ(data["promql_operators"]["and"], true);
    EXPECT_EQ(data["api"]["admin"], false);
    EXPECT_EQ(data["tsdb"]["exemplar_storage"], true);
}

TEST(Management, ChangesOnlyWhenEnabled) {
    ApiFixture api;
    EXPECT_EQ(api.ask("POST", "/-/reload").status, 403);
    EXPECT_EQ(api.ask("POST", "/-/reload").body, "Lifecycle API is not enabled.");
    EXPECT_EQ(api.ask("POST", "/-/quit").status, 403);
    EXPECT_EQ(api.get("/-/reload").status, 405);
    EXPECT_EQ(api.reload_count + api.quit_count, 0);

    api.options.enable_lifecycle = true;
    api.make_routes();
    EXPECT_EQ(api.ask("PUT", "/-/reload").status, 200);
    EXPECT_EQ(api.ask("POST", "/-/quit").body, "Requesting termination... Goodbye!");
    EXPECT_EQ(api.reload_count, 1);
    EXPECT_EQ(api.quit_count, 1);
    api.reload_result = invalid("prometheus.yml:3: unknown key");
    const auto failed = api.ask("POST", "/-/reload");
    EXPECT_EQ(failed.status, 500);
    EXPECT_EQ(failed.body, "failed to reload config: prometheus.yml:3: unknown key\n");
}

TEST(Management, TellsHealth) {
    ApiFixture api;
    EXPECT_EQ(api.get("/-/healthy").status, 200);
    EXPECT_EQ(api.get("/-/ready").status, 200);
    EXPECT_EQ(api.get("/health").status, 200);
    api.metrics.counter("kilowatch_things_total", "Things.").add(3);
    PrometheusApi::Dependencies given = api.dependencies();
    given.further_metrics = [](std::string& out) { out += "process_threads 7\n"; };
    api.routes = std::make_unique<net::Router>();
    add_prometheus_routes(*api.routes, std::move(given));
    const auto metrics = api.get("/metrics");
    EXPECT_NE(metrics.body.find("process_threads 7"), std::string::npos);
    EXPECT_TRUE(metrics.headers.get("Content-Type").starts_with("text/plain; version=0.0.4"));
    EXPECT_NE(metrics.body.find("kilowatch_things_total 3"), std::string::npos);

    api.is_ready = false;
    EXPECT_EQ(api.get("/-/healthy").status, 200);
    EXPECT_EQ(api.get("/-/ready").status, 503);
    EXPECT_EQ(api.get("/health").status, 503);
    EXPECT_EQ(api.get("/api/v1/query", {{"query", "1"}}).status, 503);
    EXPECT_EQ(api.get("/api/v1/status/walreplay").status, 200);
}

TEST(Admin, AnswersHonestly) {
    ApiFixture api;
    api.options.enable_admin_api = true;
    api.make_routes();
    const auto absent = api.ask("POST", "/api/v1/admin/tsdb/delete_series", {{"match[]", "up"}});
    EXPECT_EQ(absent.status, 501);
    EXPECT_EQ(absent.json()["errorType"], "not_implemented");

    PrometheusApi::Dependencies given = api.dependencies();
    std::vector<std::string> deleted;
    given.delete_series = [&](const std::vector<Matcher>& matchers,
                              const TimeRange& range) -> Result<void> {
        deleted.push_back(fmt::format("{} {}", matchers.front().to_string(), range.max.count));
        return {};
    };
    given.clean_tombstones = []() -> Result<void> { return unavailable("disk full"); };
    given.snapshot = [](bool skip_head) -> Result<std::string> {
        return std::string(skip_head ? "cold" : "all");
    };
    api.routes = std::make_unique<net::Router>();
    add_prometheus_routes(*api.routes, std::move(given));
    EXPECT_EQ(api.ask("PUT", "/api/v1/admin/tsdb/delete_series", {{"match[]", "up"}, {"end", "5"}})
                  .status,
              204);
    EXPECT_EQ(deleted, std::vector<std::string>{"__name__=\"up\" 5000"});
    EXPECT_EQ(api.ask("POST", "/api/v1/admin/tsdb/delete_series").status, 400);
    EXPECT_EQ(api.ask("POST", "/api/v1/admin/tsdb/clean_tombstones").status, 503);
    EXPECT_EQ(api.ask("POST", "/api/v1/admin/tsdb/snapshot", {{"skip_head", "true"}}).body,
              R"({"status":"success","data":{"name":"cold"}})");
    EXPECT_EQ(api.ask("POST", "/api/v1/admin/tsdb/snapshot", {{"skip_head", "maybe"}}).status, 400);
}

TEST(Write, HandsTheBodyOver) {
    ApiFixture api;
    const net::Headers headers{{"Content-Type", "application/x-protobuf"},
                               {"Content-Encoding", "snappy"}};
    const auto stored = api.ask("POST", "/api/v1/write", {}, headers, "bytes");
    EXPECT_EQ(stored.status, 204);
    EXPECT_EQ(api.written, "bytes");
    EXPECT_EQ(api.ask("POST", "/api/v1/write", {}, {{"Content-Type", "text/plain"}}, "x").status,
              415);
    api.write_answer = {400, "2 samples refused"};
    const auto refused = api.ask("POST", "/api/v1/write", {}, headers, "x");
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body, "2 samples refused\n");
}

TEST(Cors, LetsPagesOfAllowedOriginsRead) {
    ApiFixture api;
    const net::Headers from{{"Origin", "https://ops.example.org"}};
    auto answer = api.ask("GET", "/api/v1/labels", {}, from);
    EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(answer.headers.get("Vary"), "Origin");
    EXPECT_FALSE(api.get("/api/v1/labels").headers.has("Access-Control-Allow-Origin"));
    EXPECT_EQ(api.ask("OPTIONS", "/api/v1/query", {}, from).status, 204);
    api.options.cors_origin = "https://ops\\..*";
    api.make_routes();
    answer = api.ask("GET", "/api/v1/labels", {}, from);
    EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://ops.example.org");
    answer = api.ask("GET", "/api/v1/labels", {}, {{"Origin", "https://evil.example.org"}});
    EXPECT_FALSE(answer.headers.has("Access-Control-Allow-Origin"));
}

TEST(Parameters, UnescapeNames) {
    struct Row {
        std::string_view name;
        std::string_view want;
    };
    const Row rows[] = {
        {"job", "job"},
        {"U__http_2e_method", "http.method"},
        {"U__a__b", "a_b"},
        {"U___1f600_", "😀"},
        {"U__a_zz_b", "U__a_zz_b"},    // no hexadecimal number
        {"U__a_d800_", "U__a_d800_"},  // a surrogate
        {"U__a_2e", "U__a_2e"},        // not closed
        {"U__a_1234567_", "U__a_1234567_"},
        {"u__a", "u__a"},
    };
    for (const Row& row : rows) EXPECT_EQ(unescape_name(row.name), row.want);
    EXPECT_EQ(format_rfc3339({-1}), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace kw::api
