// Canonical text, pretty-printing, and the JSON of a tree.
#include "promql/printer.h"

#include <gtest/gtest.h>

#include "promql/parser.h"

namespace kw::promql {
namespace {

ExprPtr must_parse(std::string_view text) {
    Result<ExprPtr> expr = parse(text, ParseOptions::all_features());
    EXPECT_TRUE(expr.ok()) << text << ": " << (expr.ok() ? "" : expr.error().message);
    return expr.ok() ? std::move(expr).value() : std::make_unique<Expr>();
}

TEST(PrettyPrint, BreaksOnlyWhatIsTooLong) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"sum(rate(foo[5m]))by(x)", "sum by (x) (rate(foo[5m]))"},
        {"sum by (instance, job) "
         "(rate(http_requests_total{job=\"api\",handler=~\"/api/v1/query|/api/v1/query_range\"}"
         "[5m]))",
         "sum by (instance, job) (\n"
         "  "
         "rate(http_requests_total{job=\"api\",handler=~\"/api/v1/query|/api/v1/"
         "query_range\"}[5m])\n"
         ")"},
        {"histogram_quantile(0.99, sum by (le, instance) "
         "(rate(prometheus_http_request_duration_seconds_bucket{a=\"b\"}"
         "[5m])))",
         "histogram_quantile(\n"
         "  0.99,\n"
         "  sum by (le, instance) "
         "(rate(prometheus_http_request_duration_seconds_bucket{a=\"b\"}[5m]))\n"
         ")"},
        {"node_filesystem_avail_bytes{mountpoint=\"/\"} / ignoring(x) group_left(y) "
         "node_filesystem_size_bytes{mountpoint=\"/\"} > bool 0.123456",
         "    node_filesystem_avail_bytes{mountpoint=\"/\"}\n"
         "  / ignoring (x) group_left (y)\n"
         "    node_filesystem_size_bytes{mountpoint=\"/\"}\n"
         "> bool\n"
         "  0.123456"},
        {"-(node_filesystem_avail_bytes{mountpoint=\"/\"} - "
         "node_filesystem_size_bytes{mountpoint=\"/a/long/path/to/it\"})",
         "-(\n"
         "    node_filesystem_avail_bytes{mountpoint=\"/\"}\n"
         "  -\n"
         "    node_filesystem_size_bytes{mountpoint=\"/a/long/path/to/it\"}\n"
         ")"},
        {"max_over_time((node_filesystem_avail_bytes{mountpoint=\"/\"} - "
         "node_filesystem_size_bytes{mountpoint=\"/\"})"
         "[1h:5m] offset 1m)",
         "max_over_time(\n"
         "  (node_filesystem_avail_bytes{mountpoint=\"/\"} - "
         "node_filesystem_size_bytes{mountpoint=\"/\"})[1h:5m] "
         "offset 1m\n"
         ")"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const std::string pretty = pretty_print(*must_parse(row.text));
        EXPECT_EQ(pretty, row.want);
        EXPECT_EQ(pretty_print(*must_parse(pretty)), row.want);
    }
}

TEST(Print, EscapesAsGoDoes) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {R"("\x00\x1f\x7f\xff")", R"("\x00\x1f\x7f\xff")"},
        {R"("\a\b\f\n\r\t\v\\\"")", R"("\a\b\f\n\r\t\v\\\"")"},
        {R"("\u200b\ufeff\U000e0001")", R"("\u200b\ufeff\U000e0001")"},
        {R"("日本 \U0001f600")", "\"日本 😀\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(print(*must_parse(row.text)), row.want);
    }
}

TEST(TreeJson, HasPrometheusForm) {
    struct Row {
        std::string_view text;
        std::string_view want;
    };
    const Row rows[] = {
        {"1e30", R"({"type":"numberLiteral","val":"1000000000000000000000000000000"})"},
        {"-Inf", R"({"type":"numberLiteral","val":"-Inf"})"},
        {R"("a\"\n")", R"({"type":"stringLiteral","val":"a\"\u000a"})"},
        {"(1)", R"({"expr":{"type":"numberLiteral","val":"1"},"type":"parenExpr"})"},
        {"up{job!=\"x\"} @ 5 offset 1m",
         R"({"anchored":false,"matchers":[{"name":"job","type":"!=","value":"x"},)"
         R"({"name":"__name__","type":"=","value":"up"}],"name":"up","offset":60000,"smoothed":false,)"
         R"("startOrEnd":null,"timestamp":5000,"type":"vectorSelector"})"},
        {"up[5m] anchored @ end()",
         R"({"anchored":true,"matchers":[{"name":"__name__","type":"=","value":"up"}],"name":"up","offset":0,)"
         R"("range":300000,"smoothed":false,"startOrEnd":"end","timestamp":null,"type":"matrixSelector"})"},
        {"-a",
         R"({"expr":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a",)"
         R"("offset":0,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},"op":"-",)"
         R"("type":"unaryExpr"})"},
        {"1 + 2",
         R"({"bool":false,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":"+",)"
         R"("rhs":{"type":"numberLiteral","val":"2"},"type":"binaryExpr"})"},
        {"round(vector(1), 5)",
         R"({"args":[{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector",)"
         R"("returnType":"vector","variadic":0},"type":"call"},{"type":"numberLiteral","val":"5"}],)"
         R"("func":{"argTypes":["vector","scalar"],"name":"round","returnType":"vector","variadic":1},"type":"call"})"},
        {"topk by (a) (3, vector(1)[5m:1m])", ""},
        {"quantile without (a) (0.5, vector(1))",
         R"({"expr":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector",)"
         R"("returnType":"vector","variadic":0},"type":"call"},"grouping":["a"],"op":"quantile",)"
         R"("param":{"type":"numberLiteral","val":"0.5"},"type":"aggregation","without":true})"},
        {"vector(1)[5m:1m] offset -1s",
         R"({"expr":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":["scalar"],"name":"vector",)"
         R"("returnType":"vector","variadic":0},"type":"call"},"offset":-1000,"range":300000,"startOrEnd":null,)"
         R"("step":60000,"timestamp":null,"type":"subquery"})"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<ExprPtr> expr = parse(row.text, ParseOptions::all_features());
        EXPECT_EQ(expr.ok() ? tree_json(**expr) : "", row.want);
    }
    const std::string matching = tree_json(*must_parse("a * on(x) group_left(y) fill_right(2) b"));
    EXPECT_NE(
        matching.find(R"("matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":"2"},)"
                      R"("include":["y"],"labels":["x"],"on":true})"),
        std::string::npos)
        << matching;
}

}  // namespace
}  // namespace kw::promql
