#include "wire/exposition/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kw::wire {
namespace {

std::vector<std::string> remarks_of(std::string_view text) {
    const Result<std::vector<LintRemark>> remarks = lint_exposition(text);
    if (!remarks.ok()) return {"error: " + remarks.error().message};
    std::vector<std::string> out;
    for (const LintRemark& remark : *remarks) out.push_back(remark.metric + " " + remark.text);
    return out;
}

TEST(Lint, RemarksWhatPrometheusLinterRemarks) {
    struct Row {
        const char* text;
        std::vector<std::string> want;
    };
    const Row rows[] = {
        {"# HELP a_total A.\n# TYPE a_total counter\na_total 1\n", {}},
        {"m 1\n", {"m no help text"}},
        {"# HELP m \nm 1\n", {"m no help text"}},
        {"# HELP no_samples_ms A.\n# TYPE no_samples_ms counter\n", {}},
        {"# HELP a A.\n# TYPE a counter\na 1\n",
         {"a counter metrics should have \"_total\" suffix"}},
        {"# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n",
         {"a_total non-counter metrics should not have \"_total\" suffix"}},
        {"# HELP a_total A.\na_total 1\n", {}},
        {"# HELP a_bucket A.\n# TYPE a_bucket gauge\na_bucket{le=\"1\"} 1\n",
         {"a_bucket non-histogram metrics should not have \"_bucket\" suffix",
          "a_bucket non-histogram metrics should not have \"le\" label"}},
        {"# HELP a_sum A.\n# TYPE a_sum gauge\na_sum{quantile=\"1\"} 1\n",
         {"a_sum non-histogram and non-summary metrics should not have \"_sum\" suffix",
          "a_sum non-summary metrics should not have \"quantile\" label"}},
        {"# HELP a_milliseconds A.\na_milliseconds 1\n",
         {"a_milliseconds use base unit \"seconds\" instead of \"milliseconds\""}},
        {"# HELP a_bytes A.\na_bytes 1\n", {}},
        {"# HELP a_gauge_x A.\n# TYPE a_gauge_x gauge\na_gauge_x 1\n",
         {"a_gauge_x metric name should not include type 'gauge'"}},
        {"# HELP gauge_a A.\n# TYPE gauge_a gauge\ngauge_a 1\n", {}},
        {"# HELP a:b A.\na:b 1\n", {"a:b metric names should not contain ':'"}},
        {"# HELP aB A.\naB{cD=\"1\"} 1\n",
         {"aB label names should be written in 'snake_case' not 'camelCase'",
          "aB metric names should be written in 'snake_case' not 'camelCase'"}},
        {"# HELP a_ms A.\na_ms 1\n", {"a_ms metric names should not contain abbreviated units"}},
        {"# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", {}},
        {"# HELP a A.\n# HELP a B.\na 1\n", {"error: line 2: "}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const std::vector<std::string> got = remarks_of(row.text);
        if (row.want.size() == 1 && row.want[0].starts_with("error")) {
            ASSERT_EQ(got.size(), 1u);
            EXPECT_TRUE(got[0].starts_with(row.want[0])) << got[0];
        } else {
            EXPECT_EQ(got, row.want);
        }
    }
}

TEST(Lint, CountsSeriesByFamily) {
    const auto counts = count_series(
        "a 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count "
        "1\n");
    ASSERT_TRUE(counts.ok()) << counts.error().message;
    ASSERT_EQ(counts->size(), 2u);
    EXPECT_EQ((*counts)[0].metric, "h");
    EXPECT_EQ((*counts)[0].series, 4u);
    EXPECT_EQ((*counts)[1].series, 1u);
}

}  // namespace
}  // namespace kw::wire
