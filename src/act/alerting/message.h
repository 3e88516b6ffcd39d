// One notification for one integration: what a notifier makes its payload of.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/notification.h"
#include "alerting/notify_templates.h"

namespace kw::alerting {

class Message final {
 public:
    // `alerts`: those of `notification` that are told, in its order; not empty. All but `now` are kept.
    Message(std::shared_ptr<const Notification> notification,
            std::shared_ptr<const Receiver> receiver,
            std::shared_ptr<const NotifyTemplates> templates, std::vector<AlertPtr> alerts,
            std::string external_url, std::string state);

    const Notification& notification() const { return *notification_; }
    const std::vector<AlertPtr>& alerts() const { return alerts_; }
    const std::string& external_url() const { return external_url_; }
    // Of the group at this integration: what its last success left (SendOutcome::state).
    const std::string& state() const { return state_; }
    std::string_view status() const;
    bool is_resolved() const { return status() == "resolved"; }
    bool is_no_data() const;
    // SHA-256 of the group's key, hexadecimal: the same for all messages of a group.
    std::string dedup_key() const;

    // Expands a template. One that fails gives its error's text in place of its own, since a late "something
    // is wrong" beats none.
    std::string expand(std::string_view text) const;
    std::string expand_html(std::string_view text) const;
    // For addresses and keys, where an error's text would be nonsense.
    Result<std::string> expand_strictly(std::string_view text) const;

    // The same of the first `count` alerts.
    Message first_alerts(size_t count) const;

 private:
    std::shared_ptr<const Notification> notification_;
    std::shared_ptr<const Receiver> receiver_;
    std::shared_ptr<const NotifyTemplates> templates_;
    std::vector<AlertPtr> alerts_;
    std::string external_url_;
    std::string state_;
    templates::Value data_;
    templates::Functions functions_;
};

std::string sha256_hex(std::string_view text);

// The first `count` characters, the last replaced by … when there are more.
std::string cut_characters(std::string text, size_t count);

}  // namespace kw::alerting
