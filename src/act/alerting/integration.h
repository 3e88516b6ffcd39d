// The integrations of a configuration's receivers, each with its notifier.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "alerting/notifier.h"
#include "alerting/receiver_config.h"

namespace kw::alerting {

struct Integration {
    std::string type;  // "slack"
    std::string name;  // "slack[0]": its place among those of its type
    bool send_resolved = false;
    std::unique_ptr<Notifier> notifier;
};

struct ReceiverIntegrations {
    std::shared_ptr<const Receiver> receiver;
    std::vector<std::shared_ptr<Integration>> integrations;
};

// What there is, without its notifiers: for what is shown.
struct IntegrationInfo {
    std::string type;
    std::string name;
    bool send_resolved = false;
};
std::vector<IntegrationInfo> list_integrations(const Receiver& receiver);

// By the receiver's name.
using IntegrationTable = std::map<std::string, ReceiverIntegrations, std::less<>>;

IntegrationTable make_integrations(const NotifierContext& context, const NotifySettings& settings);

}  // namespace kw::alerting
