// Slack: an incoming webhook, or chat.postMessage with a bot's token.
//
// With `update_message` a group has one message: what chat.postMessage answered (channel and ts) is kept in the
// notification log, and the next state of the group edits it by chat.update.
// Source: https://docs.slack.dev/reference/methods/chat.postMessage, …/messaging/legacy-secondary-attachments
#include <fmt/core.h>
#include <simdjson.h>

#include <memory>
#include <utility>

#include "alerting/json_text.h"
#include "alerting/notifiers/http_post.h"
#include "base/environment.h"

namespace kw::alerting {
namespace {

constexpr size_t kTitleCharactersMax = 1024;
constexpr std::string_view kPostMethod = "/chat.postMessage";

struct Answer {
    bool ok = false;
    std::string error;
    std::string channel;
    std::string ts;
};

Result<Answer> parse_answer(const std::string& body) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (parser.parse(body).get(root) != simdjson::SUCCESS) return invalid("it is not JSON");
    Answer answer;
    if (root["ok"].get(answer.ok) != simdjson::SUCCESS) return invalid("it has no \"ok\"");
    const auto read = [&](const char* name, std::string& into) {
        std::string_view text;
        if (root[name].get(text) == simdjson::SUCCESS) into = text;
    };
    read("error", answer.error);
    read("channel", answer.channel);
    read("ts", answer.ts);
    return answer;
}

// A webhook answers "ok"; the API answers JSON, with 200 for its refusals too.
SendOutcome check_answer(const net::FetchResponse& response) {
    SendOutcome outcome;
    outcome.verdict = SendOutcome::Verdict::kDelivered;
    outcome.answer = fmt::format("{}", response.status);
    if (!response.headers.get("Content-Type").starts_with("application/json")) {
        if (response.body == "ok" || response.body.empty()) return outcome;
        outcome.verdict = SendOutcome::Verdict::kRefused;
        outcome.answer = fmt::format("{} {}", response.status, response.body.substr(0, 400));
        return outcome;
    }
    const Result<Answer> answer = parse_answer(response.body);
    if (!answer.ok()) {
        outcome.verdict = SendOutcome::Verdict::kRetry;
        outcome.answer = fmt::format("{}: the answer cannot be read: {}", response.status,
                                     answer.error().message);
        return outcome;
    }
    if (!answer->ok) {
        outcome.verdict = answer->error == "ratelimited" ? SendOutcome::Verdict::kRetry
                                                         : SendOutcome::Verdict::kRefused;
        outcome.answer = fmt::format("{}: {}", response.status, answer->error);
        return outcome;
    }
    if (!answer->ts.empty()) outcome.state = answer->channel + "\n" + answer->ts;
    return outcome;
}

class Slack final : public Notifier {
 public:
    Slack(const NotifierContext& context, const SlackConfig& config)
        : context_(context), config_(config) {}

    net::Fetcher::FetchId send(const Message& message, int64_t timeout_ms, Done done) override {
        Result<std::string> url = config_.api_url.reveal(context_.env.files);
        if (!url.ok()) return refuse(done, url.error().message);
        const Result<std::string> token = config_.app_token.reveal(context_.env.files);
        if (!token.ok()) return refuse(done, token.error().message);
        JsonPost post;
        post.url = *std::move(url);
        post.bearer = *token;
        post.options = config_.http;
        post.config_timeout_ms = config_.timeout_ms;
        post.check = check_answer;
        std::string channel;
        std::string ts;
        const size_t newline = message.state().find('\n');
        if (config_.update_message && newline != std::string::npos &&
            post.url.ends_with(kPostMethod)) {
            channel = message.state().substr(0, newline);
            ts = message.state().substr(newline + 1);
            post.url.replace(post.url.size() - kPostMethod.size(), kPostMethod.size(),
                             "/chat.update");
        }
        post.body = body(message, channel, ts);
        return post_json(context_, std::move(post), timeout_ms, std::move(done));
    }

 private:
    std::string body(const Message& message, const std::string& channel,
                     const std::string& ts) const {
        JsonText json;
        json.begin_object();
        json.member_if("channel", ts.empty() ? message.expand(config_.channel) : channel);
        json.member_if("ts", ts);
        json.member_if("username", message.expand(config_.username));
        json.member_if("icon_emoji", message.expand(config_.icon_emoji));
        json.member_if("icon_url", message.expand(config_.icon_url));
        if (config_.link_names) json.key("link_names").boolean(true);
        json.member_if("text", message.expand(config_.message_text));
        json.key("attachments").begin_array();
        append_attachment(json, message);
        json.end_array().end_object();
        return json.take();
    }

    void append_attachment(JsonText& json, const Message& message) const {
        const std::string title =
            cut_characters(message.expand(config_.title), kTitleCharactersMax);
        json.begin_object().member_if("title", title);
        json.member_if("title_link", message.expand(config_.title_link));
        json.member_if("pretext", message.expand(config_.pretext));
        json.member_if("text", message.expand(config_.text));
        json.member("fallback", message.expand(config_.fallback));
        json.member("callback_id", message.expand(config_.callback_id));
        append_fields(json, message);
        append_actions(json, message);
        json.member_if("image_url", message.expand(config_.image_url));
        json.member_if("thumb_url", message.expand(config_.thumb_url));
        json.member_if("footer", message.expand(config_.footer));
        json.member_if("color", message.expand(config_.color));
        json.key("mrkdwn_in").begin_array();
        if (config_.mrkdwn_in.empty()) json.text("fallback").text("pretext").text("text");
        for (const std::string& part : config_.mrkdwn_in) json.text(part);
        json.end_array().end_object();
    }

    void append_fields(JsonText& json, const Message& message) const {
        const bool is_no_data = message.is_no_data();
        if (config_.fields.empty() && !is_no_data) return;
        json.key("fields").begin_array();
        for (const SlackField& field : config_.fields) {
            json.begin_object().member("title", message.expand(field.title));
            json.member("value", message.expand(field.value));
            json.key("short").boolean(field.is_short.value_or(config_.short_fields)).end_object();
        }
        // Whatever the user's templates say: nothing has recovered.
        if (is_no_data) {
            json.begin_object().member("title", "No data");
            json.member("value",
                        "Resolved because its series have no data, not because it recovered.");
            json.key("short").boolean(false).end_object();
        }
        json.end_array();
    }

    void append_actions(JsonText& json, const Message& message) const {
        if (config_.actions.empty()) return;
        json.key("actions").begin_array();
        for (const SlackAction& action : config_.actions) {
            json.begin_object().member("type", message.expand(action.type));
            json.member("text", message.expand(action.text));
            json.member_if("url", message.expand(action.url));
            json.member_if("style", message.expand(action.style));
            json.member_if("name", message.expand(action.name));
            json.member_if("value", message.expand(action.value));
            if (action.confirm) {
                json.key("confirm").begin_object();
                json.member("text", message.expand(action.confirm->text));
                json.member_if("title", message.expand(action.confirm->title));
                json.member_if("ok_text", message.expand(action.confirm->ok_text));
                json.member_if("dismiss_text", message.expand(action.confirm->dismiss_text));
                json.end_object();
            }
            json.end_object();
        }
        json.end_array();
    }

    const NotifierContext context_;
    const SlackConfig config_;
};

}  // namespace

std::unique_ptr<Notifier> make_slack(const NotifierContext& context, const SlackConfig& config) {
    return std::make_unique<Slack>(context, config);
}

}  // namespace kw::alerting
