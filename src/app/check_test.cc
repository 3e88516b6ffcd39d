#include "app/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/fs/memory.h"

namespace kw::app {
namespace {

using testing::HasSubstr;

struct Said {
    int code = 0;
    std::string out;
    std::string err;
};

class CheckTest : public testing::Test {
 protected:
    void write(const std::string& path, std::string_view content) {
        ASSERT_TRUE(files_.create_directories(path.substr(0, path.rfind('/'))).ok());
        ASSERT_TRUE(fs::write_file_atomically(files_, path, content).ok());
    }
    template <typename Check, typename Options>
    Said said(Check check, const Options& options, const std::string& input = {}) {
        std::istringstream in(input);
        std::ostringstream out;
        std::ostringstream err;
        CommandContext context{files_, in, out, err};
        const int code = check(context, options);
        return {code, out.str(), err.str()};
    }
    fs::MemoryFileSystem files_;
};

constexpr std::string_view kRules = R"(groups:
- name: g
  rules:
  - {record: a, expr: 'sum(up)'}
  - {alert: B, expr: up == 0, for: 5m, labels: {severity: page}, annotations: {summary: x}}
)";

TEST_F(CheckTest, ConfigWithAllItNames) {
    write("/c/kw.yml", R"(
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: a
    basic_auth: {username: u, password_file: pw}
    file_sd_configs: [{files: [t.json]}, {files: [none.yml]}]
)");
    write("/c/rules/r.yml", kRules);
    write("/c/pw", "x");
    write("/c/t.json", R"([{"targets": ["a:1"], "labels": {"b": "c"}}])");
    const Said said_of = said(check_config, CheckConfigOptions{.files = {"/c/kw.yml"}, .lint = {}});
    EXPECT_EQ(said_of.code, kExitOk) << said_of.err;
    EXPECT_EQ(said_of.out, R"(Checking /c/kw.yml
  WARNING: file /c/none.yml of file_sd_configs in job a does not exist
  1 rule files found
  SUCCESS: /c/kw.yml is a valid configuration
Checking /c/rules/r.yml
  SUCCESS: 2 rules found

)");
}

TEST_F(CheckTest, ConfigThatNamesWhatIsNotThere) {
    write("/c/kw.yml", R"(
rule_files: [rules.yml]
scrape_configs:
  - job_name: a
    authorization: {credentials_file: token}
    file_sd_configs: [{files: [t.yml]}]
)");
    write("/c/t.yml", "- targats: [a:1]");
    CheckConfigOptions options;
    options.files = {"/c/kw.yml"};
    const Said full = said(check_config, options);
    EXPECT_EQ(full.code, kExitFailed);
    EXPECT_THAT(full.err, HasSubstr("FAILED: rule_files: /c/rules.yml does not exist"));
    EXPECT_THAT(full.err, HasSubstr("FAILED: job a: /c/token does not exist"));
    EXPECT_THAT(full.err, HasSubstr("FAILED: /c/t.yml:1: [0].targats: is not a key of "
                                    "static_config; did you mean targets?"));
    options.syntax_only = true;
    EXPECT_EQ(said(check_config, options).code, kExitOk);
}

TEST_F(CheckTest, ReceiversOfAFileThatIsNotThereAreSaidToBeUnknown) {
    write("/c/p.yml", "notifications: {fallback_receiver: spare, heartbeat: {receiver: alive}}\n");
    const Said told = said(check_config, CheckConfigOptions{.files = {"/c/p.yml"}, .lint = {}});
    EXPECT_EQ(told.code, kExitOk) << told.err;
    for (const char* const want :
         {"/c/p.yml:1: notifications.fallback_receiver: whether there is a receiver \"spare\"",
          "/c/p.yml:1: notifications.heartbeat.receiver: whether there is a receiver \"alive\""})
        EXPECT_NE(told.out.find(want), std::string::npos) << told.out;
}

TEST_F(CheckTest, ConfigFromTheInput) {
    CheckConfigOptions options;
    options.files = {"/dev/stdin"};
    EXPECT_EQ(said(check_config, options, "scrape_configs: [{job_name: a}]").code, kExitOk);
    const Said bad = said(check_config, options, "scrape_configs: [{}]");
    EXPECT_EQ(bad.code, kExitFailed);
    EXPECT_EQ(bad.err,
              "  FAILED: /dev/stdin:1: scrape_configs[0].job_name: is missing; give it a value\n");
}

TEST_F(CheckTest, TargetsThatStayUrlsAfterRelabelling) {
    CheckConfigOptions options;
    options.files = {"-"};
    const std::string head =
        "alerting: {alertmanagers: [{static_configs: [{targets: ['http://bad']}], relabel_configs: "
        "[";
    EXPECT_EQ(said(check_config, options, head + "{target_label: a, replacement: b}]}]}").code,
              kExitFailed);
    EXPECT_EQ(
        said(check_config, options, head + "{target_label: __address__, replacement: b}]}]}").code,
        kExitOk);
    EXPECT_EQ(said(check_config, options, head + "{action: drop}]}]}").code, kExitOk);
}

TEST_F(CheckTest, StaticTargetsThatAreNone) {
    CheckConfigOptions options;
    options.files = {"-"};
    options.syntax_only = true;
    const auto code_of = [&](const std::string& labels, const std::string& rule) {
        const std::string text =
            "scrape_configs: [{job_name: a, static_configs: [{targets: [b], labels: {" + labels +
            "}}], relabel_configs: [" + rule + "]}]";
        return said(check_config, options, text).code;
    };
    EXPECT_EQ(code_of("__scrape_interval__: 20s", ""), kExitOk);
    EXPECT_EQ(code_of("__scrape_interval__: 5s", ""), kExitFailed);  // below the timeout
    EXPECT_EQ(code_of("__scrape_timeout__: x", ""), kExitFailed);
    EXPECT_EQ(code_of("__scrape_timeout__: x", "{action: labeldrop, regex: job}"), kExitFailed);
    EXPECT_EQ(
        code_of("__scrape_timeout__: x", "{target_label: __scrape_timeout__, replacement: 5s}"),
        kExitOk);
}

TEST_F(CheckTest, DiscoveryFilesAreReadAsTheServerReadsThem) {
    write("/c/kw.yml", "scrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}]}]");
    CheckConfigOptions options;
    options.files = {"/c/kw.yml"};
    struct Row {
        const char* json;
        const char* want;  // of what is said; nullptr: good
    };
    const Row rows[] = {
        {R"([{"targets": ["a:1"], "labels": {"b": "c"}}])", nullptr},
        {R"([{"targets": ["a:1"],}])", "/c/t.json: "},  // YAML would be fine
        {R"([{"targets": [1]}])", "/c/t.json: target group 0: a target is not a text"},
        {R"([{"targets": ["a/b"]}])", R"(job a: target "a/b" of /c/t.json: "a/b" is no address)"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.json);
        write("/c/t.json", row.json);
        const Said said_of = said(check_config, options);
        EXPECT_EQ(said_of.code, row.want == nullptr ? kExitOk : kExitFailed);
        if (row.want != nullptr) EXPECT_THAT(said_of.err, HasSubstr(row.want));
    }
}

TEST_F(CheckTest, OneBadFileDoesNotHideThatAnotherIsGood) {
    write("/c/bad.yml", "scrape_configs: [{}]");
    write("/c/good.yml", "scrape_configs: [{job_name: a}]");
    CheckConfigOptions options;
    options.files = {"/c/bad.yml", "/c/good.yml"};
    const Said both = said(check_config, options);
    EXPECT_EQ(both.code, kExitFailed);
    EXPECT_THAT(both.out, HasSubstr("SUCCESS: /c/good.yml is a valid configuration"));
}

TEST_F(CheckTest, LintsIntervalsAndRules) {
    CheckConfigOptions options;
    options.files = {"-"};
    options.lint.checks = {"all"};
    const std::string text = "scrape_configs: [{job_name: a, scrape_interval: 10m}, {job_name: b}]";
    const Said remarks = said(check_config, options, text);
    EXPECT_EQ(remarks.code, kExitOk);
    EXPECT_EQ(remarks.err,
              "  LINT: job a: scrape_interval 10m is not below the lookback 5m: its series have "
              "gaps in queries\n");
    options.lint.is_fatal = true;
    EXPECT_EQ(said(check_config, options, text).code, kExitLint);
    options.lint.checks = {"none"};
    EXPECT_EQ(said(check_config, options, text).code, kExitOk);

    write("/r/twice.yml",
          "groups: [{name: g, rules: [{record: a, expr: b}, {record: a, expr: c}]}]");
    CheckRulesOptions rules;
    rules.files = {"/r/twice.yml"};
    rules.lint.is_fatal = true;
    const Said twice = said(check_rules, rules);
    EXPECT_EQ(twice.code, kExitLint);
    EXPECT_THAT(twice.err,
                HasSubstr("LINT: /r/twice.yml:1: a {} is the same series as a rule above it"));
}

TEST_F(CheckTest, MetricsAreLinted) {
    const CheckMetricsOptions options;
    EXPECT_EQ(said(check_metrics, options, "# HELP a A.\n# TYPE a gauge\na 1\n").code, kExitOk);
    const Said remarks = said(check_metrics, options, "a 1\n");
    EXPECT_EQ(remarks.code, kExitLint);
    EXPECT_EQ(remarks.err, "a no help text\n");
    EXPECT_EQ(said(check_metrics, options, "a{ 1\n").code, kExitFailed);
    const Said extended =
        said(check_metrics, CheckMetricsOptions{.extended = true}, "a{x=\"1\"} 1\na{x=\"2\"} 1\n");
    EXPECT_THAT(extended.out, HasSubstr("100.00%"));
}

TEST_F(CheckTest, WebConfig) {
    write("/w/web.yml", "basic_auth_users: {a: nonsense}");
    write("/w/empty.yml", "");
    EXPECT_EQ(said(check_web_config, std::vector<std::string>{"/w/web.yml"}).code, kExitFailed);
    EXPECT_EQ(said(check_web_config, std::vector<std::string>{"/w/empty.yml"}).code, kExitOk);
}

}  // namespace
}  // namespace kw::app
