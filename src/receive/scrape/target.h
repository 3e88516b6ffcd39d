// One target: its scrapes, its health, its part of intake.
//
// A scrape is begun by the schedule, and ends on a pool thread that hands the body to intake.
// retire() ends the target: at once, or right after the scrape that runs, which then leaves nothing
// behind.
// Threads: all members from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "intake/scrape_target.h"
#include "net/http_client.h"
#include "scrape/options.h"
#include "scrape/scrape_manager.h"
#include "scrape/target_labels.h"

namespace kw::scrape {

// How a target is asked: by one of the two; by neither, it is fetched.
struct Asking {
    Collector collect;
    std::shared_ptr<const RemoteCollector> remote;
};

// What the targets of one job share, and what a target keeps from its birth to its end.
struct TargetJob {
    JobOptions options;  // without discovery
    std::shared_ptr<const net::HttpClientOptions> client;
    std::shared_ptr<const std::vector<intake::RelabelRule>> metric_relabel;
    std::string accept;
    Asking asking;
};

struct TargetMetrics {
    explicit TargetMetrics(MetricRegistry& registry);
    Counter& body_size_limit_hits;
    Counter& skipped;
};

// What all targets share. They own it together, since a pool thread may let go of a target after
// the manager has gone.
class TargetContext final {
 public:
    TargetContext(Environment& environment, MetricStore& store, net::Fetcher& fetches,
                  bool takes_zstd, ExemplarStore* exemplars)
        : env(environment),
          fetcher(fetches),
          accepts_zstd(takes_zstd),
          intake(environment, store, exemplars),
          metrics(environment.metrics) {}

    Environment& env;
    net::Fetcher& fetcher;
    const bool accepts_zstd;
    intake::ScrapeIntake intake;
    TargetMetrics metrics;
    std::atomic<bool> stopping{false};  // scrapes that run leave nothing behind

    void scrape_began() KW_EXCLUDES(mutex_);
    void scrape_ended() KW_EXCLUDES(mutex_);
    void wait_until_idle() KW_EXCLUDES(mutex_);

 private:
    Mutex mutex_;
    CondVar idle_;
    size_t running_ KW_GUARDED_BY(mutex_) = 0;
};

class Target final : public std::enable_shared_from_this<Target> {
 public:
    Target(std::shared_ptr<TargetContext> context, std::shared_ptr<const TargetJob> job,
           TargetPlan plan);

    const TargetPlan& plan() const { return plan_; }
    const TargetJob& job() const { return *job_; }
    // The first time after `now` that is the target's turn: the same in every interval, whatever is
    // restarted or reloaded.
    Millis next_after(Millis now) const;

    // Begins a scrape that was due at `due`. False when the one before still runs: this turn is
    // left out.
    bool begin(Millis due, Millis now) KW_EXCLUDES(mutex_);
    // No scrape will begin any more; `with_markers`: its series end here. Cancels the scrape that
    // runs.
    void retire(bool with_markers) KW_EXCLUDES(mutex_);
    // Stops the fetch that runs, if any.
    void cancel() KW_EXCLUDES(mutex_);

    // All scrapes fail with it from now on, until it is empty again.
    void set_forced_error(std::string error) KW_EXCLUDES(mutex_);
    void set_discovered(LabelSet discovered) KW_EXCLUDES(mutex_);

    TargetStatus status() const KW_EXCLUDES(mutex_);
    std::vector<std::pair<std::string, Metadata>> metadata(std::string_view family) const {
        return intake_.metadata(family);
    }

 private:
    void fetch(const intake::ScrapeTiming& timing);
    void collect(const intake::ScrapeTiming& timing);
    void collect_remotely(const intake::ScrapeTiming& timing);
    intake::ScrapeReport take_answer(Result<net::FetchResponse> answer,
                                     const intake::ScrapeTiming& timing);
    void finish(const intake::ScrapeTiming& timing,
                const std::function<intake::ScrapeReport()>& report) KW_EXCLUDES(mutex_);
    void end_series();
    uint64_t body_bytes_max() const;

    const std::shared_ptr<TargetContext> context_;
    const std::shared_ptr<const TargetJob> job_;
    const TargetPlan plan_;
    const int64_t offset_ms_;
    intake::ScrapeTarget intake_;  // by the scrape that runs; metadata from any thread
    HistogramMetric& interval_lengths_;
    std::atomic<net::Fetcher::FetchId> fetch_id_{0};

    mutable Mutex mutex_;
    bool is_busy_ KW_GUARDED_BY(mutex_) = false;
    bool is_retired_ KW_GUARDED_BY(mutex_) = false;
    bool leaves_markers_ KW_GUARDED_BY(mutex_) = false;
    int64_t last_begin_ns_ KW_GUARDED_BY(mutex_) = 0;
    std::string forced_error_ KW_GUARDED_BY(mutex_);
    LabelSet discovered_ KW_GUARDED_BY(mutex_);
    std::string last_error_ KW_GUARDED_BY(mutex_);
    Millis last_scrape_ KW_GUARDED_BY(mutex_);
    double last_duration_seconds_ KW_GUARDED_BY(mutex_) = 0;
    Health health_ KW_GUARDED_BY(mutex_) = Health::kUnknown;
};

}  // namespace kw::scrape
