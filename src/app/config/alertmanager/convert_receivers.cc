// Receivers → the options of their notifiers, with what `global` gives filled in.
#include <algorithm>

#include "app/config/alertmanager/convert.h"
#include "app/config/alertmanager/schema.h"
#include "app/config/convert.h"
#include "app/config/json_value.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

using alerting::Secret;
using alerting::TemplateValue;

constexpr std::string_view kSlackPostUrl = "https://slack.com/api/chat.postMessage";
constexpr size_t kValueDepthMax = 32;  // of details and payloads

// Shares what all receivers of a file need.
class Converter {
 public:
    Converter(const Section& global, const std::string& directory)
        : global_(global), directory_(directory) {}

    Result<alerting::PagerDutyConfig> pagerduty(const Section& section) const {
        alerting::PagerDutyConfig options;
        options.send_resolved = section.flag("send_resolved");
        KW_TRY_ASSIGN(options.http, http(section));
        options.service_key = secret(section, "service_key");
        if (options.service_key.empty()) options.routing_key = secret(section, "routing_key");
        options.url = or_global(section, "url", "pagerduty_url");
        options.client = section.text("client");
        options.client_url = section.text("client_url");
        options.description = section.text("description");
        KW_TRY_ASSIGN(options.details, details(section));
        for (const Section& image : section.sections("images")) {
            options.images.push_back({image.text("href"), image.text("src"), image.text("alt")});
        }
        for (const Section& link : section.sections("links")) {
            options.links.push_back({link.text("href"), link.text("text")});
        }
        options.source = section.has("source") ? section.text("source") : options.client;
        options.severity = section.has("severity") ? section.text("severity") : "error";
        options.class_name = section.text("class");
        options.component = section.text("component");
        options.group = section.text("group");
        options.timeout_ms = timeout_ms(section);
        return options;
    }

    Result<alerting::SlackConfig> slack(const Section& section) const {
        alerting::SlackConfig options;
        options.send_resolved = section.flag("send_resolved");
        KW_TRY_ASSIGN(options.http, http(section));
        KW_TRY(find_slack_address(section, options));
        options.channel = section.text("channel");
        options.username = section.text("username");
        options.color = section.text("color");
        options.title = section.text("title");
        options.title_link = section.text("title_link");
        options.pretext = section.text("pretext");
        options.text = section.text("text");
        options.message_text = section.text("message_text");
        options.footer = section.text("footer");
        options.fallback = section.text("fallback");
        options.callback_id = section.text("callback_id");
        options.icon_emoji = section.text("icon_emoji");
        options.icon_url = section.text("icon_url");
        options.image_url = section.text("image_url");
        options.thumb_url = section.text("thumb_url");
        for (const Section& field : section.sections("fields")) {
            options.fields.push_back(
                {field.text("title"), field.text("value"),
                 field.is_written("short") ? std::optional(field.flag("short")) : std::nullopt});
        }
        for (const Section& action : section.sections("actions")) {
            options.actions.push_back(slack_action(action));
        }
        options.mrkdwn_in = section.texts("mrkdwn_in");
        options.short_fields = section.flag("short_fields");
        options.link_names = section.flag("link_names");
        options.update_message = section.flag("update_message");
        options.timeout_ms = timeout_ms(section);
        return options;
    }

    Result<alerting::WebhookConfig> webhook(const Section& section) const {
        alerting::WebhookConfig options;
        options.send_resolved = section.flag("send_resolved");
        KW_TRY_ASSIGN(options.http, http(section));
        options.url = secret(section, "url");
        options.max_alerts = section.count("max_alerts");
        options.timeout_ms = timeout_ms(section);
        if (section.has("payload")) {
            KW_TRY_ASSIGN(options.payload, value(section, "payload", section.text("payload")));
        }
        return options;
    }

