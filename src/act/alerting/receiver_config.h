// Receivers as their notifiers need them: what alertmanager.yml says of each, with the defaults of `global`
// filled in and paths made absolute. Texts marked `template` are expanded for each notification.
//
// `app` reads the file and fills these; kinds of receivers that do not act yet are not in here.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alerting/secret.h"
#include "net/http_client.h"

namespace kw::alerting {

// Shared by many requests; never null in a configuration that was read.
using HttpOptionsPtr = std::shared_ptr<const net::HttpClientOptions>;

// name: template
using TemplateMap = std::vector<std::pair<std::string, std::string>>;

// A value with templates in its texts, as details of PagerDuty and payloads of webhooks have them.
struct TemplateValue {
    enum class Kind : unsigned char { kNull, kBool, kNumber, kText, kList, kMap };
    Kind kind = Kind::kNull;
    std::string text;               // kText: a template; kBool, kNumber: as JSON writes it
    std::vector<std::string> keys;  // of a map: keys[i] is that of items[i]; templates
    std::vector<TemplateValue> items;
    bool operator==(const TemplateValue&) const = default;
};

struct PagerDutyImage {
    std::string href;  // template
    std::string src;   // template
    std::string alt;   // template
    bool operator==(const PagerDutyImage&) const = default;
};

struct PagerDutyLink {
    std::string href;  // template
    std::string text;  // template
    bool operator==(const PagerDutyLink&) const = default;
};

struct PagerDutyConfig {
    bool send_resolved = true;
    HttpOptionsPtr http;
    // Exactly one is not empty. Both are templates.
    Secret routing_key;  // Events API v2
    Secret service_key;  // Events API v1
    std::string url;     // "https://events.pagerduty.com/v2/enqueue"
    std::string client;
    std::string client_url;
    std::string description;
    // Defaults (firing, resolved, num_firing, num_resolved) are among them, unless overwritten.
    std::vector<std::pair<std::string, TemplateValue>> details;
    std::vector<PagerDutyImage> images;
    std::vector<PagerDutyLink> links;
    std::string source;    // empty: as client
    std::string severity;  // "error" when not written
    std::string class_name;
    std::string component;
    std::string group;
    int64_t timeout_ms = 0;  // of one request; 0: as long as the flush may take
};

struct SlackConfirmation {
    std::string text;
    std::string title;
    std::string ok_text;
    std::string dismiss_text;
    bool operator==(const SlackConfirmation&) const = default;
};

struct SlackAction {  // all templates
    std::string type;
    std::string text;
    std::string url;
    std::string style;
    std::string name;
    std::string value;
    std::optional<SlackConfirmation> confirm;
    bool operator==(const SlackAction&) const = default;
};

struct SlackField {
    std::string title;             // template
    std::string value;             // template
    std::optional<bool> is_short;  // nullopt: SlackConfig::short_fields
    bool operator==(const SlackField&) const = default;
};

struct SlackConfig {
    bool send_resolved = false;
    HttpOptionsPtr http;
    // An incoming webhook's URL, or that of chat.postMessage with a token in `http`'s authorization. With
    // `app_token` it is app_url.
    Secret api_url;
    Secret app_token;     // of a bot: sent as Bearer; empty: `http` as it is
    std::string channel;  // template, as all texts below
    std::string username;
    std::string color;
    std::string title;
    std::string title_link;
    std::string pretext;
    std::string text;
    std::string message_text;  // outside of the attachment
    std::string footer;
    std::string fallback;
    std::string callback_id;
    std::string icon_emoji;
    std::string icon_url;
    std::string image_url;
    std::string thumb_url;
    std::vector<SlackField> fields;
    std::vector<SlackAction> actions;
    std::vector<std::string> mrkdwn_in;
    bool short_fields = false;
    bool link_names = false;
    bool update_message = false;  // a group's message is edited instead of sending the next
    int64_t timeout_ms = 0;       // of one request; 0: as long as the flush may take
};

struct WebhookConfig {
    bool send_resolved = true;
    HttpOptionsPtr http;
    Secret url;               // template
    uint64_t max_alerts = 0;  // 0: all
    int64_t timeout_ms = 0;   // of one request; 0: as long as the flush may take
    // The body instead of Alertmanager's own.
    std::optional<TemplateValue> payload;
};

enum class MailThreads : unsigned char { kOff, kByGroup, kByGroupAndDay };

struct EmailConfig {
    bool send_resolved = false;
    std::string to;    // template: addresses with commas between
    std::string from;  // template
    std::string hello;
    std::string smarthost_host;
    std::string smarthost_port;
    std::string auth_username;
    Secret auth_password;
    Secret auth_secret;
    std::string auth_identity;
    TemplateMap headers;  // names in canonical form; Subject is there unless set to empty
    std::string html;     // template
    std::string text;     // template
    bool require_tls = true;
    std::optional<bool> implicit_tls;  // nullopt: on port 465
    net::TlsClientOptions tls;
    MailThreads threads = MailThreads::kOff;
};

struct Receiver {
    std::string name;
    TemplateMap labels;  // for templates, as they were written
    std::vector<PagerDutyConfig> pagerduty;
    std::vector<SlackConfig> slack;
    std::vector<WebhookConfig> webhook;
    std::vector<EmailConfig> email;
};

// All that who sends needs to know; replaced as a whole at a reload.
struct NotifySettings {
    std::vector<Receiver> receivers;          // names are unique
    std::vector<std::string> template_globs;  // absolute; the last segment may have a *
    std::string external_url;                 // without a slash at the end
    std::string fallback_receiver;   // is told what another receiver could not be; empty: nobody
    std::string heartbeat_receiver;  // of the dead-man's switch; empty: there is none
    int64_t heartbeat_interval_ms = 0;
};

}  // namespace kw::alerting
