// What tests of notifiers share: a state of their own, a fetcher that answers as told, alerts in one line.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alerting/notification.h"
#include "alerting/notify_pipeline.h"
#include "base/mutex.h"
#include "net/http_client.h"
#include "state/store.h"
#include "state/testing.h"

namespace kw::alerting {

inline constexpr Millis kTestNow{1'700'000'000'000};

inline net::FetchResponse answer(int status, std::string body = "", net::Headers headers = {}) {
    return {.status = status,
            .headers = std::move(headers),
            .body = std::move(body),
            .url = "",
            .wire_bytes = 0};
}

// Answers at once as `respond` says; nullopt: never, until cancelled or let go.
class FakeFetcher final : public net::Fetcher {
 public:
    using Respond =
        std::function<std::optional<Result<net::FetchResponse>>(const net::FetchRequest&)>;
    explicit FakeFetcher(Respond respond) : respond_(std::move(respond)) {}

    FetchId fetch(net::FetchRequest request, net::FetchCallback callback) override {
        FetchId id = 0;
        std::optional<Result<net::FetchResponse>> response = respond_(request);
        {
            const MutexLock lock(mutex_);
            id = ++last_id_;
            requests_.push_back(std::move(request));
            if (!response) hanging_.emplace(id, std::move(callback));
            came_.notify_all();
        }
        if (response) callback(*std::move(response));
        return id;
    }
    void cancel(FetchId id) override {
        net::FetchCallback callback;
        {
            const MutexLock lock(mutex_);
            const auto found = hanging_.find(id);
            if (found == hanging_.end()) return;
            callback = std::move(found->second);
            hanging_.erase(found);
        }
        callback(cancelled("cancelled"));
    }

    std::vector<net::FetchRequest> requests() const {
        const MutexLock lock(mutex_);
        return requests_;
    }
    // Waits until `count` requests came.
    std::vector<net::FetchRequest> wait_for(size_t count) {
        const MutexLock lock(mutex_);
        while (requests_.size() < count) came_.wait(mutex_);
        return requests_;
    }

 private:
    const Respond respond_;
    mutable Mutex mutex_;
    CondVar came_;
    FetchId last_id_ KW_GUARDED_BY(mutex_) = 0;
    std::vector<net::FetchRequest> requests_ KW_GUARDED_BY(mutex_);
    std::map<FetchId, net::FetchCallback> hanging_ KW_GUARDED_BY(mutex_);
};

inline AlertPtr make_alert(std::string_view instance, std::optional<Millis> ended = std::nullopt,
                           bool is_no_data = false) {
    Alert alert;
    alert.labels = LabelBuilder()
                       .set("alertname", "HighErrorRate")
                       .set("severity", "critical")
                       .set("instance", instance)
                       .build();
    alert.annotations = {{"summary", "Errors on " + std::string(instance)}};
    alert.starts_at = kTestNow - 60'000;
    alert.ends_at = ended.value_or(kTestNow + 300'000);
    alert.updated_at = kTestNow;
    alert.generator_url = "http://kw.example/graph";
    alert.is_no_data = is_no_data;
    return std::make_shared<const Alert>(std::move(alert));
}

inline Notification make_notification(std::string receiver, std::vector<AlertPtr> alerts,
                                      std::string group = "HighErrorRate", Millis now = kTestNow) {
    Notification notification;
    notification.receiver = std::move(receiver);
    notification.group_key = "{}:{alertname=\"" + group + "\"}";
    notification.group_labels = LabelBuilder().set("alertname", group).build();
    notification.alerts = std::move(alerts);
    notification.now = now;
    notification.repeat_interval_ms = 4 * 3'600'000;
    notification.group_interval_ms = 300'000;
    notification.timeout_ms = 300'000;
    return notification;
}

inline Receiver webhook_receiver(std::string name, std::string url) {
    Receiver receiver;
    receiver.name = std::move(name);
    WebhookConfig webhook;
    webhook.url = Secret::of_text(std::move(url));
    receiver.webhook.push_back(std::move(webhook));
    return receiver;
}

inline std::shared_ptr<NotifySettings> settings_of(std::vector<Receiver> receivers) {
    auto settings = std::make_shared<NotifySettings>();
    settings->receivers = std::move(receivers);
    settings->external_url = "http://kw.example";
    return settings;
}

}  // namespace kw::alerting
