// What asks a receiver and waits for its answers: tests and acknowledgements; past log, lanes and retries.
#include <fmt/core.h>

#include "alerting/json_text.h"
#include "alerting/message.h"
#include "alerting/notify_pipeline_impl.h"
#include "base/clock.h"
#include "state/audit.h"

namespace kw::alerting {

template <typename Ask>
Result<std::vector<TestOutcome>> NotifyPipeline::Impl::ask_all(const std::string& name,
                                                               const Ask& ask) {
    ReceiverIntegrations receiver;
    Asked asked;
    {
        const MutexLock lock(mutex_);
        const auto found = table_.find(name);
        if (found == table_.end()) return not_found("there is no receiver \"{}\"", name);
        receiver = found->second;
        asked = {receiver.receiver, templates_, settings_->external_url};
    }
    std::vector<TestOutcome> outcomes;
    for (const auto& integration : receiver.integrations)
        if (std::optional<TestOutcome> outcome = ask(*integration, asked))
            outcomes.push_back(*std::move(outcome));
    return outcomes;
}

TestOutcome NotifyPipeline::Impl::send_once(Integration& integration, const Asked& asked,
                                            const std::shared_ptr<Notification>& notification) {
    const Message message(notification, asked.receiver, asked.templates, notification->alerts,
                          asked.external_url, "");
    return waited(integration, [&](const Notifier::Done& done) {
        integration.notifier->send(message, options_.test_timeout_ms, done);
    });
}

template <typename Start>
TestOutcome NotifyPipeline::Impl::waited(const Integration& integration, const Start& start) {
    Mutex mutex;
    CondVar wake;
    std::optional<SendOutcome> got;
    start([&](SendOutcome outcome) {
        const MutexLock lock(mutex);
        got = std::move(outcome);
        wake.notify_all();
    });
    const MutexLock lock(mutex);
    while (!got) wake.wait(mutex);
    return {integration.name, got->verdict == SendOutcome::Verdict::kDelivered, got->answer};
}

Result<std::vector<TestOutcome>> NotifyPipeline::Impl::test_receiver(const std::string& name) {
    const Millis now = env_.clock.now();
    auto firing = std::make_shared<Notification>(
        synthetic(name, fmt::format("{{}}:{{alertname=\"TestAlert\"}}/{}", now.count), "TestAlert",
                  "A test of this receiver.", now));
    auto resolved = std::make_shared<Notification>(*firing);
    Alert ended = *firing->alerts[0];
    ended.ends_at = now;
    resolved->alerts = {std::make_shared<const Alert>(std::move(ended))};
    return ask_all(name,
                   [&](Integration& integration, const Asked& asked) -> std::optional<TestOutcome> {
                       TestOutcome outcome = send_once(integration, asked, firing);
                       if (outcome.delivered && integration.send_resolved)
                           outcome = send_once(integration, asked, resolved);
                       return outcome;
                   });
}

Result<std::vector<TestOutcome>> NotifyPipeline::Impl::acknowledge(const std::string& name,
                                                                   const std::string& group_key) {
    auto notification = std::make_shared<Notification>(
        synthetic(name, group_key, "Acknowledged", "Acknowledged.", env_.clock.now()));
    return ask_all(
        name, [&](Integration& integration, const Asked& asked) -> std::optional<TestOutcome> {
            const Message message(notification, asked.receiver, asked.templates,
                                  notification->alerts, asked.external_url, "");
            bool knows_it = false;
            TestOutcome outcome = waited(integration, [&](const Notifier::Done& done) {
                knows_it =
                    integration.notifier->acknowledge(message, options_.test_timeout_ms, done);
                if (!knows_it) done({});
            });
            return knows_it ? std::optional(outcome) : std::nullopt;
        });
}

Result<void> NotifyPipeline::Impl::audit(const std::string& action, const std::string& receiver,
                                         const std::string& object, const std::string& actor,
                                         const std::string& origin) {
    {
        const MutexLock lock(mutex_);
        if (!table_.contains(receiver)) {
            return not_found("there is no receiver \"{}\"", receiver);
        }
    }
    state::AuditEntry entry;
    entry.at = env_.clock.now();
    entry.actor = actor;
    entry.origin = origin;
    entry.action = action;
    entry.kind = "receiver";
    entry.object = cut_characters(object, 200);
    JsonText after;
    after.begin_object().member("receiver", receiver).end_object();
    entry.after = after.take();
    return store_.write([&](state::Connection& transaction) -> Result<void> {
        KW_TRY(state::record_audit(transaction, entry));
        return {};
    });
}

Notification NotifyPipeline::Impl::synthetic(std::string receiver, std::string group_key,
                                             const char* alertname, std::string summary,
                                             Millis now) {
    Notification notification;
    notification.receiver = std::move(receiver);
    notification.group_key = std::move(group_key);
    Alert alert;
    alert.labels = LabelBuilder().set("alertname", alertname).set("severity", "none").build();
    alert.annotations = {{"summary", std::move(summary)}};
    alert.starts_at = alert.updated_at = now;
    alert.ends_at = now + 3'600'000;
    notification.group_labels = LabelBuilder().set("alertname", alertname).build();
    notification.alerts.push_back(std::make_shared<const Alert>(std::move(alert)));
    notification.now = now;
    return notification;
}

}  // namespace kw::alerting
