// alertmanager.yml: what is taken from global, what is refused with which words, and that secrets stay unseen.
#include "app/config/alertmanager/alertmanager_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alerting/settings.h"
#include "app/config/alertmanager/schema.h"
#include "base/fs/memory.h"

namespace kw::app {
namespace {

using testing::HasSubstr;

constexpr std::string_view kRoute = "route: {receiver: a}\n";

Result<AlertmanagerConfig> parse(std::string_view text) {
    return parse_alertmanager(text, "/etc/am/alertmanager.yml", "http://kw:9090/");
}

alerting::Receiver receiver_of(const std::string& receiver, const std::string& global = "{}") {
    const Result<AlertmanagerConfig> config =
        parse(fmt::format("global: {}\n{}receivers: [{}]\n", global, kRoute, receiver));
    EXPECT_TRUE(config.ok()) << config.error().message;
    return config->settings->notify->receivers.front();
}

std::string text_of(const alerting::Secret& secret) {
    fs::MemoryFileSystem files;
    return secret.reveal(files).value();
}

TEST(Alertmanager, ReceiversTakeWhatGlobalGives) {
    const alerting::Receiver receiver = receiver_of(
        "{name: a, email_configs: [{to: x, auth_password: own, headers: {reply-to: r}}], "
        "slack_configs: [{channel: c}], pagerduty_configs: [{routing_key_file: key, "
        "details: {n: 1, t: '{{ .Status }}'}}], webhook_configs: [{url: 'http://w', timeout: "
        "1.5s}]}",
        "{smtp_smarthost: 'mail:587', smtp_from: f, smtp_auth_username: u, "
        "smtp_auth_password_file: p, smtp_require_tls: false, slack_app_token: t, "
        "http_config: {follow_redirects: false}}");
    const alerting::EmailConfig& email = receiver.email.front();
    EXPECT_EQ(email.smarthost_host, "mail");
    EXPECT_EQ(email.smarthost_port, "587");
    EXPECT_EQ(email.from, "f");
    EXPECT_EQ(email.hello, "localhost");
    EXPECT_EQ(email.auth_username, "u");
    EXPECT_EQ(text_of(email.auth_password), "own");
    EXPECT_FALSE(email.require_tls);
    EXPECT_EQ(email.headers,
              (alerting::TemplateMap{{"Reply-To", "r"},
                                     {"Subject", R"({{ template "email.default.subject" . }})"}}));
    const alerting::SlackConfig& slack = receiver.slack.front();
    EXPECT_EQ(text_of(slack.app_token), "t");
    EXPECT_EQ(text_of(slack.api_url), "https://slack.com/api/chat.postMessage");
    EXPECT_FALSE(slack.http->follow_redirects);
    EXPECT_EQ(slack.title, R"({{ template "slack.default.title" . }})");
    const alerting::PagerDutyConfig& pagerduty = receiver.pagerduty.front();
    EXPECT_EQ(pagerduty.routing_key.file(), "/etc/am/key");
    EXPECT_EQ(pagerduty.url, "https://events.pagerduty.com/v2/enqueue");
    EXPECT_EQ(pagerduty.severity, "error");
    ASSERT_EQ(pagerduty.details.size(), 6U);
    EXPECT_EQ(pagerduty.details[4].second.kind, alerting::TemplateValue::Kind::kNumber);
    EXPECT_EQ(pagerduty.details[5].second.text, "{{ .Status }}");
    EXPECT_EQ(receiver.webhook.front().timeout_ms, 1500);
}

TEST(Alertmanager, SlackFindsItsAddress) {
    struct Row {
        const char* global;
        const char* own;
        const char* url;
        const char* token;
    };
    const Row rows[] = {
        {"{slack_api_url: 'http://g'}", "{}", "http://g", ""},
        {"{slack_api_url: 'http://g'}", "{api_url: 'http://o'}", "http://o", ""},
        {"{slack_app_token: g, slack_app_url: 'http://a'}", "{}", "http://a", "g"},
        {"{slack_app_token: g}", "{api_url: 'http://o'}", "http://o", ""},
        {"{slack_app_token: g, slack_api_url: 'https://slack.com/api/chat.postMessage'}",
         "{http_config: {authorization: {credentials: x}}}",
         "https://slack.com/api/chat.postMessage", ""},
        {"{slack_api_url: 'http://g'}", "{app_token: o, app_url: 'http://b'}", "http://b", "o"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(std::string(row.global) + row.own);
        const alerting::Receiver receiver =
            receiver_of(fmt::format("{{name: a, slack_configs: [{}]}}", row.own), row.global);
        EXPECT_EQ(text_of(receiver.slack.front().api_url), row.url);
        EXPECT_EQ(text_of(receiver.slack.front().app_token), row.token);
    }
}

TEST(Alertmanager, ErrorsNamePlaceAndMend) {
    const std::string receivers = "receivers: [{name: a}]\n";
    struct Row {
        std::string text;
        const char* want;
    };
    const Row rows[] = {
        {receivers, "alertmanager.yml:1: route is missing; add one with a receiver"},
        {"route: {}\n" + receivers, ":1: route: the first route has no receiver"},
        {"route: {receiver: a, matchers: ['x=y']}\n" + receivers,
         ":1: route.matchers: is not for the first route"},
        {"route:\n  receiver: a\n  routes:\n    - receiver: b\n" + receivers,
         ":4: route.routes[0].receiver: \"b\" is not a receiver; add it to receivers"},
        {"route: {receiver: a, routes: [{mute_time_intervals: [x]}]}\n" + receivers,
         "\"x\" is not a time interval; add it to time_intervals"},
        {"route: {receiver: a, group_by: [x, '...']}\n" + receivers, "... stands for all labels"},
        {"route: {receiver: a, group_by: [x, x]}\n" + receivers, "\"x\" is there twice"},
        {"route: {receiver: a, group_interval: 0s}\n" + receivers, "group_interval: is 0"},
        {"route: {receiver: a, routes: [{matchers: ['x']}]}\n" + receivers,
         "route.routes[0].matchers: "},
        {"route: {receiver: a, routes: [{match_re: {x: }}]}\n" + receivers,
         "\"x\" has no regular expression"},
        {std::string(kRoute) + "receivers: [{name: a}, {name: a}]\n",
         "receivers[1].name: \"a\" names another receiver already"},
        {std::string(kRoute) + "receivers: [{name: a, pagerduty_configs: [{}]}]\n",
         "routing_key is missing"},
        {std::string(kRoute) + "receivers: [{name: a, webhook_configs: [{url: 'ftp://x'}]}]\n",
         "the scheme must be http or https"},
        {std::string(kRoute) + "receivers: [{name: a, webhook_configs: [{url: 'http://x', "
                               "timeout: 1d}]}]\n",
         "timeout: \"1d\" is not a duration as 1m30s"},
        {std::string(kRoute) + "receivers: [{name: a, email_configs: [{to: x}]}]\n",
         "smarthost is missing; add it, or global's smtp_smarthost"},
        {std::string(kRoute) + "receivers: [{name: a, webhok_configs: []}]\n",
         "did you mean webhook_configs?"},
        {std::string(kRoute) + receivers +
             "time_intervals: [{name: n, time_intervals: [{weekdays: [funday]}]}]\n",
         "time_intervals[0].time_intervals[0].weekdays: \"funday\" is not a day of the week"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<AlertmanagerConfig> config = parse(row.text);
        ASSERT_FALSE(config.ok());
        EXPECT_THAT(config.error().message, HasSubstr(row.want));
    }
}

TEST(Alertmanager, WarnsOfWhatDoesNotActAndOfOldMatchers) {
    const Result<AlertmanagerConfig> config = parse(
        "route: {receiver: a, routes: [{matchers: ['x=', 'y=\"\\t\"']}]}\n"
        "receivers: [{name: a, sns_configs: [{topic_arn: t}]}]\n");
    ASSERT_TRUE(config.ok());
    ASSERT_EQ(config->warnings.size(), 3U);
    EXPECT_THAT(config->warnings[0].message, HasSubstr("classic way only; write {x=\"\"}"));
    EXPECT_THAT(config->warnings[1].message, HasSubstr("means something else"));
    EXPECT_EQ(config->warnings[2].key, "receivers[0].sns_configs");
}

TEST(Alertmanager, ShowsNoSecretAndLoadsAgain) {
    const Result<AlertmanagerConfig> config = parse(
        "global: {smtp_smarthost: 'h:25', smtp_from: f, smtp_auth_password: mysecret}\n"
        "route: {receiver: a}\n"
        "receivers: [{name: a, email_configs: [{to: x, require_tls: false}], "
        "slack_configs: [{api_url: 'https://slack.com/api/chat.postMessage', update_message: true, "
        "http_config: {authorization: {credentials: mysecret}}}], "
        "webhook_configs: [{url: 'http://w/mysecret', payload: {text: 'a, {b}', list: [1, "
        "x]}}]}]\n");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const std::string& shown = config->settings->shown_yaml;
    EXPECT_EQ(shown.find("mysecret"), std::string::npos) << shown;
    const Result<AlertmanagerConfig> again = parse(shown);
    ASSERT_TRUE(again.ok()) << again.error().message << shown;
    EXPECT_EQ(again->settings->shown_yaml, shown);
    EXPECT_FALSE(again->settings->notify->receivers[0].email[0].require_tls);
    EXPECT_EQ(again->settings->notify->receivers[0].webhook[0].payload,
              config->settings->notify->receivers[0].webhook[0].payload);
}

TEST(Alertmanager, HasADefault) {
    const AlertmanagerConfig config = default_alertmanager("http://kw:9090/");
    EXPECT_EQ(config.settings->route.receiver, "default");
    EXPECT_EQ(config.settings->notify->external_url, "http://kw:9090");
    EXPECT_TRUE(config.warnings.empty());
}

TEST(GoDuration, IsRead) {
    struct Row {
        const char* text;
        std::optional<int64_t> want;
    };
    const Row rows[] = {
        {"0", 0}, {"1.5s", 1500}, {"1h30m", 5'400'000}, {"300ms", 300}, {"1us", 1},     {"1d", {}},
        {"", {}}, {"5", {}},      {"-1s", {}},          {"1s1", {}},    {"1e300h", {}}, {"s", {}}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<int64_t> got = parse_go_duration_ms(row.text);
        EXPECT_EQ(got.ok() ? std::optional(*got) : std::nullopt, row.want);
    }
}

}  // namespace
}  // namespace kw::app