    Result<alerting::EmailConfig> email(const Section& section) const {
        alerting::EmailConfig options;
        options.send_resolved = section.flag("send_resolved");
        options.to = section.text("to");
        options.from = or_global(section, "from", "smtp_from");
        options.hello = or_global(section, "hello", "smtp_hello");
        const std::string& smarthost = or_global(section, "smarthost", "smtp_smarthost");
        const size_t colon = smarthost.rfind(':');
        options.smarthost_host = smarthost.substr(0, colon);
        options.smarthost_port = smarthost.substr(colon + 1);
        options.auth_username = or_global(section, "auth_username", "smtp_auth_username");
        options.auth_password = secret(section, "auth_password");
        if (options.auth_password.empty()) {
            options.auth_password = secret(global_, "smtp_auth_password");
        }
        options.auth_secret = secret(section, "auth_secret");
        if (options.auth_secret.empty()) options.auth_secret = secret(global_, "smtp_auth_secret");
        options.auth_identity = or_global(section, "auth_identity", "smtp_auth_identity");
        options.headers = mail_headers(section);
        options.html = section.text("html");
        options.text = section.text("text");
        options.require_tls = section.flag("require_tls");
        if (section.is_written("force_implicit_tls")) {
            options.implicit_tls = section.flag("force_implicit_tls");
        } else if (global_.is_written("smtp_force_implicit_tls")) {
            options.implicit_tls = global_.flag("smtp_force_implicit_tls");
        }
        const Section* tls = section.section("tls_config");
        if (tls == nullptr) tls = global_.section("smtp_tls_config");
        if (tls != nullptr) options.tls = to_tls_client(*tls, directory_);
        if (const Section* const threading = section.section("threading");
            threading != nullptr && threading->flag("enabled")) {
            options.threads = threading->text("thread_by_date") == "daily"
                                  ? alerting::MailThreads::kByGroupAndDay
                                  : alerting::MailThreads::kByGroup;
        }
        return options;
    }

 private:
    Result<alerting::HttpOptionsPtr> http(const Section& section) const {
        const Section* http = section.section("http_config");
        if (http == nullptr) http = global_.section("http_config");
        net::HttpClientOptions options;
        if (http != nullptr) {
            KW_TRY_ASSIGN(options, to_http_client(*http, directory_));
        }
        return std::make_shared<const net::HttpClientOptions>(std::move(options));
    }

    Secret secret(const Section& section, std::string_view key) const {
        if (section.has(key)) return Secret::of_text(section.text(key));
        const std::string file = section.text(std::string(key) + "_file");
        return file.empty() ? Secret() : Secret::of_file(resolved_path(directory_, file));
    }

    const std::string& or_global(const Section& section, std::string_view key,
                                 std::string_view global_key) const {
        return section.has(key) ? section.text(key) : global_.text(global_key);
    }

    static int64_t timeout_ms(const Section& section) {
        return section.has("timeout") ? parse_go_duration_ms(section.text("timeout")).value_or(0)
                                      : 0;
    }

    // One's own token, one's own URL, global's token (unless http_config has an authorization), global's URL.
    Result<void> find_slack_address(const Section& section, alerting::SlackConfig& options) const {
        const Section* const own_http = section.section("http_config");
        const bool has_header = own_http != nullptr &&
                                (own_http->has("authorization") || own_http->has("bearer_token") ||
                                 own_http->has("bearer_token_file"));
        options.api_url = secret(section, "api_url");
        options.app_token = secret(section, "app_token");
        if (options.app_token.empty() && options.api_url.empty() && !has_header) {
            options.app_token = secret(global_, "slack_app_token");
        }
        if (!options.app_token.empty()) {
            options.api_url = Secret::of_text(or_global(section, "app_url", "slack_app_url"));
            return {};
        }
        if (options.api_url.empty()) options.api_url = secret(global_, "slack_api_url");
        if (options.api_url.empty()) {
            return section.error("",
                                 "api_url is missing; add it, or app_token, or global's "
                                 "slack_api_url");
        }
        // What is shown loads again.
        const bool can_update = options.api_url == Secret::of_text(std::string(kSlackPostUrl)) ||
                                options.api_url == Secret::of_text("<secret>");
        if (section.flag("update_message") && !can_update) {
            return section.error("update_message",
                                 "wants a bot's token; set app_token, or api_url: {} and "
                                 "http_config.authorization",
                                 kSlackPostUrl);
        }
        return {};
    }

    static alerting::SlackAction slack_action(const Section& section) {
        alerting::SlackAction action;
        action.type = section.text("type");
        action.text = section.text("text");
        action.url = section.text("url");
        action.style = section.text("style");
        action.name = section.text("name");
        action.value = section.text("value");
        if (const Section* const confirm = section.section("confirm"); confirm != nullptr) {
            action.confirm = alerting::SlackConfirmation{
                confirm->text("text"), confirm->text("title"), confirm->text("ok_text"),
                confirm->text("dismiss_text")};
        }
        return action;
    }

