// PagerDuty: Events API v2 (routing_key), and v1 (service_key), which knows fewer fields.
//
// All events of a group have one dedup_key, so that PagerDuty makes one incident of them and a repeat changes
// nothing. An event over 512 KB loses its details.
// Source: https://developer.pagerduty.com/docs/events-api-v2/
#include <fmt/core.h>

#include <memory>
#include <utility>

#include "alerting/json_text.h"
#include "alerting/notifiers/http_post.h"
#include "alerting/template_json.h"
#include "base/environment.h"

namespace kw::alerting {
namespace {

constexpr size_t kSummaryCharactersMax = 1024;
constexpr size_t kEventBytesMax = 512'000;
constexpr std::string_view kUrlV1 =
    "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
constexpr std::string_view kTooLong =
    "Custom details have been removed because the original event exceeds the maximum size of 512KB";

class PagerDuty final : public Notifier {
 public:
    PagerDuty(const NotifierContext& context, const PagerDutyConfig& config)
        : context_(context), config_(config) {}

    net::Fetcher::FetchId send(const Message& message, int64_t timeout_ms, Done done) override {
        return post(message, message.is_resolved() ? "resolve" : "trigger", timeout_ms,
                    std::move(done));
    }

    bool acknowledge(const Message& message, int64_t timeout_ms, const Done& done) override {
        post(message, "acknowledge", timeout_ms, done);
        return true;
    }

 private:
    net::Fetcher::FetchId post(const Message& message, std::string_view action, int64_t timeout_ms,
                               Done done) const {
        const bool is_v1 = !config_.service_key.empty();
        const Result<std::string> key = expanded_key(message, is_v1);
        if (!key.ok()) return refuse(done, key.error().message);
        JsonPost post;
        post.url = is_v1 ? std::string(kUrlV1) : config_.url;
        post.options = config_.http;
        post.config_timeout_ms = config_.timeout_ms;
        post.body = body(message, action, *key, is_v1, true);
        if (post.body.size() > kEventBytesMax)
            post.body = body(message, action, *key, is_v1, false);
        return post_json(context_, std::move(post), timeout_ms, std::move(done));
    }

    Result<std::string> expanded_key(const Message& message, bool is_v1) const {
        const Secret& secret = is_v1 ? config_.service_key : config_.routing_key;
        KW_TRY_ASSIGN(const std::string text, secret.reveal(context_.env.files));
        KW_TRY_ASSIGN(std::string key, message.expand_strictly(text));
        if (key.empty()) return invalid("the integration key is empty");
        return key;
    }

    std::string body(const Message& message, std::string_view action, const std::string& key,
                     bool is_v1, bool has_details) const {
        JsonText json;
        json.begin_object();
        const std::string summary =
            cut_characters(message.expand(config_.description), kSummaryCharactersMax);
        if (is_v1) {
            json.member("service_key", key).member("event_type", action);
            json.member("incident_key", message.dedup_key()).member("description", summary);
            if (action == "trigger") append_client(json, message);
            json.key("details");
            append_details(json, message, has_details);
        } else {
            json.member("routing_key", key).member("event_action", action);
            json.member("dedup_key", message.dedup_key());
            append_client(json, message);
            json.key("payload");
            append_payload(json, message, summary, has_details);
            append_links(json, message);
        }
        json.end_object();
        return json.take();
    }

    void append_client(JsonText& json, const Message& message) const {
        json.member_if("client", message.expand(config_.client));
        json.member_if("client_url", message.expand(config_.client_url));
    }

    void append_payload(JsonText& json, const Message& message, const std::string& summary,
                        bool has_details) const {
        const std::string& source = config_.source.empty() ? config_.client : config_.source;
        json.begin_object().member("summary", summary);
        json.member("source", message.expand(source));
        json.member("severity", message.expand(config_.severity));
        json.member_if("class", message.expand(config_.class_name));
        json.member_if("component", message.expand(config_.component));
        json.member_if("group", message.expand(config_.group));
        json.key("custom_details");
        append_details(json, message, has_details);
        json.end_object();
    }

    void append_details(JsonText& json, const Message& message, bool has_details) const {
        json.begin_object();
        if (has_details) {
            for (const auto& [name, value] : config_.details) {
                json.key(name);
                append_expanded(json, value, message);
            }
        } else {
            json.member("error", kTooLong);
        }
        if (message.is_no_data()) json.member("resolved_by", "no data");
        json.end_object();
    }

    void append_links(JsonText& json, const Message& message) const {
        json.key("images").begin_array();
        for (const PagerDutyImage& image : config_.images) {
            const std::string src = message.expand(image.src);
            if (src.empty()) continue;
            json.begin_object().member("src", src);
            json.member_if("href", message.expand(image.href));
            json.member_if("alt", message.expand(image.alt)).end_object();
        }
        json.end_array().key("links").begin_array();
        for (const PagerDutyLink& link : config_.links) {
            const std::string href = message.expand(link.href);
            if (href.empty()) continue;
            json.begin_object().member("href", href);
            json.member_if("text", message.expand(link.text)).end_object();
        }
        json.end_array();
    }

    const NotifierContext context_;
    const PagerDutyConfig config_;
};

}  // namespace

std::unique_ptr<Notifier> make_pagerduty(const NotifierContext& context,
                                         const PagerDutyConfig& config) {
    return std::make_unique<PagerDuty>(context, config);
}

}  // namespace kw::alerting
