#include "rules/rule_tests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fs/real.h"
#include "rules/rules_fixture.h"

namespace kw::rules {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kRules = "/t/r.yml";

// Runs a test file over rules, both in memory.
Result<TestReport> run(std::string_view rules, std::string_view tests,
                       const TestOptions& options = {}) {
    World world;
    const Result<void> made = world.files.create_directories("/t");
    EXPECT_TRUE(made.ok());
    EXPECT_TRUE(fs::write_file_atomically(world.files, std::string(kRules), rules).ok());
    return run_rule_tests(world.env, tests, "/t/tests.yml", options,
                          [](const std::string& pattern) -> Result<std::vector<std::string>> {
                              return std::vector<std::string>{pattern};
                          });
}

TEST(RuleTests, CompareAlertsAndExpressions) {
    const char* const rules =
        "- {record: twice, expr: 2 * x}\n- {alert: High, expr: twice > 4, for: 1m, annotations: "
        "{v: '{{ $value }}'}}\n";
    const Result<TestReport> good = run(rules, R"(
rule_files: [r.yml]
tests:
- input_series: [{series: 'x{job="a"}', values: 1 2 3 4 _ 6}]
  alert_rule_test:
  - {eval_time: 2m, alertname: High}
  - {eval_time: 3m30s, alertname: High, exp_alerts: [{exp_labels: {job: a}, exp_annotations: {v: "8"}}]}
  promql_expr_test:
  - {expr: twice, eval_time: 5m, exp_samples: [{labels: 'twice{job="a"}', value: 12}]}
  - {expr: 'count_over_time(x[10m])', eval_time: 5m, exp_samples: [{labels: '{job="a"}', value: 5}]}
  - {expr: nothing, eval_time: 1m}
)");
    ASSERT_TRUE(good.ok()) << good.error().message;
    EXPECT_THAT(good->failures, IsEmpty());
    const Result<TestReport> bad = run(rules, R"(
rule_files: [r.yml]
tests:
- name: one
  input_series: [{series: x, values: 3x5}]
  alert_rule_test: [{eval_time: 2m, alertname: High}]
  promql_expr_test: [{expr: x, eval_time: 1m, exp_samples: [{labels: x, value: 4}]}]
- {name: two, promql_expr_test: [{expr: 'sum(', eval_time: 1m}]}
)");
    ASSERT_TRUE(bad.ok()) << bad.error().message;
    ASSERT_EQ(bad->failures.size(), 3u);
    EXPECT_THAT(bad->failures[0],
                HasSubstr("/t/tests.yml:4: name: one, alertname: High, time: 2m,"));
    EXPECT_THAT(bad->failures[0], HasSubstr("{alertname=\"High\"} v=\"6\""));
    EXPECT_THAT(bad->failures[1], HasSubstr("expr: \"x\", time: 1m,"));
    EXPECT_THAT(bad->failures[2], HasSubstr("parse error"));
    TestOptions only;
    only.run = {"^two$"};
    EXPECT_EQ(run(rules, "tests: [{name: one}, {name: two}]", only)->test_count, 1u);
}

TEST(RuleTests, ReadNativeHistograms) {
    const char* const tests = R"(
tests:
- input_series: [{series: h, values: '{{schema:0 sum:1 count:2 buckets:[2]}}+{{schema:0 sum:1 count:2 buckets:[2]}}x3'}]
  promql_expr_test:
  - {expr: h, eval_time: 1m, exp_samples: [{labels: h, histogram: '{{schema:0 sum:2 count:4 buckets:[4]}}'}]}
  - {expr: histogram_count(h), eval_time: 1m, exp_samples: [{value: WANT}]}
)";
    std::string wrong(tests);
    std::string right(tests);
    right.replace(right.find("WANT"), 4, "4");
    wrong.replace(wrong.find("WANT"), 4, "5");
    wrong.replace(wrong.find("count:4"), 7, "count:3");
    const Result<TestReport> good = run("", right);
    ASSERT_TRUE(good.ok()) << good.error().message;
    EXPECT_THAT(good->failures, IsEmpty());
    EXPECT_EQ(run("", wrong)->failures.size(), 2u);
}

TEST(RuleTests, RefuseWhatIsNoTestFile) {
    struct Row {
        const char* text;
        const char* want;
    };
    const Row rows[] = {
        {"test: []", "/t/tests.yml:1: test: is not a key of test file; did you mean tests?"},
        {"evaluation_interval: 0s", "evaluation_interval: must be longer than 0"},
        {"group_eval_order: [a, a]", "a stands there twice"},
        {"rule_files: [absent.yml]", "absent.yml"},
        {"tests: [{input_series: [{series: 'x{', values: 1}]}]",
         "tests[0].input_series[0].series: "},
        {"tests: [{input_series: [{series: x, values: 1+}]}]", "tests[0].input_series[0].values: "},
        {"tests: [{input_series: [{series: x, values: '{{schema:x}}'}]}]",
         "tests[0].input_series[0].values: "},
        {"tests: [{interval: 1ms, alert_rule_test: [{eval_time: 1y}]}]", "steps"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<TestReport> got = run("", row.text);
        ASSERT_FALSE(got.ok());
        EXPECT_THAT(got.error().message, HasSubstr(row.want));
    }
}

// The guide's alerts as they stand there.
TEST(RuleTests, GuideAlertsFireExactlyAtTheirFor) {
    World world;
    fs::RealFileSystem files;
    Environment env{world.clock, files, world.log, world.metrics, world.pool};
    const std::filesystem::path folder = std::filesystem::path(KW_TESTDATA) / "guide";
    std::ifstream in(folder / "tests.yml");
    std::stringstream text;
    text << in.rdbuf();
    const Result<TestReport> report = run_rule_tests(
        env, text.str(), (folder / "tests.yml").string(), {},
        [](const std::string& pattern) -> Result<std::vector<std::string>> {
            const std::filesystem::path path(pattern);
            const std::string name = path.filename().string();
            const size_t star = name.find('*');
            if (star == std::string::npos) return std::vector<std::string>{pattern};
            std::vector<std::string> found;
            for (const auto& entry : std::filesystem::directory_iterator(path.parent_path())) {
                const std::string one = entry.path().filename().string();
                if (one.starts_with(name.substr(0, star)) && one.ends_with(name.substr(star + 1))) {
                    found.push_back(entry.path().string());
                }
            }
            std::sort(found.begin(), found.end());
            return found;
        });
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->test_count, 8u);
    EXPECT_THAT(report->failures, IsEmpty());
}

}  // namespace
}  // namespace kw::rules