    // "reply-to" is Reply-To.
    static std::string canonical_header(std::string_view name) {
        std::string out;
        bool is_first = true;
        for (char c : name) {
            if (is_first && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
            if (!is_first && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            is_first = c == '-';
            out += c;
        }
        return out;
    }

    static alerting::TemplateMap mail_headers(const Section& section) {
        alerting::TemplateMap headers;
        bool has_subject = false;
        for (const auto& [name, values] : section.map("headers")) {
            headers.emplace_back(canonical_header(name), values.front());
            has_subject = has_subject || headers.back().first == "Subject";
        }
        if (!has_subject) {
            headers.emplace_back("Subject", R"({{ template "email.default.subject" . }})");
        }
        return headers;
    }

    static Result<std::vector<std::pair<std::string, TemplateValue>>> details(
        const Section& section) {
        const auto text = [](std::string expanded) {
            TemplateValue made;
            made.kind = TemplateValue::Kind::kText;
            made.text = std::move(expanded);
            return made;
        };
        std::vector<std::pair<std::string, TemplateValue>> all = {
            {"firing", text("{{ .Alerts.Firing | toJson }}")},
            {"resolved", text("{{ .Alerts.Resolved | toJson }}")},
            {"num_firing", text("{{ .Alerts.Firing | len }}")},
            {"num_resolved", text("{{ .Alerts.Resolved | len }}")},
        };
        for (const auto& [name, values] : section.map("details")) {
            KW_TRY_ASSIGN(TemplateValue made, value(section, "details", values.front()));
            const auto found = std::find_if(all.begin(), all.end(),
                                            [&](const auto& one) { return one.first == name; });
            if (found == all.end()) {
                all.emplace_back(name, std::move(made));
            } else {
                found->second = std::move(made);
            }
        }
        return all;
    }

    static Result<TemplateValue> value(const Section& section, std::string_view key,
                                       const std::string& yaml) {
        KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(yaml, section.file()));
        Result<TemplateValue> made = to_value(document.root, 0);
        if (!made.ok()) return section.error(key, "{}", made.error().message);
        return made;
    }

    static Result<TemplateValue> to_value(const YamlNode& node, size_t depth) {
        using Kind = TemplateValue::Kind;
        if (depth > kValueDepthMax) return exhausted("nested deeper than {}", kValueDepthMax);
        TemplateValue out;
        switch (node.kind) {
            case YamlNode::Kind::kNull: break;
            case YamlNode::Kind::kScalar: {
                out.kind = Kind::kText;
                out.text = node.text;
                if (!node.is_plain) break;
                if (node.text == "true" || node.text == "false") {
                    out.kind = Kind::kBool;
                } else if (is_json_number(node.text)) {
                    out.kind = Kind::kNumber;
                }
                break;
            }
            case YamlNode::Kind::kList: out.kind = Kind::kList; break;
            case YamlNode::Kind::kMap: out.kind = Kind::kMap; break;
        }
        for (const YamlKey& name : node.keys) out.keys.push_back(name.text);
        for (const YamlNode& item : node.items) {
            KW_TRY_ASSIGN(TemplateValue inner, to_value(item, depth + 1));
            out.items.push_back(std::move(inner));
        }
        return out;
    }

    const Section& global_;
    const std::string& directory_;
};

}  // namespace

Result<alerting::Receiver> to_receiver(const Section& receiver, const Section& global,
                                       const std::string& directory) {
    const Converter convert(global, directory);
    alerting::Receiver made;
    made.name = receiver.text("name");
    for (const auto& [name, values] : receiver.map("labels")) {
        made.labels.emplace_back(name, values.front());
    }
    for (const Section& section : receiver.sections("pagerduty_configs")) {
        KW_TRY_ASSIGN(alerting::PagerDutyConfig one, convert.pagerduty(section));
        made.pagerduty.push_back(std::move(one));
    }
    for (const Section& section : receiver.sections("slack_configs")) {
        KW_TRY_ASSIGN(alerting::SlackConfig one, convert.slack(section));
        made.slack.push_back(std::move(one));
    }
    for (const Section& section : receiver.sections("webhook_configs")) {
        KW_TRY_ASSIGN(alerting::WebhookConfig one, convert.webhook(section));
        made.webhook.push_back(std::move(one));
    }
    for (const Section& section : receiver.sections("email_configs")) {
        KW_TRY_ASSIGN(alerting::EmailConfig one, convert.email(section));
        made.email.push_back(std::move(one));
    }
    return made;
}

}  // namespace kw::app
