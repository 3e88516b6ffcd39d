#include "rules/rule_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "promql/parser.h"
#include "rules/expressions.h"

namespace kw::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(RuleFile, ReadsGroupsWithEveryKey) {
    const RuleFile file = read_rule_file(R"(
groups:
- name: api
  interval: 30s
  query_offset: 10s
  limit: 5
  labels: {team: web, severity: low}
  rules:
  - record: job:requests:rate5m
    expr: sum by(job)(rate(requests_total[5m]))
  - alert: Slow
    expr: latency > 0.5
    for: 5m
    keep_firing_for: 2m
    labels: {severity: high}
    annotations: {summary: "{{ $labels.job }} is slow"}
    on_no_data: keep
)",
                                         "api.yml", {})
                              .value();
    ASSERT_EQ(file.groups.size(), 1u);
    const Group& group = file.groups[0];
    EXPECT_EQ(group.name, "api");
    EXPECT_EQ(group.interval_ms, 30'000);
    EXPECT_EQ(group.query_offset_ms, 10'000);
    EXPECT_EQ(group.limit, 5u);
    ASSERT_EQ(group.rules.size(), 2u);
    EXPECT_EQ(group.rules[0].expr, "sum by (job) (rate(requests_total[5m]))");
    EXPECT_THAT(group.rules[0].labels, ElementsAre(Pair("severity", "low"), Pair("team", "web")));
    const Rule& alert = group.rules[1];
    EXPECT_EQ(alert.kind, Rule::Kind::kAlerting);
    EXPECT_EQ(alert.for_ms, 300'000);
    EXPECT_EQ(alert.keep_firing_for_ms, 120'000);
    EXPECT_EQ(alert.on_no_data, OnNoData::kKeep);
    EXPECT_THAT(alert.labels, ElementsAre(Pair("severity", "high"), Pair("team", "web")));
}

// The guide writes single rules without a group.
// guide: P02
TEST(RuleFile, TakesBareRules) {
    const RuleFile one = read_rule_file("alert: HighErrorRate\nexpr: rate(x[5m]) > 0.1\nfor: 5m\n",
                                        "rules/guide.critical.yml", {})
                             .value();
    ASSERT_EQ(one.groups.size(), 1u);
    EXPECT_EQ(one.groups[0].name, "guide");
    EXPECT_EQ(one.groups[0].rules[0].name, "HighErrorRate");
    const RuleFile list =
        read_rule_file(
            "- alert: A\n  expr: x > 1\n- record: b\n  expr: y\n- alert: A\n  expr: x > 2\n",
            "two.yml", {})
            .value();
    ASSERT_EQ(list.groups.size(), 1u);
    EXPECT_EQ(list.rule_count(), 3u);
    EXPECT_EQ(list.duplicates().size(), 1u);
    EXPECT_EQ(read_rule_file("", "empty.yml", {}).value().rule_count(), 0u);
}

TEST(RuleFile, SaysWhatIsWrongWhere) {
    struct Row {
        const char* text;
        const char* want;
    };
    const Row rows[] = {
        {"groups:\n- name: a\n- name: a\n", "r.yml:3: groups[1].name: \"a\" names another group"},
        {"groups:\n- rules: []\n", "r.yml:2: groups[0].name: is missing"},
        {"alert: A\nexpr: sum(\n", "r.yml:2: expr: 1:5: parse error"},
        {"alert: A\nexpr: x\nfro: 5m\n", "r.yml:3: fro: is not a key of rule; did you mean for?"},
        {"alert: A\nrecord: b\nexpr: x\n", "r.yml:1: alert: stands beside record"},
        {"- expr: x\n", "r.yml:1: [0]: has neither record nor alert"},
        {"record: a\nexpr: x\nfor: 1m\n", "r.yml:3: for: is for alerting rules"},
        {"record: a{b}\nexpr: x\n", "r.yml:1: record: \"a{b}\" is not a metric name"},
        {"record: a\nexpr: x\nlabels: {__name__: y}\n",
         "r.yml:3: labels: __name__ is the metric's name"},
        {"alert: A\nexpr: x\nannotations: {s: '{{ nope }}'}\n",
         "r.yml:3: annotations: s: template: __alert_A:1:4: function \"nope\" not defined"},
        {"alert: A\nexpr: x\non_no_data: page\n",
         "r.yml:3: on_no_data: \"page\" is not one of resolve, keep, alert"},
        {"groups:\n- name: a\n  partial_response_strategy: warn\n",
         "r.yml:3: groups[0].partial_response_strategy: is not a key of rule group"},
        {"alert: A\nexpr: x\nfor: 5 minutes\n", "r.yml:3: for: "},
        {"groups: 5\n", "r.yml:1: groups: wants a list"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<RuleFile> got = read_rule_file(row.text, "r.yml", {});
        ASSERT_FALSE(got.ok());
        EXPECT_THAT(got.error().message, HasSubstr(row.want));
    }
}

TEST(RuleFile, PassesOverUnknownKeysWhereAsked) {
    const char* const text =
        "groups:\n- name: a\n  owner: me\n  rules:\n  - {record: b, expr: '1', x: 2}\n";
    EXPECT_FALSE(read_rule_file(text, "r.yml", {}).ok());
    ReadOptions options;
    options.ignores_unknown_keys = true;
    EXPECT_EQ(read_rule_file(text, "r.yml", options).value().rule_count(), 1u);
}

TEST(Expressions, PresenceAsksWithoutConditions) {
    struct Row {
        const char* expr;
        const char* want;
    };
    const Row rows[] = {
        {"x > 5", "x > bool 5"},
        {"up == 0", "up == bool 0"},
        {"(a > 5) and b < 3", "(a > bool 5) and b < bool 3"},
        {"a > 5 unless b > 1", "a > bool 5"},
        {"count(up == 0) > 3", "count(up == bool 0) > bool 3"},
        {"absent(x)", ""},
        {"x", ""},
        {"x > bool 5", ""},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(presence_query(*promql::parse(row.expr).value()), row.want) << row.expr;
    }
}

// guide: P28
TEST(Expressions, SlowestDetectionCountsWindowsForAndInterval) {
    struct Row {
        const char* expr;
        int64_t for_s;
        int64_t want_s;
    };
    const Row rows[] = {
        {"up == 0", 0, 15},
        {R"(rate(http_requests_total{status=~"5.."}[5m]) > 0.1)", 300, 615},
        {"x > 1", 20, 45},
        {"rate(a[5m]) / rate(b[10m]) > 1", 0, 615},
        {"max_over_time(rate(a[1m])[10m:1m]) > 1", 60, 735},
        {"a offset 2m > a", 0, 135},
        {"a offset -2m > a", 0, 15},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(slowest_detection_ms(*promql::parse(row.expr).value(), row.for_s * 1000, 15'000),
                  row.want_s * 1000)
            << row.expr;
    }
}

TEST(Expressions, WavesKeepWhatReadsBehindWhatWrites) {
    const auto waves = [](const char* text) {
        return plan_waves(read_rule_file(text, "r.yml", {}).value().groups[0].rules, {});
    };
    using W = std::vector<std::vector<size_t>>;
    EXPECT_EQ(waves("- {record: a, expr: x}\n- {record: b, expr: x}\n- {record: c, expr: a + b}\n"),
              (W{{0, 1}, {2}}));
    // Read before it is written: the reader wants the value of the round before.
    EXPECT_EQ(waves("- {record: c, expr: a}\n- {record: a, expr: x}\n"), (W{{0}, {1}}));
    EXPECT_EQ(waves("- {alert: A, expr: x}\n- {record: n, expr: count(ALERTS)}\n"), (W{{0}, {1}}));
    EXPECT_EQ(waves("- {record: a, expr: x}\n- {record: b, expr: '{job=\"x\"}'}\n"), (W{{0}, {1}}));
    EXPECT_EQ(waves("- {record: a, expr: x}\n- {record: a, expr: y}\n"), (W{{0}, {1}}));
}

// guide: P02
TEST(RuleGroup, IsReadAloneAndWrittenBack) {
    const std::string text =
        "interval: 15s\nquery_offset: 5s\nlimit: 7\nlabels: {team: web}\non_no_data: keep\nrules:\n"
        "- {record: 'a:b', expr: 'sum by (job) (x{a=\"1\"})'}\n"
        "- {alert: 'A: \"b\"', expr: x > 1, for: 90s, keep_firing_for: 1h, on_no_data: alert,\n"
        "   annotations: {summary: \"two\\nlines, {{ $value }}\"}}\n"
        "- {alert: C, expr: x}\n";
    const Result<Group> group = read_rule_group(text, "web: eu", {});
    ASSERT_TRUE(group.ok()) << group.error().message;
    EXPECT_EQ(group->name, "web: eu");
    EXPECT_TRUE(group->is_of_api());
    EXPECT_EQ(group->rules.at(0).on_no_data, std::nullopt);
    EXPECT_EQ(group->rules.at(1).on_no_data, OnNoData::kAlert);
    EXPECT_EQ(group->rules.at(2).on_no_data, OnNoData::kKeep);
    const Result<Group> again = read_rule_group(group_yaml(*group), "web: eu", {});
    ASSERT_TRUE(again.ok()) << again.error().message << group_yaml(*group);
    EXPECT_TRUE(again->same_as(*group)) << group_yaml(*group);
    Group other = *group;
    other.name = "other";
    const Result<RuleFile> file =
        read_rule_file(rule_file_yaml({*group, other}), std::string(kApiFile), {});
    ASSERT_TRUE(file.ok()) << file.error().message;
    ASSERT_EQ(file->groups.size(), 2u);
    EXPECT_TRUE(file->groups[0].same_as(*group));
    EXPECT_TRUE(file->groups[1].same_as(other));
    // JSON is YAML.
    EXPECT_TRUE(read_rule_group(R"({"rules": [{"record": "a", "expr": "1"}]})", "g", {}).ok());
}

TEST(RuleGroup, ErrorsHaveAPlace) {
    struct Row {
        std::string text;
        int line;
        std::string key;
        std::string message;  // its beginning
    };
    for (const Row& row : std::vector<Row>{
             {"rules:\n- record: a\n  expr: 'sum('\n", 3, "rules[0].expr", "1:5: parse error"},
             {"rules: []\n", 1, "rules", "there are none; a group needs one"},
             {"name: h\nrules: [{record: a, expr: '1'}]\n", 1, "name",
              "is \"h\", and the group asked for is \"g\"; make them equal"},
             {"rules:\n- {record: a, expr: '1', for: 5m}\n", 2, "rules[0].for",
              "is for alerting rules; remove it"},
             {"rules: [\n", 2, "", ""},
         }) {
        const Result<Group> group = read_rule_group(row.text, "g", {});
        ASSERT_FALSE(group.ok()) << row.text;
        const ErrorPlace place = place_of(group.error().message, "group");
        EXPECT_EQ(place.line, row.line) << group.error().message;
        EXPECT_EQ(place.key, row.key) << group.error().message;
        EXPECT_TRUE(place.message.starts_with(row.message)) << place.message;
    }
    EXPECT_EQ(place_of("disk full", "group").message, "disk full");
    EXPECT_EQ(place_of("group:x", "group").line, 0);
}

}  // namespace
}  // namespace kw::rules
