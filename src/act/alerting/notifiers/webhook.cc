// A webhook: Alertmanager's payload of version 4, or one of the user's own.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
#include <memory>
#include <utility>

#include "alerting/json_text.h"
#include "alerting/notifiers/http_post.h"
#include "alerting/template_data.h"
#include "alerting/template_json.h"
#include "base/environment.h"

namespace kw::alerting {
namespace {

template <typename Pairs>
void append_pairs(JsonText& json, std::string_view name, const Pairs& pairs) {
    json.key(name).begin_object();
    for (const auto& [key, value] : pairs) json.member(key, value);
    json.end_object();
}

void append_labels(JsonText& json, std::string_view name, const LabelSet& labels) {
    json.key(name).begin_object();
    for (const LabelView& label : labels) json.member(label.name, label.value);
    json.end_object();
}

void append_alert(JsonText& json, const Alert& alert, Millis now) {
    const bool is_resolved = alert.is_resolved_at(now);
    json.begin_object().member("status", is_resolved ? "resolved" : "firing");
    append_labels(json, "labels", alert.labels);
    append_pairs(json, "annotations", alert.annotations);
    json.member("startsAt", rfc3339(alert.starts_at));
    json.member("endsAt", rfc3339(is_resolved ? alert.ends_at : kZeroTime));
    json.member("generatorURL", alert.generator_url);
    json.member("fingerprint", fingerprint_text(alert.labels));
    // Ours, and only there when it says something.
    if (is_resolved && alert.is_no_data) json.key("noData").boolean(true);
    json.end_object();
}

std::string payload(const Message& message, size_t truncated) {
    const Notification& notification = message.notification();
    JsonText json;
    json.begin_object().member("receiver", notification.receiver);
    json.member("status", message.status()).key("alerts").begin_array();
    for (const AlertPtr& alert : message.alerts()) append_alert(json, *alert, notification.now);
    json.end_array();
    append_labels(json, "groupLabels", notification.group_labels);
    append_labels(json, "commonLabels", common_labels(message.alerts()));
    append_pairs(json, "commonAnnotations", common_annotations(message.alerts()));
    json.member("externalURL", message.external_url());
    json.member("version", "4").member("groupKey", notification.group_key);
    json.key("truncatedAlerts").number(static_cast<int64_t>(truncated)).end_object();
    return json.take();
}

class Webhook final : public Notifier {
 public:
    Webhook(const NotifierContext& context, const WebhookConfig& config)
        : context_(context), config_(config) {}

    net::Fetcher::FetchId send(const Message& whole, int64_t timeout_ms, Done done) override {
        const size_t count = whole.alerts().size();
        const bool is_cut = config_.max_alerts != 0 && count > config_.max_alerts;
        const Message message = is_cut ? whole.first_alerts(config_.max_alerts) : whole;
        JsonPost post;
        const Result<std::string> url = expanded_url(message);
        if (!url.ok()) return refuse(done, url.error().message);
        post.url = *url;
        post.options = config_.http;
        post.config_timeout_ms = config_.timeout_ms;
        if (config_.payload) {
            JsonText json;
            append_expanded(json, *config_.payload, message);
            post.body = json.take();
        } else {
            post.body = payload(message, count - message.alerts().size());
        }
        return post_json(context_, std::move(post), timeout_ms, std::move(done));
    }

 private:
    Result<std::string> expanded_url(const Message& message) const {
        KW_TRY_ASSIGN(const std::string text, config_.url.reveal(context_.env.files));
        return message.expand_strictly(text);
    }

    const NotifierContext context_;
    const WebhookConfig config_;
};

}  // namespace

std::unique_ptr<Notifier> make_webhook(const NotifierContext& context,
                                       const WebhookConfig& config) {
    return std::make_unique<Webhook>(context, config);
}

}  // namespace kw::alerting
