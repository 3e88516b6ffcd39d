#include "promql/push_matchers.h"

#include <gtest/gtest.h>

#include "promql/parser.h"
#include "promql/printer.h"

namespace kw::promql {
namespace {

TEST(PushMatchers, NarrowsOnlyWhatWouldBeDropped) {
    struct Row {
        std::string_view query;
        std::string_view want;  // empty: the same
    };
    const Row rows[] = {
        {"a{x=\"1\"} and b", "a{x=\"1\"} and b{x=\"1\"}"},
        {"a and b{x=~\"1|2\"}", "a{x=~\"1|2\"} and b{x=~\"1|2\"}"},
        {"a{x=\"1\"} unless b", "a{x=\"1\"} unless b{x=\"1\"}"},
        {"a unless b{x=\"1\"}", ""},
        {"a{x=\"1\"} or b", ""},
        {"a{x=\"1\"} / b", ""},
        {"a{x=\"1\"} == on (x) b", ""},
        {"a{x=\"1\",y!=\"2\"} and on (x) b", "a{x=\"1\",y!=\"2\"} and on (x) b{x=\"1\"}"},
        {"a{x=\"1\",y!=\"2\"} and ignoring (x) b",
         "a{x=\"1\",y!=\"2\"} and ignoring (x) b{y!=\"2\"}"},
        {"a{x=\"1\"} and on () b", ""},
        {"a{x=\"1\"} and b{x=\"1\"}", ""},
        {"a{x=\"1\"} and b{x=\"2\"}", "a{x=\"1\",x=\"2\"} and b{x=\"2\",x=\"1\"}"},
        // Through what keeps the label.
        {"rate(a{x=\"1\"}[5m]) > 2 and on (x) sum by (x) (b)",
         "rate(a{x=\"1\"}[5m]) > 2 and on (x) sum by (x) (b{x=\"1\"})"},
        {"sum by (y) (a{x=\"1\"}) and b", ""},
        {"sum without (x) (a{x=\"1\"}) and b", ""},
        {"sum without (y) (a{x=\"1\"}) and b", "sum without (y) (a{x=\"1\"}) and b{x=\"1\"}"},
        {"a{x=\"1\"} and max_over_time((-abs(b))[5m:1m])",
         "a{x=\"1\"} and max_over_time((-abs(b{x=\"1\"}))[5m:1m])"},
        {"a{x=\"1\"} and b and c", "a{x=\"1\"} and b{x=\"1\"} and c{x=\"1\"}"},
        // And not through what changes it, fails on others, or makes its own.
        {"a{x=\"1\"} and label_replace(b, \"x\", \"1\", \"y\", \".*\")", ""},
        {"label_replace(a{x=\"1\"}, \"x\", \"2\", \"\", \"\") and b", ""},
        {"a{x=\"1\"} and count_values(\"x\", b)", ""},
        {"a{x=\"1\"} and b / c", ""},
        {"a{x=\"1\"} and absent(b)", ""},
        {"a{x=\"1\"} and histogram_quantile(0.5, b)", ""},
        {"a{x=\"1\"} and -{y=\"2\"}", ""},
        {"a{x=\"1\"} and vector(1)", ""},
        {"topk(1, a{x=\"1\"}) and b", ""},
        {"a and topk(1, b{x=\"1\"})", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.query);
        Result<ExprPtr> expr = parse(row.query, ParseOptions::all_features());
        ASSERT_TRUE(expr.ok()) << expr.error().message;
        const std::string before = print(**expr);
        push_matchers(**expr, {});
        EXPECT_EQ(print(**expr), row.want.empty() ? before : std::string(row.want));
    }
}

TEST(PushMatchers, KnowsNothingOfLabelsWithAliases) {
    Result<ExprPtr> expr = parse("a{x=\"1\",y=\"2\"} and b", {});
    ASSERT_TRUE(expr.ok());
    push_matchers(**expr, [](std::string_view label) { return label == "x"; });
    EXPECT_EQ(print(**expr), "a{x=\"1\",y=\"2\"} and b{y=\"2\"}");
}

}  // namespace
}  // namespace kw::promql
