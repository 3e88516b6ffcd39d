// Who sends a message to one integration of a receiver: one implementation a file in notifiers/.
//
// A notifier makes one attempt; when, how often and for how long is the pipeline's.
// Threads: send() from any; it never waits for a network. `done` runs once, on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "alerting/message.h"
#include "alerting/receiver_config.h"
#include "base/environment.h"
#include "net/http_client.h"

namespace kw::alerting {

struct SendOutcome {
    enum class Verdict : unsigned char {
        kDelivered,
        kRetry,    // trying again may help
        kRefused,  // it will not
    };
    Verdict verdict = Verdict::kRetry;
    std::string answer;          // for people: "429 Too many requests: …"; without secrets
    int64_t retry_after_ms = 0;  // the peer wants to be left alone for so long
    std::string state;           // kDelivered: what the next message of the group is given
};

class Notifier {
 public:
    using Done = std::function<void(SendOutcome)>;
    virtual ~Notifier() = default;
    // Makes one attempt of at most `timeout_ms`. Returns what cancels it at `fetcher`; 0: nothing does.
    virtual net::Fetcher::FetchId send(const Message& message, int64_t timeout_ms, Done done) = 0;
    // Tells that somebody works on the group's alerts, where the provider knows such a thing.
    virtual bool acknowledge(const Message&, int64_t, const Done&) { return false; }
    // Ends at once what send() began and `fetcher` does not know of.
    virtual void stop() {}
};

struct NotifierContext {
    Environment& env;
    net::Fetcher& fetcher;
};

std::unique_ptr<Notifier> make_pagerduty(const NotifierContext& context,
                                         const PagerDutyConfig& config);
std::unique_ptr<Notifier> make_slack(const NotifierContext& context, const SlackConfig& config);
std::unique_ptr<Notifier> make_webhook(const NotifierContext& context, const WebhookConfig& config);
std::unique_ptr<Notifier> make_email(const NotifierContext& context, const EmailConfig& config);

}  // namespace kw::alerting
