#include "app/query_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/fs/memory.h"
#include "net/http_client.h"

namespace kw::app {
namespace {

// Answers every fetch with one body, and remembers what was asked.
class OneAnswer final : public net::Fetcher {
 public:
    OneAnswer(int status, std::string body) : status_(status), body_(std::move(body)) {}
    FetchId fetch(net::FetchRequest request, net::FetchCallback callback) override {
        asked = std::move(request);
        net::FetchResponse response;
        response.status = status_;
        response.body = body_;
        response.url = asked.url;
        callback(std::move(response));
        return 1;
    }
    void cancel(FetchId) override {}
    net::FetchRequest asked;

 private:
    const int status_;
    const std::string body_;
};

struct Said {
    int code = 0;
    std::string out;
    std::string err;
};

template <typename Query>
Said said(Query query, OneAnswer& server, const QueryOptions& options) {
    fs::MemoryFileSystem files;
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    CommandContext context{files, in, out, err};
    const int code = query(context, server, options);
    return {code, out.str(), err.str()};
}

QueryOptions options_of(std::string format) {
    QueryOptions options;
    options.server = "http://s:1/base/";
    options.expression = "up + 1";
    options.format = std::move(format);
    return options;
}

constexpr const char* kVector =
    R"({"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"__name__":"up","job":"b"},"value":[1700000000.5,"1"]},
        {"metric":{},"value":[1700000000.5,"NaN"]}]},"warnings":["mind this"]})";

TEST(QueryClient, AnswersInstantQueriesInEveryForm) {
    OneAnswer server(200, kVector);
    const Said table = said(query_instant, server, options_of("table"));
    EXPECT_EQ(table.code, kExitOk);
    EXPECT_EQ(table.out,
              "SERIES       TIME                      VALUE\n"
              "up{job=\"b\"}  2023-11-14T22:13:20.500Z  1\n"
              "{}           2023-11-14T22:13:20.500Z  NaN\n");
    EXPECT_EQ(table.err, "mind this\n");
    EXPECT_EQ(server.asked.url, "http://s:1/base/api/v1/query");
    EXPECT_EQ(server.asked.method, "POST");
    EXPECT_EQ(server.asked.body, "query=up%20%2B%201");
    EXPECT_EQ(said(query_instant, server, options_of("promql")).out,
              "up{job=\"b\"} => 1 @[1700000000.5]\n{} => NaN @[1700000000.5]\n");
    EXPECT_EQ(said(query_instant, server, options_of("json")).out,
              "[{\"metric\":{\"__name__\":\"up\",\"job\":\"b\"},\"value\":[1700000000.5,\"1\"]},"
              "{\"metric\":{},\"value\":[1700000000.5,\"NaN\"]}]\n");
}

TEST(QueryClient, AnswersScalarsAndMatrices) {
    OneAnswer scalar(200,
                     R"({"status":"success","data":{"resultType":"scalar","result":[1,"2.5"]}})");
    EXPECT_EQ(said(query_instant, scalar, options_of("table")).out,
              "1970-01-01T00:00:01.000Z  2.5\n");
    EXPECT_EQ(said(query_instant, scalar, options_of("promql")).out, "scalar: 2.5 @[1]\n");
    OneAnswer matrix(200, R"({"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"a":"b"},"values":[[1,"2"],[2,"3"]]}]}})");
    const auto range = [](CommandContext& context, net::Fetcher& fetcher,
                          const QueryOptions& options) {
        return query_range(context, fetcher, options, Millis{1'000'000});
    };
    EXPECT_EQ(said(range, matrix, options_of("promql")).out, "{a=\"b\"} =>\n2 @[1]\n3 @[2]\n");
    EXPECT_EQ(matrix.asked.body, "query=up%20%2B%201&start=700.000&end=1000.000&step=1");
}

TEST(QueryClient, UnderstandsTimes) {
    struct Row {
        const char* start;
        const char* want;  // of the request; nullptr: refused
    };
    const Row rows[] = {
        {"100", "start=100.000"},
        {"1970-01-01T00:01:40Z", "start=100.000"},
        {"1970-01-01T01:01:40.250+01:00", "start=100.250"},
        {"yesterday", nullptr},
        {"1970-01-01", nullptr},
        {"1970-01-01T00:01:40+1", nullptr},
        {"2000", nullptr},  // after the end
    };
    const auto range = [](CommandContext& context, net::Fetcher& fetcher,
                          const QueryOptions& options) {
        return query_range(context, fetcher, options, Millis{1'000'000});
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.start);
        OneAnswer server(200, R"({"status":"success","data":{"resultType":"matrix","result":[]}})");
        QueryOptions options = options_of("table");
        options.start = row.start;
        EXPECT_EQ(said(range, server, options).code, row.want == nullptr ? kExitFailed : kExitOk);
        if (row.want != nullptr) EXPECT_THAT(server.asked.body, testing::HasSubstr(row.want));
    }
}

