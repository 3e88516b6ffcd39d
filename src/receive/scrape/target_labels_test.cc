#include "scrape/target_labels.h"

#include <gtest/gtest.h>

#include "scrape/accept.h"

namespace kw::scrape {
namespace {

JobOptions job() {
    JobOptions options;
    options.job_name = "api";
    options.interval_ms = 15'000;
    options.timeout_ms = 10'000;
    return options;
}

intake::RelabelRule rule(const std::string& source, const std::string& regex,
                         const std::string& target, const std::string& replacement,
                         intake::RelabelAction action = intake::RelabelAction::kReplace) {
    intake::RelabelConfig config;
    if (!source.empty()) config.source_labels = {source};
    config.regex = regex;
    config.target_label = target;
    config.replacement = replacement;
    config.action = action;
    return *intake::RelabelRule::make(config);
}

TEST(TargetLabels, DiscoveredOnesGetTheJobsDefaults) {
    JobOptions options = job();
    options.params.add("module", "one");
    options.params.add("module", "two");
    const LabelSet target{{"__address__", "host:1"}, {"zone", "target's"}};
    const LabelSet group{{"zone", "group's"}, {"__scheme__", "https"}};
    EXPECT_EQ(discovered_labels(target, group, options), (LabelSet{{"__address__", "host:1"},
                                                                   {"__metrics_path__", "/metrics"},
                                                                   {"__param_module", "one"},
                                                                   {"__scheme__", "https"},
                                                                   {"__scrape_interval__", "15s"},
                                                                   {"__scrape_timeout__", "10s"},
                                                                   {"job", "api"},
                                                                   {"zone", "target's"}}));
}

TEST(TargetLabels, BecomeATarget) {
    struct Row {
        const char* name;
        std::vector<intake::RelabelRule> rules;
        LabelSet target;
        std::optional<LabelSet> labels;  // nullopt: dropped
        std::string url;
    };
    const Row rows[] = {
        {"plain",
         {},
         {{"__address__", "host:1"}},
         LabelSet{{"instance", "host:1"}, {"job", "api"}},
         "http://host:1/metrics?a=1&b=x+y"},
        {"no port is added",
         {},
         {{"__address__", "host"}},
         LabelSet{{"instance", "host"}, {"job", "api"}},
         "http://host/metrics?a=1&b=x+y"},
        {"instance of its own",
         {},
         {{"__address__", "host:1"}, {"instance", "i"}, {"__meta_x", "y"}},
         LabelSet{{"instance", "i"}, {"job", "api"}},
         "http://host:1/metrics?a=1&b=x+y"},
        {"path, scheme and parameters by labels",
         {},
         {{"__address__", "[::1]:1"},
          {"__metrics_path__", "a b?c"},
          {"__scheme__", "https"},
          {"__param_a", "é"},
          {"__param_z", ""}},
         LabelSet{{"instance", "[::1]:1"}, {"job", "api"}},
         "https://[::1]:1/a%20b%3Fc?a=%C3%A9&b=x+y"},
        {"no path, an address with a space, no scheme",
         {rule("", ".*", "__metrics_path__", ""), rule("", ".*", "__scheme__", "")},
         {{"__address__", "a b:1"}},
         LabelSet{{"instance", "a b:1"}, {"job", "api"}},
         "//a%20b:1?a=1&b=x+y"},
        {"dropped",
         {rule("job", "api", "", "", intake::RelabelAction::kDrop)},
         {{"__address__", "host:1"}},
         {},
         ""},
        {"rewritten",
         {rule("__address__", "(.*):.*", "__address__", "$1:99")},
         {{"__address__", "host:1"}},
         LabelSet{{"instance", "host:99"}, {"job", "api"}},
         "http://host:99/metrics?a=1&b=x+y"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        JobOptions options = job();
        options.relabel = row.rules;
        options.params.add("b", "x y");
        options.params.add("a", "1");
        const auto plan = plan_target(discovered_labels(row.target, {}, options), options);
        ASSERT_TRUE(plan.ok()) << plan.error().message;
        ASSERT_EQ(plan->has_value(), row.labels.has_value());
        if (!*plan) continue;
        EXPECT_EQ((*plan)->labels, *row.labels);
        EXPECT_EQ((*plan)->url, row.url);
        EXPECT_EQ((*plan)->interval_ms, 15'000);
        EXPECT_EQ((*plan)->timeout_ms, 10'000);
    }
}

TEST(TargetLabels, BadOnesAreSaid) {
    struct Row {
        LabelSet target;
        const char* error;
    };
    const Row rows[] = {
        {{{"x", "y"}}, "no address"},
        {{{"__address__", "host/path"}},
         "\"host/path\" is no address: a path belongs into __metrics_path__"},
        {{{"__address__", "h"}, {"__scrape_interval__", "0s"}}, "scrape interval cannot be 0"},
        {{{"__address__", "h"}, {"__scrape_timeout__", "0s"}}, "scrape timeout cannot be 0"},
        {{{"__address__", "h"}, {"__scrape_interval__", "5s"}},
         "scrape timeout 10s is greater than scrape interval 5s"},
        {{{"__address__", "h"}, {"a", "\xff"}}, "the value of label a is not UTF-8"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.error);
        const auto plan = plan_target(discovered_labels(row.target, {}, job()), job());
        ASSERT_FALSE(plan.ok());
        EXPECT_EQ(plan.error().message, row.error);
    }
}

TEST(Accept, IsPrometheusThrees) {
    EXPECT_EQ(accept_header(JobOptions().protocols, Escaping::kAllowUtf8),
              "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
              "application/openmetrics-text;version=0.0.1;q=0.5,"
              "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/"
              "plain;version=0.0.4;q=0.3,*/*;q=0.2");
    EXPECT_EQ(
        accept_header({Protocol::kPrometheusProto, Protocol::kPrometheusText004}, Escaping::kDots),
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4");
}

}  // namespace
}  // namespace kw::scrape
