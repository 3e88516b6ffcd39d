// The receivers that act: PagerDuty, Slack, webhook, e-mail.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
#include <algorithm>

#include "app/config/alertmanager/schema.h"
#include "app/config/checks.h"
#include "model/labels.h"

namespace kw::app {
namespace {

constexpr Field kImageFields[] = {text("href"), text("src"), text("alt")};
constexpr Block kImageBlock = {"image_config", kImageFields};
constexpr Field kLinkFields[] = {text("href"), text("text")};
constexpr Block kLinkBlock = {"link_config", kLinkFields};
constexpr Field kPagerDutyFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("service_key"),
    text("service_key_file"),
    secret("routing_key"),
    text("routing_key_file"),
    url("url"),
    text("client", R"({{ template "pagerduty.default.client" . }})"),
    text("client_url", R"({{ template "pagerduty.default.clientURL" . }})"),
    text("description", R"({{ template "pagerduty.default.description" .}})"),
    of_kind("details", Kind::kAnyMap),
    blocks("images", kImageBlock),
    blocks("links", kLinkBlock),
    text("source"),
    text("severity"),
    text("class"),
    text("component"),
    text("group"),
    text("timeout"),
};
Result<void> check_pagerduty(Section& pagerduty) {
    KW_TRY(check_not_with_file(pagerduty, "routing_key"));
    KW_TRY(check_not_with_file(pagerduty, "service_key"));
    bool has_key = false;
    for (const std::string_view key :
         {"routing_key", "routing_key_file", "service_key", "service_key_file"}) {
        has_key = has_key || pagerduty.has(key);
    }
    if (!has_key) {
        return pagerduty.error("", "routing_key is missing; add it, or routing_key_file");
    }
    KW_TRY(check_http_url(pagerduty, "url"));
    return check_go_duration(pagerduty, "timeout");
}

constexpr Field kSlackConfirmFields[] = {
    required(text("text")),
    text("title"),
    text("ok_text"),
    text("dismiss_text"),
};
constexpr Block kSlackConfirmBlock = {"confirm", kSlackConfirmFields};
constexpr Field kSlackActionFields[] = {
    required(text("type")),
    required(text("text")),
    text("url"),
    text("style"),
    text("name"),
    text("value"),
    block("confirm", kSlackConfirmBlock),
};
Result<void> check_slack_action(Section& action) {
    if (!action.has("url") && !action.has("name")) {
        return action.error("", "url is missing; add it, or name and value");
    }
    return {};
}
constexpr Block kSlackActionBlock = {"action_config", kSlackActionFields, check_slack_action};
constexpr Field kSlackFieldFields[] = {
    required(text("title")),
    required(text("value")),
    flag("short"),
};
constexpr Block kSlackFieldBlock = {"field_config", kSlackFieldFields};
constexpr Field kSlackFields[] = {
    flag("send_resolved"),
    block("http_config", kHttpClientBlock),
    secret("api_url"),
    text("api_url_file"),
    secret("app_token"),
    text("app_token_file"),
    url("app_url"),
    text("channel"),
    text("username", R"({{ template "slack.default.username" . }})"),
    text("color", R"({{ template "slack.default.color" . }})"),
    text("title", R"({{ template "slack.default.title" . }})"),
    text("title_link", R"({{ template "slack.default.titlelink" . }})"),
    text("pretext", R"({{ template "slack.default.pretext" . }})"),
    text("text", R"({{ template "slack.default.text" . }})"),
    text("message_text"),
    blocks("fields", kSlackFieldBlock),
    flag("short_fields"),
    text("footer", R"({{ template "slack.default.footer" . }})"),
    text("fallback", R"({{ template "slack.default.fallback" . }})"),
    text("callback_id", R"({{ template "slack.default.callbackid" . }})"),
    text("icon_emoji", R"({{ template "slack.default.iconemoji" . }})"),
    text("icon_url", R"({{ template "slack.default.iconurl" . }})"),
    text("image_url"),
    text("thumb_url"),
    flag("link_names"),
    texts("mrkdwn_in"),
    blocks("actions", kSlackActionBlock),
    flag("update_message"),
    text("timeout"),
};
Result<void> check_slack(Section& slack) {
    KW_TRY(check_not_with_file(slack, "api_url"));
    KW_TRY(check_not_with_file(slack, "app_token"));
    KW_TRY(check_secret_url(slack, "api_url"));
    KW_TRY(check_http_url(slack, "app_url"));
    const bool has_token = slack.has("app_token") || slack.has("app_token_file");
    if (has_token && (slack.has("api_url") || slack.has("api_url_file"))) {
        return slack.error("", "has app_token and api_url; keep one of them");
    }
    const Section* const http = slack.section("http_config");
    if (has_token && http != nullptr && http->section("authorization") != nullptr) {
        return slack.error("", "has app_token and http_config.authorization; keep one of them");
    }
    return check_go_duration(slack, "timeout");
}

constexpr Field kWebhookFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("url"),
    text("url_file"),
    count("max_alerts"),
    text("timeout"),
    of_kind("payload", Kind::kAny),
};
Result<void> check_webhook(Section& webhook) {
    KW_TRY(check_one_of_file(webhook, "url"));
    // With a template in it, it is known to be a URL only when it is expanded.
    if (webhook.text("url").find("{{") == std::string::npos) {
        KW_TRY(check_secret_url(webhook, "url"));
    }
    return check_go_duration(webhook, "timeout");
}

