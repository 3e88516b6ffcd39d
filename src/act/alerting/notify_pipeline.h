// From a group's flush to the answers of its receiver's integrations.
//
//   notify() ─▶ a job for each integration ─▶ lane ─▶ dedup ─▶ intent ─▶ attempt ─▶ result ─▶ done()
//                                                                 ▲         │
//                                                              timer ◀── again (backoff, Retry-After)
//
// Invariants
//   1. A lane is one integration of one receiver, with its own bounds: one that hangs delays no other.
//   2. A group has one job at a time at an integration; a second one waits for the first.
//   3. What was interrupted is sent again after the next start, by the intents of notification_log.h, and
//      counted; a state that cannot be written (disk full) keeps nobody from being told.
// Threads: one of its own starts jobs and runs timers; answers come on the fetcher's, the state's. All members
// from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerting/notification.h"
#include "alerting/notification_log.h"
#include "base/environment.h"
#include "net/http_client.h"
#include "state/store.h"

namespace kw::alerting {

// How one integration answered a test.
struct TestOutcome {
    std::string integration;
    bool delivered = false;
    std::string answer;
};

class NotifyPipeline final : public NotificationSink {
 public:
    struct Options {
        size_t active_max = 32;  // jobs of a lane under way
        size_t waiting_max =
            10'000;  // jobs of a lane that wait for those; more are dropped, and counted
        int64_t backoff_first_ms = 500;
        int64_t backoff_last_ms = 60'000;
        int64_t test_timeout_ms = 10'000;
    };

    // `fetcher` and `store` outlive it. Errors: those of the store.
    static Result<std::unique_ptr<NotifyPipeline>> open(Environment& env, net::Fetcher& fetcher,
                                                        state::Store& store,
                                                        const Options& options);
    ~NotifyPipeline() override;
    // Cancels what is under way; its intents stay, and are sent after the next start. Returns when every Done was
    // called; from then on each is called with false. By one thread; the destructor does it too.
    void stop();

    void notify(Notification notification, Done done) override;
    void apply(std::shared_ptr<const NotifySettings> settings) override;
    bool was_told_firing(const std::string& group_key, const std::string& receiver,
                         uint64_t fingerprint) const override;

    // Sends a test alert, and its end, to each integration of a receiver, once, past log and retries. Waits.
    // Audited as below. Errors: kNotFound, those of the store.
    Result<std::vector<TestOutcome>> test_receiver(const std::string& receiver,
                                                   const std::string& actor,
                                                   const std::string& origin);
    // Tells the providers of a receiver that know such a thing (PagerDuty) that somebody works on the group.
    // Waits. Empty: none of them does. `actor` and `origin` (an address) stand in the audit, which is written before.
    // Errors: kNotFound, those of the store.
    Result<std::vector<TestOutcome>> acknowledge(const std::string& receiver,
                                                 const std::string& group_key,
                                                 const std::string& actor,
                                                 const std::string& origin);
    Result<std::vector<HistoryLine>> history(const HistoryFilter& filter) const;

 private:
    class Impl;
    explicit NotifyPipeline(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::alerting
