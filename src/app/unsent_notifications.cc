#include "app/unsent_notifications.h"

#include <algorithm>
#include <string>

#include "base/log.h"

namespace kw::app {

void UnsentNotifications::notify(alerting::Notification notification, Done done) {
    const auto resolved = std::count_if(
        notification.alerts.begin(), notification.alerts.end(),
        [&](const alerting::AlertPtr& alert) { return alert->is_resolved_at(notification.now); });
    log_.info("notification not sent: receivers do not act yet",
              {{"receiver", notification.receiver},
               {"group", notification.group_key},
               {"alerts", std::to_string(notification.alerts.size())},
               {"resolved", std::to_string(resolved)}});
    done(true);
}

}  // namespace kw::app