constexpr Field kThreadingFields[] = {flag("enabled"), text("thread_by_date")};
Result<void> check_threading(Section& threading) {
    const std::string& by_date = threading.text("thread_by_date");
    if (threading.flag("enabled") && by_date != "none" && by_date != "daily") {
        return threading.error("thread_by_date", "{} is not one of none, daily",
                               kw::quoted(by_date));
    }
    return {};
}
constexpr Block kThreadingBlock = {"threading", kThreadingFields, check_threading};
constexpr Field kEmailFields[] = {
    flag("send_resolved"),
    required(text("to")),
    text("from"),
    text("hello"),
    text("smarthost"),
    text("auth_username"),
    secret("auth_password"),
    text("auth_password_file"),
    secret("auth_secret"),
    text("auth_secret_file"),
    text("auth_identity"),
    text_map("headers"),
    text("html", R"({{ template "email.default.html" . }})"),
    text("text"),
    flag("require_tls", true),  // global's smtp_require_tls where it is not written
    block("tls_config", kTlsConfigBlock),
    flag("force_implicit_tls"),
    block("threading", kThreadingBlock),
};

std::string lower_case(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

Result<void> check_email(Section& email) {
    KW_TRY(check_not_with_file(email, "auth_password"));
    KW_TRY(check_not_with_file(email, "auth_secret"));
    KW_TRY(check_host_port(email, "smarthost"));
    const Section* const threading = email.section("threading");
    const bool has_threads = threading != nullptr && threading->flag("enabled");
    Texts seen;
    for (const auto& [name, values] : email.map("headers")) {
        const std::string plain = lower_case(name);
        if (std::find(seen.begin(), seen.end(), plain) != seen.end()) {
            return email.error("headers", "{} is there twice; remove one", kw::quoted(name));
        }
        if (has_threads && (plain == "references" || plain == "in-reply-to")) {
            return email.error("headers", "{} is written by threading; remove it",
                               kw::quoted(name));
        }
        seen.push_back(plain);
    }
    return {};
}

}  // namespace

constexpr Block kPagerDutyBlock = {"pagerduty_config", kPagerDutyFields, check_pagerduty};
constexpr Block kSlackBlock = {"slack_config", kSlackFields, check_slack};
constexpr Block kWebhookBlock = {"webhook_config", kWebhookFields, check_webhook};
constexpr Block kEmailBlock = {"email_config", kEmailFields, check_email};

}  // namespace kw::app