TEST(QueryClient, ListsExemplarsInEveryForm) {
    OneAnswer server(200, R"({"status":"success","data":[
        {"seriesLabels":{"__name__":"up","job":"a"},
         "exemplars":[{"labels":{"trace_id":"x"},"value":"0.5","timestamp":1.25},
                      {"labels":{},"value":"NaN","timestamp":2}]}]})");
    QueryOptions options = options_of("table");
    options.start = "5";
    options.end = "2023-11-14T22:13:20Z";
    const Said table = said(query_exemplars, server, options);
    EXPECT_EQ(table.code, kExitOk);
    EXPECT_EQ(table.out,
              "SERIES       TIME                      VALUE  LABELS\n"
              "up{job=\"a\"}  1970-01-01T00:00:01.250Z  0.5    {trace_id=\"x\"}\n"
              "up{job=\"a\"}  1970-01-01T00:00:02.000Z  NaN    {}\n");
    EXPECT_EQ(server.asked.url, "http://s:1/base/api/v1/query_exemplars");
    EXPECT_EQ(server.asked.body, "query=up%20%2B%201&start=5&end=2023-11-14T22%3A13%3A20Z");
    EXPECT_EQ(said(query_exemplars, server, options_of("promql")).out,
              "up{job=\"a\"} # {trace_id=\"x\"} 0.5 @[1.25]\nup{job=\"a\"} # {} NaN @[2]\n");
    EXPECT_THAT(said(query_exemplars, server, options_of("json")).out,
                testing::StartsWith("[{\"seriesLabels\":{\"__name__\":\"up\""));
    OneAnswer refusal(400, R"({"status":"error","errorType":"bad_data","error":"no"})");
    const Said refused = said(query_exemplars, refusal, options_of("table"));
    EXPECT_EQ(refused.code, kExitFailed);
    EXPECT_EQ(refused.err, "query: bad_data: no\n");
}

TEST(QueryClient, ListsSeriesAndLabels) {
    OneAnswer series(200, R"({"status":"success","data":[{"__name__":"up","job":"a"}]})");
    QueryOptions options = options_of("table");
    options.matchers = {"up", "{a=\"b\"}"};
    options.start = "5";
    EXPECT_EQ(said(query_series, series, options).out, "up{job=\"a\"}\n");
    EXPECT_EQ(series.asked.body, "match%5B%5D=up&match%5B%5D=%7Ba%3D%22b%22%7D&start=5");
    OneAnswer values(200, R"({"status":"success","data":["a","b"]})");
    options.label = "job/x";
    EXPECT_EQ(said(query_labels, values, options).out, "a\nb\n");
    EXPECT_TRUE(values.asked.url.starts_with("http://s:1/base/api/v1/label/job%2Fx/values?match"));
    EXPECT_EQ(values.asked.method, "GET");
}

TEST(QueryClient, AServerWithoutASchemeIsAskedByHttp) {
    OneAnswer server(200, kVector);
    QueryOptions options = options_of("table");
    options.server = "localhost:9090";
    EXPECT_EQ(said(query_instant, server, options).code, kExitOk);
    EXPECT_EQ(server.asked.url, "http://localhost:9090/api/v1/query");
}

TEST(QueryClient, SaysWhatWentWrong) {
    OneAnswer refused(400,
                      R"({"status":"error","errorType":"bad_data","error":"1:3: parse error"})");
    const Said said_of = said(query_instant, refused, options_of("table"));
    EXPECT_EQ(said_of.code, kExitFailed);
    EXPECT_EQ(said_of.err, "query: bad_data: 1:3: parse error\n");
    OneAnswer page(404, "<html>");
    EXPECT_THAT(said(query_instant, page, options_of("table")).err,
                testing::HasSubstr("is not JSON"));
    OneAnswer empty(200, R"({"status":"success","data":{}})");
    EXPECT_EQ(said(query_instant, empty, options_of("table")).code, kExitFailed);
    QueryOptions options = options_of("table");
    options.headers = {"nocolon"};
    EXPECT_THAT(said(query_instant, empty, options).err, testing::HasSubstr("Name: value"));
}

