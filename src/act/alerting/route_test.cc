// The routing tree: where alerts go, what nodes inherit, and the keys of groups.
#include "alerting/route.h"

#include <gtest/gtest.h>

namespace kw::alerting {
namespace {

RouteOptions node(std::string receiver, std::string_view matchers,
                  std::vector<RouteOptions> routes = {}, bool continues = false) {
    RouteOptions options;
    options.receiver = std::move(receiver);
    options.matchers = parse_matchers(matchers).value().matchers;
    options.routes = std::move(routes);
    options.continues = continues;
    return options;
}

std::vector<std::string> receivers(const Route& root, const LabelSet& labels) {
    std::vector<std::string> names;
    for (const Route* route : root.match(labels)) names.push_back(route->receiver);
    return names;
}

TEST(Route, FirstMatchWinsUnlessItContinues) {
    const Route root = Route::make(node(
        "default", "",
        {node("db", "team=db", {node("db-page", "severity=critical")}),
         node("audit", "env=prod", {}, true), node("web", "team=~web|api"), node("", "note=x")}));
    struct Row {
        LabelSet labels;
        std::vector<std::string> want;
    };
    const Row rows[] = {
        {{}, {"default"}},
        {{{"team", "db"}}, {"db"}},
        {{{"severity", "critical"}, {"team", "db"}}, {"db-page"}},
        {{{"env", "prod"}, {"team", "api"}}, {"audit", "web"}},
        {{{"env", "prod"}}, {"audit"}},
        {{{"env", "prod"}, {"team", "db"}}, {"db"}},
        {{{"note", "x"}}, {"default"}},  // the receiver is the parent's
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.labels.to_string());
        EXPECT_EQ(receivers(root, row.labels), row.want);
    }
}

TEST(Route, InheritsWhatItDoesNotSay) {
    RouteOptions child = node("", "team=db");
    child.group_wait_ms = 0;
    RouteOptions all = node("", "x=y");
    all.groups_by_all = true;
    RouteOptions root_options = node("default", "", {child, all});
    root_options.group_by = {"b", "a", "b"};
    root_options.group_interval_ms = 60'000;
    root_options.labels = {{"reason", "r"}, {"text", "t"}};
    root_options.routes[0].labels = {{"reason", "db"}};
    const Route root = Route::make(root_options);
    EXPECT_EQ(root.group_wait_ms, 30'000);
    EXPECT_EQ(root.repeat_interval_ms, 14'400'000);
    EXPECT_EQ(root.routes[0].receiver, "default");
    EXPECT_EQ(root.routes[0].group_wait_ms, 0);
    EXPECT_EQ(root.routes[0].group_interval_ms, 60'000);
    EXPECT_EQ(root.routes[0].group_by, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(root.routes[0].labels, (TemplateMap{{"reason", "db"}, {"text", "t"}}));
    EXPECT_TRUE(root.routes[1].groups_by_all);
    const LabelSet alert{{"a", "1"}, {"c", "3"}};
    EXPECT_EQ(root.group_labels(alert), (LabelSet{{"a", "1"}}));
    EXPECT_EQ(root.routes[1].group_labels(alert), alert);
    EXPECT_EQ(root.all().size(), 3U);
    EXPECT_EQ(root.all()[2]->index, 2U);
}

TEST(GroupKey, IsWrittenAsUpstreamDoes) {
    RouteOptions child = node("", "team=db,a!=b");
    child.matchers.push_back(old_style_regex("service", "^(foo|baz)$").value());
    const Route root = Route::make(node("default", "", {child}));
    EXPECT_EQ(group_key(root, {}), "{}:{}");
    EXPECT_EQ(group_key(root.routes[0], {{"alertname", "A \"x\""}, {"job", "j"}}),
              "{}/{a!=\"b\",service=~\"^(?:^(foo|baz)$)$\",team=\"db\"}:"
              "{alertname=\"A \\\"x\\\"\", job=\"j\"}");
}

}  // namespace
}  // namespace kw::alerting
