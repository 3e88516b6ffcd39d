// Receivers that post to a chat: Discord, Mattermost, Microsoft Teams, Rocket.Chat, Telegram, Webex, WeChat.
// They are checked and do not act yet.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
#include "app/config/alertmanager/schema.h"
#include "app/config/checks.h"
#include "model/labels.h"

namespace kw::app {
namespace {

Result<void> check_webhook_url(Section& section) {
    KW_TRY(check_one_of_file(section, "webhook_url"));
    return check_secret_url(section, "webhook_url");
}

constexpr Field kDiscordFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("webhook_url"),
    text("webhook_url_file"),
    text("content"),
    text("title", R"({{ template "discord.default.title" . }})"),
    text("message", R"({{ template "discord.default.message" . }})"),
    text("username"),
    text("avatar_url"),
};

constexpr Field kTitledFieldFields[] = {
    required(text("title")),
    required(text("value")),
    flag("short"),
};
constexpr Block kTitledFieldBlock = {"field_config", kTitledFieldFields};
#define KW_MATTERMOST_ATTACHMENT_FIELDS                                                  \
    text("fallback"), text("color"), text("pretext"), text("text"), text("author_name"), \
        text("author_link"), text("author_icon"), text("title"), text("title_link"),     \
        blocks("fields", kTitledFieldBlock), text("thumb_url"), text("footer"),          \
        text("footer_icon"), text("image_url")
constexpr Field kMattermostAttachmentFields[] = {KW_MATTERMOST_ATTACHMENT_FIELDS};
constexpr Block kMattermostAttachmentBlock = {"attachment", kMattermostAttachmentFields};
constexpr Field kMattermostPropsFields[] = {text("card")};
constexpr Block kMattermostPropsBlock = {"props", kMattermostPropsFields};
constexpr Field kMattermostPriorityFields[] = {
    text("priority"),
    flag("requested_ack"),
    flag("persistent_notifications"),
};
constexpr Block kMattermostPriorityBlock = {"priority", kMattermostPriorityFields};
constexpr Field kMattermostFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("webhook_url"),
    text("webhook_url_file"),
    text("channel"),
    text("username"),
    text("icon_url"),
    text("icon_emoji"),
    text("type"),
    blocks("attachments", kMattermostAttachmentBlock),
    block("props", kMattermostPropsBlock),
    block("priority", kMattermostPriorityBlock),
    KW_MATTERMOST_ATTACHMENT_FIELDS,
};
#undef KW_MATTERMOST_ATTACHMENT_FIELDS
Result<void> check_mattermost(Section& mattermost) {
    KW_TRY(check_not_with_file(mattermost, "webhook_url"));
    return check_secret_url(mattermost, "webhook_url");
}

constexpr Field kMsteamsFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("webhook_url"),
    text("webhook_url_file"),
    text("title", R"({{ template "msteams.default.title" . }})"),
    text("summary", R"({{ template "msteams.default.summary" . }})"),
    text("text", R"({{ template "msteams.default.text" . }})"),
};
constexpr Field kMsteamsV2Fields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    secret("webhook_url"),
    text("webhook_url_file"),
    text("title", R"({{ template "msteamsv2.default.title" . }})"),
    text("text", R"({{ template "msteamsv2.default.text" . }})"),
};

