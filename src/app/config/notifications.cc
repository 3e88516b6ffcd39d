#include "app/config/notifications.h"

#include <fmt/core.h>

#include <memory>

#include "alerting/integration.h"
#include "alerting/settings.h"
#include "app/config/config.h"
#include "base/check.h"

namespace kw::app {
namespace {

Result<void> check_receiver(Config& config, const std::string& key, int line,
                            const std::string& name) {
    if (name.empty()) return {};
    const std::string& file = config.notifications.file;
    for (const alerting::Receiver& receiver : config.alertmanager->notify->receivers) {
        if (receiver.name != name) continue;
        if (alerting::list_integrations(receiver).empty()) {
            config.warnings.push_back(
                {file, line, key,
                 fmt::format("receiver {} has no integration that acts: nobody is told",
                             kw::quoted(name))});
        }
        return {};
    }
    std::string known;
    for (const std::string& one : config.alertmanager->receiver_names) {
        known += (known.empty() ? "" : ", ") + one;
    }
    return invalid("{}:{}: {}: {} is not a receiver; add it to the receivers, or name one of {}",
                   file, line, key, kw::quoted(name), known);
}

}  // namespace

NotificationOptions read_notifications(const Section& section) {
    NotificationOptions options;
    options.file = section.file();
    options.fallback_receiver = section.text("fallback_receiver");
    options.fallback_line = section.line_of("fallback_receiver");
    if (const Section* const heartbeat = section.section("heartbeat"); heartbeat != nullptr) {
        options.heartbeat_receiver = heartbeat->text("receiver");
        options.heartbeat_interval_ms = heartbeat->integer("interval");
        options.heartbeat_line = heartbeat->line_of("receiver");
    }
    return options;
}

Result<void> add_notifications(Config& config) {
    KW_CHECK(config.alertmanager != nullptr && config.alertmanager->notify != nullptr);
    const NotificationOptions& options = config.notifications;
    if (options.fallback_receiver.empty() && options.heartbeat_receiver.empty()) return {};
    KW_TRY(check_receiver(config, "notifications.fallback_receiver", options.fallback_line,
                          options.fallback_receiver));
    KW_TRY(check_receiver(config, "notifications.heartbeat.receiver", options.heartbeat_line,
                          options.heartbeat_receiver));
    auto notify = std::make_shared<alerting::NotifySettings>(*config.alertmanager->notify);
    notify->fallback_receiver = options.fallback_receiver;
    notify->heartbeat_receiver = options.heartbeat_receiver;
    notify->heartbeat_interval_ms = options.heartbeat_interval_ms;
    auto settings = std::make_shared<alerting::Settings>(*config.alertmanager);
    settings->notify = std::move(notify);
    config.alertmanager = std::move(settings);
    return {};
}

}  // namespace kw::app
