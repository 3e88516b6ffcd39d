// Stands where notifications are sent: says in the log who would be told of what, and sends nothing.
#pragma once

#include "alerting/notification.h"

namespace kw {
class Log;
}

namespace kw::app {

// Threads: all members from any thread.
class UnsentNotifications final : public alerting::NotificationSink {
 public:
    explicit UnsentNotifications(const Log& log) : log_(log) {}

    void notify(alerting::Notification notification, Done done) override;
    void apply(std::shared_ptr<const alerting::NotifySettings>) override {}

 private:
    const Log& log_;
};

}  // namespace kw::app
