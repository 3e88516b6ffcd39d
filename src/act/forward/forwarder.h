// Sends alerts to other Alertmanagers, as Prometheus does: finds them, relabels what each set of them is sent, and
// queues it for each by itself.
//
//   send(reports) ─▶ for each entry: alert_relabel ─▶ JSON ─▶ for each Alertmanager: Peer (queue, POST /api/v2/alerts)
//   discovery ──groups──▶ endpoints ──▶ peers made and ended
//
// An Alertmanager that hangs or fails delays no other and no rule. A reload keeps the queues of those that stay.
// Own metrics: prometheus_notifications_alertmanagers_discovered, and those of peer.h.
// Threads: all members from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alerting/alertmanager.h"
#include "base/environment.h"
#include "base/mutex.h"
#include "forward/endpoints.h"
#include "forward/options.h"
#include "forward/peer.h"
#include "scrape/discovery/discovery.h"

namespace kw::forward {

// The report as the API of Alertmanagers takes it.
std::string alert_json(const alerting::Report& report, const LabelSet& labels);

class Forwarder final {
 public:
    struct Options {
        size_t queue_capacity = 10'000;     // alerts, for each Alertmanager
        bool drains_at_stop = true;         // what waits is sent before
        int64_t drain_timeout_ms = 10'000;  // for all together
        bool own_thread = true;             // false: discovery happens in run_due(), for tests
    };

    Forwarder(Environment& env, net::Fetcher& fetcher, const Options& options);
    ~Forwarder();  // stop()
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    // Replaces the entries.
    void apply(std::vector<AlertmanagerOptions> entries) KW_EXCLUDES(mutex_);
    // Queues and returns. The external labels are in the reports already.
    void send(std::span<const alerting::Report> reports) KW_EXCLUDES(mutex_);
    // Ends discovery, drains when it should, and cancels the rest. Nothing is sent afterwards.
    void stop() KW_EXCLUDES(mutex_);
    void run_due() { discovery_.run_due(); }

    // Of all entries; `errors` were in the log.
    Endpoints alertmanagers() const KW_EXCLUDES(mutex_);

 private:
    struct Entry {
        std::shared_ptr<const AlertmanagerOptions> options;
        std::shared_ptr<const net::HttpClientOptions> client;
        std::vector<scrape::TargetGroup> discovered;
        Endpoints endpoints;
        std::map<std::string, std::shared_ptr<Peer>> peers;  // by URL
        Gauge* discovered_gauge = nullptr;
    };
    using Peers = std::vector<std::shared_ptr<Peer>>;

    void take_groups(const std::string& name, std::vector<scrape::TargetGroup> groups)
        KW_EXCLUDES(mutex_);
    // Makes the peers what the groups say; those that are gone are added to `gone`.
    void sync(Entry& entry, Peers& gone) KW_REQUIRES(mutex_);
    void count() KW_REQUIRES(mutex_);
    static void stop_all(const Peers& peers);

    Environment& env_;
    net::Fetcher& fetcher_;
    const Options options_;
    Gauge& discovered_gauge_;

    mutable Mutex mutex_;
    bool is_stopped_ KW_GUARDED_BY(mutex_) = false;
    std::map<std::string, Entry> entries_ KW_GUARDED_BY(mutex_);  // "config-0", …
    scrape::Discovery discovery_;                                 // last: it calls take_groups()
};

}  // namespace kw::forward
