// The scrapes of all jobs: discovery finds targets, the schedule calls each at its own offset in
// its interval, intake takes what they answer.
//
//   discovery ──groups──▶ targets (relabelled) ──schedule──▶ fetch or collect ──body──▶ intake::…
//
// One thread keeps the schedule and never waits for a target: fetches run on the HTTP client's
// thread, parsing and appending on the pool, one scrape of a target at a time. A reload keeps the
// targets that did not change, with their schedule, caches and health; those that are gone get
// staleness markers. At stop() nobody does: a restart of the server is no end of its targets'
// series.
// Threads: all members from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"
#include "model/sample.h"
#include "scrape/options.h"

namespace kw {
class ExemplarStore;
class MetricStore;
namespace net {
class Fetcher;
}
}  // namespace kw

namespace kw::scrape {

// A target without a socket: writes its exposition (text format 0.0.4) to the end of its argument.
// Runs on the pool, once at a time.
using Collector = std::function<void(std::string&)>;

// A target that talks to another server without this module: starts a scrape and returns at once.
struct RemoteCollector {
    // What is to be stored (text format 0.0.4), and whether the scrape counts as good; both may be
    // there. Called once, from any thread.
    using Done = std::function<void(std::string body, Result<void> outcome)>;
    // The answer comes soon after `timeout` at the latest.
    std::function<void(std::chrono::milliseconds timeout, Done done)> begin;
    // Makes what runs end soon; `done` is still called.
    std::function<void()> cancel;
};

struct CollectorJob {
    // job_name, interval, limits, relabelling and so on; discovery and client are not used.
    JobOptions options;
    // The address shown, "localhost" say, which is also the instance label unless `labels` has one.
    std::string address;
    LabelSet labels;
    // One of the two. A remote one that is another object than before is another target to a reload.
    Collector collect{};
    std::shared_ptr<const RemoteCollector> remote{};
};

enum class Health : unsigned char { kUnknown, kUp, kDown };
std::string_view health_text(Health health);  // "unknown", "up", "down"

struct TargetStatus {
    LabelSet discovered_labels;
    LabelSet labels;
    std::string scrape_pool;
    std::string scrape_url;
    std::string last_error;
    Millis last_scrape;  // Millis{0}: never
    double last_scrape_duration_seconds = 0;
    Health health = Health::kUnknown;
    int64_t interval_ms = 0;
    int64_t timeout_ms = 0;
};

struct DroppedTarget {
    LabelSet discovered_labels;
    std::string scrape_pool;
};

struct PoolStatus {
    std::string name;
    uint64_t active_count = 0;
    uint64_t dropped_count = 0;  // all, also those that keep_dropped_targets leaves out of the list
};

struct TargetMetadata {
    LabelSet target;
    std::string metric;
    Metadata metadata;
};

class ScrapeManager final {
 public:
    // Everything given outlives it. Nothing runs before apply(). Without `own_threads` nothing
    // happens but in run_due(): for tests, which own the clock. `accepts_zstd`: targets may answer
    // in zstd, where a job has compression at all. `exemplars` null: they are not stored.
    ScrapeManager(Environment& env, MetricStore& store, net::Fetcher& fetcher,
                  bool own_threads = true, bool accepts_zstd = false,
                  ExemplarStore* exemplars = nullptr);
    // stop().
    ~ScrapeManager();
    ScrapeManager(const ScrapeManager&) = delete;
    ScrapeManager& operator=(const ScrapeManager&) = delete;

    // Replaces the jobs. Precondition: job names are unique over both lists.
    void apply(std::vector<JobOptions> jobs, std::vector<CollectorJob> collectors);
    // Ends the schedule and waits for the scrapes that run.
    void stop();

    // Takes what discovery found and begins the scrapes that are due. Returns when the next one is;
    // Millis::max() when there is none.
    Millis run_due();

    // An empty `pool` is all. Sorted by pool, then by labels.
    std::vector<TargetStatus> active_targets(std::string_view pool) const;
    std::vector<DroppedTarget> dropped_targets(std::string_view pool) const;
    // Sorted by name.
    std::vector<PoolStatus> pools() const;
    // The relabelling of the targets of `pool`; nothing when there is no such pool.
    std::optional<std::vector<intake::RelabelRule>> relabel_rules(std::string_view pool) const;
    // What the active targets that match `target_matches` said of their metrics; an empty `metric`
    // is all. `limit` is Prometheus': once there are as many entries no further target is asked, and
    // a target's are never cut; 0: no limit.
    std::vector<TargetMetadata> metadata(const std::function<bool(const LabelSet&)>& target_matches,
                                         std::string_view metric, uint64_t limit) const;

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::scrape
