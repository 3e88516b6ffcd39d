// The top of alertmanager.yml: global, receivers, the lists.
#include <algorithm>

#include "app/config/alertmanager/schema.h"
#include "app/config/checks.h"
#include "model/labels.h"

namespace kw::app {
namespace {

constexpr Field kAlertmanagerGlobalFields[] = {
    duration("resolve_timeout", "5m"),
    block("http_config", kHttpClientBlock),
    url("jira_api_url"),
    text("smtp_from"),
    text("smtp_hello", "localhost"),
    text("smtp_smarthost"),
    text("smtp_auth_username"),
    secret("smtp_auth_password"),
    text("smtp_auth_password_file"),
    secret("smtp_auth_secret"),
    text("smtp_auth_secret_file"),
    text("smtp_auth_identity"),
    flag("smtp_require_tls", true),
    block("smtp_tls_config", kTlsConfigBlock),
    flag("smtp_force_implicit_tls"),
    secret("slack_api_url"),
    text("slack_api_url_file"),
    secret("slack_app_token"),
    text("slack_app_token_file"),
    url("slack_app_url", "https://slack.com/api/chat.postMessage"),
    url("pagerduty_url", "https://events.pagerduty.com/v2/enqueue"),
    url("opsgenie_api_url", "https://api.opsgenie.com/"),
    secret("opsgenie_api_key"),
    text("opsgenie_api_key_file"),
    url("wechat_api_url", "https://qyapi.weixin.qq.com/cgi-bin/"),
    secret("wechat_api_secret"),
    text("wechat_api_secret_file"),
    text("wechat_api_corp_id"),
    url("victorops_api_url", "https://alert.victorops.com/integrations/generic/20131114/alert/"),
    secret("victorops_api_key"),
    text("victorops_api_key_file"),
    url("telegram_api_url", "https://api.telegram.org"),
    secret("telegram_bot_token"),
    text("telegram_bot_token_file"),
    url("webex_api_url", "https://webexapis.com/v1/messages"),
    url("rocketchat_api_url", "https://open.rocket.chat/"),
    secret("rocketchat_token"),
    text("rocketchat_token_file"),
    secret("rocketchat_token_id"),
    text("rocketchat_token_id_file"),
    secret("mattermost_webhook_url"),
    text("mattermost_webhook_url_file"),
};

constexpr std::string_view kPlainUrls[] = {
    "jira_api_url",      "slack_app_url",    "pagerduty_url", "opsgenie_api_url",  "wechat_api_url",
    "victorops_api_url", "telegram_api_url", "webex_api_url", "rocketchat_api_url"};
constexpr std::string_view kSecretUrls[] = {"slack_api_url", "mattermost_webhook_url"};
constexpr std::string_view kWithFiles[] = {
    "smtp_auth_password", "smtp_auth_secret",    "slack_api_url",         "slack_app_token",
    "opsgenie_api_key",   "wechat_api_secret",   "victorops_api_key",     "telegram_bot_token",
    "rocketchat_token",   "rocketchat_token_id", "mattermost_webhook_url"};

Result<void> check_alertmanager_global(Section& global) {
    for (const std::string_view key : kPlainUrls) KW_TRY(check_http_url(global, key));
    for (const std::string_view key : kSecretUrls) KW_TRY(check_secret_url(global, key));
    for (const std::string_view key : kWithFiles) KW_TRY(check_not_with_file(global, key));
    // Of old the URL for bots stood here, with the token in http_config: it says the same.
    const std::string& slack_url = global.text("slack_api_url");
    const bool is_for_bots = slack_url == global.text("slack_app_url") || slack_url == "<secret>";
    const bool has_token =
        !is_for_bots && (global.has("slack_app_token") || global.has("slack_app_token_file"));
    for (const std::string_view key : {"slack_api_url", "slack_api_url_file"}) {
        if (has_token && global.has(key)) {
            return global.error(key, "excludes slack_app_token; keep one of them");
        }
    }
    return check_host_port(global, "smtp_smarthost");
}
constexpr Block kAlertmanagerGlobalBlock = {"global", kAlertmanagerGlobalFields,
                                            check_alertmanager_global};

constexpr Field kReceiverFields[] = {
    required(text("name")),
    text_map("labels"),
    blocks("discord_configs", kDiscordBlock),
    blocks("email_configs", kEmailBlock),
    blocks("incidentio_configs", kIncidentioBlock),
    blocks("jira_configs", kJiraBlock),
    blocks("mattermost_configs", kMattermostBlock),
    blocks("msteams_configs", kMsteamsBlock),
    blocks("msteamsv2_configs", kMsteamsV2Block),
    blocks("opsgenie_configs", kOpsgenieBlock),
    blocks("pagerduty_configs", kPagerDutyBlock),
    blocks("pushover_configs", kPushoverBlock),
    blocks("rocketchat_configs", kRocketchatBlock),
    blocks("slack_configs", kSlackBlock),
    blocks("sns_configs", kSnsBlock),
    blocks("telegram_configs", kTelegramBlock),
    blocks("victorops_configs", kVictoropsBlock),
    blocks("webex_configs", kWebexBlock),
    blocks("webhook_configs", kWebhookBlock),
    blocks("wechat_configs", kWechatBlock),
};
constexpr Block kReceiverBlock = {"receiver", kReceiverFields};

constexpr Field kAlertmanagerFileFields[] = {
    block("global", kAlertmanagerGlobalBlock, true),
    texts("templates"),
    block("route", kRouteBlock),
    blocks("receivers", kReceiverBlock),
    blocks("inhibit_rules", kInhibitRuleBlock),
    blocks("mute_time_intervals", kTimeIntervalBlock),
    blocks("time_intervals", kTimeIntervalBlock),
    block("tracing", kTracingBlock),
};

// What a receiver must have, itself or from `global`: the key, or the key with _file.
struct NeededKey {
    std::string_view kind;
    std::string_view key;
    std::string_view global_key;
};
constexpr NeededKey kNeededKeys[] = {
    {"email_configs", "smarthost", "smtp_smarthost"},
    {"email_configs", "from", "smtp_from"},
    {"jira_configs", "api_url", "jira_api_url"},
    {"mattermost_configs", "webhook_url", "mattermost_webhook_url"},
    {"opsgenie_configs", "api_key", "opsgenie_api_key"},
    {"rocketchat_configs", "token", "rocketchat_token"},
    {"rocketchat_configs", "token_id", "rocketchat_token_id"},
    {"telegram_configs", "bot_token", "telegram_bot_token"},
    {"victorops_configs", "api_key", "victorops_api_key"},
    {"wechat_configs", "api_secret", "wechat_api_secret"},
    {"wechat_configs", "corp_id", "wechat_api_corp_id"},
};

bool has_or_file(const Section& section, std::string_view key) {
    if (section.has(key)) return true;
    const std::string file_key = std::string(key) + "_file";
    const auto& fields = section.values();
    return std::any_of(fields.begin(), fields.end(), [&](const Value& value) {
        return value.field->name == file_key && section.has(file_key);
    });
}

Result<void> check_needed(const Section& receiver, const Section& global) {
    for (const NeededKey& needed : kNeededKeys) {
        for (const Section& one : receiver.sections(needed.kind)) {
            if (has_or_file(one, needed.key) || has_or_file(global, needed.global_key)) continue;
            return one.error("", "{} is missing; add it, or global's {}", needed.key,
                             needed.global_key);
        }
    }
    return {};
}

Result<void> check_receivers(const Section& config, Texts& names) {
    for (const Section& receiver : config.sections("receivers")) {
        const std::string& name = receiver.text("name");
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            return receiver.error("name", "{} names another receiver already; choose another",
                                  kw::quoted(name));
        }
        names.push_back(name);
        KW_TRY(check_needed(receiver, *config.section("global")));
    }
    return {};
}

Result<void> check_interval_names(const Section& config, Texts& names) {
    for (const std::string_view key : {"mute_time_intervals", "time_intervals"}) {
        for (const Section& interval : config.sections(key)) {
            const std::string& name = interval.text("name");
            if (std::find(names.begin(), names.end(), name) != names.end()) {
                return interval.error("name", "{} names another interval already; choose another",
                                      kw::quoted(name));
            }
            names.push_back(name);
        }
    }
    return {};
}

Result<void> check_names_in(const Section& route, const Texts& receivers, const Texts& intervals) {
    const std::string& receiver = route.text("receiver");
    if (!receiver.empty() &&
        std::find(receivers.begin(), receivers.end(), receiver) == receivers.end()) {
        return route.error("receiver", "{} is not a receiver; add it to receivers",
                           kw::quoted(receiver));
    }
    for (const std::string_view key : {"mute_time_intervals", "active_time_intervals"}) {
        for (const std::string& name : route.texts(key)) {
            if (std::find(intervals.begin(), intervals.end(), name) == intervals.end()) {
                return route.error(key, "{} is not a time interval; add it to time_intervals",
                                   kw::quoted(name));
            }
        }
    }
    for (const Section& child : route.sections("routes")) {
        KW_TRY(check_names_in(child, receivers, intervals));
    }
    return {};
}

Result<void> check_root(const Section& root) {
    if (!root.has("receiver")) {
        return root.error("", "the first route has no receiver; add one for what matches no other");
    }
    for (const std::string_view key : {"match", "match_re", "matchers", "mute_time_intervals",
                                       "active_time_intervals", "continue"}) {
        if (root.has(key)) {
            return root.error(key,
                              "is not for the first route, which takes every alert; move it "
                              "to a route below");
        }
    }
    return {};
}

void fill_receivers(Section& config) {
    const bool requires_tls = config.section("global")->flag("smtp_require_tls");
    for (Section& receiver : config.sections("receivers")) {
        for (Section& email : receiver.sections("email_configs")) {
            if (!email.is_written("require_tls")) email.put("require_tls", requires_tls);
        }
    }
}

Result<void> check_alertmanager_file(Section& config) {
    const Section* const root = config.section("route");
    if (root == nullptr) return config.error("", "route is missing; add one with a receiver");
    KW_TRY(check_root(*root));
    fill_receivers(config);
    Texts receivers;
    Texts intervals;
    KW_TRY(check_receivers(config, receivers));
    KW_TRY(check_interval_names(config, intervals));
    return check_names_in(*root, receivers, intervals);
}

}  // namespace

constexpr Block kAlertmanagerFileBlock = {"alertmanager_config", kAlertmanagerFileFields,
                                          check_alertmanager_file};

}  // namespace kw::app