TEST(ExplainQuery, PrintsALineAnOperator) {
    OneAnswer server(
        200,
        R"({"status":"success","data":{"analyzed":true,"plan":{"kind":"aggregation","title":"sum",)"
        R"("position":"1:1","holds":"groups","once":false,"self_s":0.00125,"total_s":2.5,"series":1,)"
        R"("values":7,"samples":0,"peak_bytes":2048,"children":[{"kind":"selector","title":"up @ 5",)"
        R"("position":"1:5","holds":"series","once":true,"selections":[0],"self_s":2e-5,"total_s":0,)"
        R"("series":9,"values":7,"samples":81,"peak_bytes":0,"children":[]}]},"selections":[)"
        R"({"matchers":"up","position":"1:5","start":0,"end":60.5,"series":9,"samples_estimate":90}],)"
        R"("query":{"prepare_s":0.5,"eval_s":2,"series":1,"samples":81,"peak_bytes":3145728}}})");
    QueryOptions options = options_of("table");
    options.analyze = true;
    options.time = "5";
    const auto explain = [](CommandContext& context, net::Fetcher& fetcher,
                            const QueryOptions& asked) {
        return explain_query(context, fetcher, asked, Millis{1'000'000});
    };
    Said answer = said(explain, server, options);
    EXPECT_EQ(answer.code, kExitOk) << answer.err;
    EXPECT_EQ(
        answer.out,
        "OPERATOR         AT   HOLDS   READS  SELF     TOTAL   SERIES  VALUES  SAMPLES  PEAK\n"
        "sum              1:1  groups         1.25 ms  2.50 s  1       7       0        2.0 KiB\n"
        "  up @ 5 (once)  1:5  series  #1     20 us    0 us    9       7       81       0 B\n"
        "#1 up: 9 series, at most 90 samples, 1970-01-01T00:00:00.000Z to "
        "1970-01-01T00:01:00.500Z\n"
        "2.50 s in all, 1 series, 81 samples, at most 3.0 MiB held\n");
    EXPECT_EQ(server.asked.url, "http://s:1/base/api/kw/v1/query/explain");
    EXPECT_EQ(server.asked.body, "query=up%20%2B%201&time=5&analyze=true");

    options.format = "json";
    options.step = "10s";
    answer = said(explain, server, options);
    EXPECT_THAT(answer.out, testing::StartsWith("{\"analyzed\":true,\"plan\":"));
    EXPECT_EQ(server.asked.body,
              "query=up%20%2B%201&start=700.000&end=1000.000&step=10s&analyze=true");

    OneAnswer other(200, R"({"status":"success","data":{"result":[]}})");
    options.format = "table";
    answer = said(explain, other, options);
    EXPECT_EQ(answer.code, kExitFailed);
    EXPECT_THAT(answer.err, testing::HasSubstr("no plan"));
}

TEST(CheckQuery, PrintsPlaceRuleAndMend) {
    OneAnswer server(
        200,
        R"({"status":"success","data":[{"rule":"no-series","position":"1:6","start":5,"end":9,)"
        R"("message":"there is no series named \"x\"","suggestion":""}]})");
    QueryOptions options = options_of("table");
    Said answer = said(check_query, server, options);
    EXPECT_EQ(answer.code, kExitLint);
    EXPECT_EQ(answer.out, "1:6: no-series: there is no series named \"x\"\n");
    EXPECT_EQ(server.asked.url, "http://s:1/base/api/kw/v1/check_query");

    options.server.clear();
    options.expression = "a +\n errors_total";
    answer = said(check_query, server, options);
    EXPECT_EQ(answer.code, kExitLint);
    EXPECT_THAT(answer.out,
                testing::StartsWith("2:2: counter-without-rate: \"errors_total\" is a counter"));
    EXPECT_THAT(answer.out, testing::HasSubstr("\n  mend: rate(errors_total[5m])"));

    options.expression = "up";
    answer = said(check_query, server, options);
    EXPECT_EQ(answer.code, kExitOk);
    EXPECT_EQ(answer.out, "nothing to remark\n");

    options.expression = "sum(";
    answer = said(check_query, server, options);
    EXPECT_EQ(answer.code, kExitFailed);
    EXPECT_THAT(answer.err, testing::HasSubstr("1:5: parse error"));
}

}  // namespace
}  // namespace kw::app