constexpr Field kRocketchatActionFields[] = {
    text("type"),
    text("text"),
    text("url"),
    text("image_url"),
    flag("is_webview"),
    text("webview_height_ratio"),
    text("msg"),
    flag("msg_in_chat_window"),
    text("msg_processing_type"),
};
constexpr Block kRocketchatActionBlock = {"rocketchat_action_config", kRocketchatActionFields};
constexpr Field kRocketchatFieldFields[] = {text("title"), text("value"), flag("short")};
constexpr Block kRocketchatFieldBlock = {"rocketchat_field_config", kRocketchatFieldFields};
constexpr Field kRocketchatFields[] = {
    flag("send_resolved"),
    block("http_config", kHttpClientBlock),
    url("api_url"),
    secret("token_id"),
    text("token_id_file"),
    secret("token"),
    text("token_file"),
    text("channel"),
    text("color", R"({{ if eq .Status "firing" }}red{{ else }}green{{ end }})"),
    text("title", R"({{ template "rocketchat.default.title" . }})"),
    text("title_link", R"({{ template "rocketchat.default.titlelink" . }})"),
    text("text", R"({{ template "rocketchat.default.text" . }})"),
    blocks("fields", kRocketchatFieldBlock),
    flag("short_fields"),
    text("emoji", R"({{ template "rocketchat.default.emoji" . }})"),
    text("icon_url", R"({{ template "rocketchat.default.iconurl" . }})"),
    text("image_url"),
    text("thumb_url"),
    flag("link_names"),
    blocks("actions", kRocketchatActionBlock),
};
Result<void> check_rocketchat(Section& rocketchat) {
    KW_TRY(check_not_with_file(rocketchat, "token"));
    KW_TRY(check_not_with_file(rocketchat, "token_id"));
    return check_http_url(rocketchat, "api_url");
}

constexpr std::string_view kParseModes[] = {"Markdown", "MarkdownV2", "HTML"};
constexpr Field kTelegramFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    url("api_url"),
    secret("bot_token"),
    text("bot_token_file"),
    integer("chat_id"),
    text("chat_id_file"),
    integer("message_thread_id"),
    text("message", R"({{ template "telegram.default.message" . }})"),
    flag("disable_notifications"),
    one_of("parse_mode", kParseModes, "HTML"),
};
Result<void> check_telegram(Section& telegram) {
    KW_TRY(check_not_with_file(telegram, "bot_token"));
    KW_TRY(check_one_of_file(telegram, "chat_id"));
    return check_http_url(telegram, "api_url");
}

constexpr Field kWebexFields[] = {
    flag("send_resolved", true),
    block("http_config", kHttpClientBlock),
    url("api_url"),
    text("message", R"({{ template "webex.default.message" . }})"),
    required(text("room_id")),
};
Result<void> check_webex(Section& webex) {
    const Section* const http = webex.section("http_config");
    const bool has_token =
        http != nullptr && (http->section("authorization") != nullptr ||
                            http->has("bearer_token") || http->has("bearer_token_file"));
    if (!has_token) {
        return webex.error("", "http_config.authorization is missing; add it with the bot's token");
    }
    return check_http_url(webex, "api_url");
}

constexpr std::string_view kWechatTypes[] = {"text", "markdown"};
constexpr Field kWechatFields[] = {
    flag("send_resolved"),
    block("http_config", kHttpClientBlock),
    secret("api_secret"),
    text("api_secret_file"),
    text("corp_id"),
    text("message", R"({{ template "wechat.default.message" . }})"),
    url("api_url"),
    text("to_user", R"({{ template "wechat.default.to_user" . }})"),
    text("to_party", R"({{ template "wechat.default.to_party" . }})"),
    text("to_tag", R"({{ template "wechat.default.to_tag" . }})"),
    text("agent_id", R"({{ template "wechat.default.agent_id" . }})"),
    one_of("message_type", kWechatTypes, "text"),
};
Result<void> check_wechat(Section& wechat) {
    KW_TRY(check_not_with_file(wechat, "api_secret"));
    return check_http_url(wechat, "api_url");
}

}  // namespace

constexpr Block kDiscordBlock = {"discord_config", kDiscordFields, check_webhook_url};
constexpr Block kMattermostBlock = {"mattermost_config", kMattermostFields, check_mattermost};
constexpr Block kMsteamsBlock = {"msteams_config", kMsteamsFields, check_webhook_url};
constexpr Block kMsteamsV2Block = {"msteamsv2_config", kMsteamsV2Fields, check_webhook_url};
constexpr Block kRocketchatBlock = {"rocketchat_config", kRocketchatFields, check_rocketchat};
constexpr Block kTelegramBlock = {"telegram_config", kTelegramFields, check_telegram};
constexpr Block kWebexBlock = {"webex_config", kWebexFields, check_webex};
constexpr Block kWechatBlock = {"wechat_config", kWechatFields, check_wechat};

}  // namespace kw::app
