#include "alerting/integration.h"

#include <fmt/core.h>

#include <utility>

namespace kw::alerting {
namespace {

// One for each configuration of a type.
template <typename Config>
void add_all(ReceiverIntegrations& into, const NotifierContext& context, const char* type,
             const std::vector<Config>& configs,
             std::unique_ptr<Notifier> (*make)(const NotifierContext&, const Config&)) {
    for (size_t i = 0; i < configs.size(); ++i)
        into.integrations.push_back(std::make_shared<Integration>(
            Integration{type, fmt::format("{}[{}]", type, i), configs[i].send_resolved,
                        make(context, configs[i])}));
}

template <typename Config>
void list_all(std::vector<IntegrationInfo>& into, const char* type,
              const std::vector<Config>& configs) {
    for (size_t i = 0; i < configs.size(); ++i)
        into.push_back({type, fmt::format("{}[{}]", type, i), configs[i].send_resolved});
}

}  // namespace

std::vector<IntegrationInfo> list_integrations(const Receiver& receiver) {
    std::vector<IntegrationInfo> all;
    list_all(all, "pagerduty", receiver.pagerduty);
    list_all(all, "slack", receiver.slack);
    list_all(all, "webhook", receiver.webhook);
    list_all(all, "email", receiver.email);
    return all;
}

IntegrationTable make_integrations(const NotifierContext& context, const NotifySettings& settings) {
    IntegrationTable table;
    for (const Receiver& receiver : settings.receivers) {
        ReceiverIntegrations& one = table[receiver.name];
        one.receiver = std::make_shared<const Receiver>(receiver);
        add_all(one, context, "pagerduty", receiver.pagerduty, make_pagerduty);
        add_all(one, context, "slack", receiver.slack, make_slack);
        add_all(one, context, "webhook", receiver.webhook, make_webhook);
        add_all(one, context, "email", receiver.email, make_email);
    }
    return table;
}

}  // namespace kw::alerting
