#include "scrape/scrape_manager.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "scrape/discovery/discovery.h"
#include "scrape/pool.h"

namespace kw::scrape {
namespace {

// The schedule follows the wall clock, which may be set: it is looked at this often at least.
constexpr int64_t kSleepMsMax = 1000;
constexpr int64_t kClockJumpMs = 2000;

constexpr std::string_view kCollectorScheme = "kilowatch";

bool is_discovered(const JobOptions& job) {
    return !job.file_sds.empty() || !job.http_sds.empty() || !job.dns_sds.empty();
}

std::vector<TargetGroup> static_groups_of(const JobOptions& options) {
    std::vector<TargetGroup> groups;
    for (const StaticSdOptions& sd : options.static_sds) {
        groups.insert(groups.end(), sd.groups.begin(), sd.groups.end());
    }
    return groups;
}

// A turn of a target. The earliest comes first.
struct Turn {
    Millis due;
    std::shared_ptr<Target> target;
    bool operator<(const Turn& other) const { return other.due < due; }
};

}  // namespace

std::string_view health_text(Health health) {
    switch (health) {
        case Health::kUp: return "up";
        case Health::kDown: return "down";
        case Health::kUnknown: break;
    }
    return "unknown";
}

class ScrapeManager::Impl final {
 public:
    Impl(Environment& env, MetricStore& store, net::Fetcher& fetcher, bool own_threads,
         bool accepts_zstd, ExemplarStore* exemplars)
        : env_(env),
          own_threads_(own_threads),
          context_(std::make_shared<TargetContext>(env, store, fetcher, accepts_zstd, exemplars)),
          pool_gauge_(env.metrics.gauge("prometheus_target_scrape_pools",
                                        "Current number of scrape pools.")),
          reloads_(env.metrics.counter("prometheus_target_scrape_pool_reloads_total",
                                       "Total number of scrape pool reloads.")),
          discovery_(
              env, fetcher,
              [this](const std::string& job, std::vector<TargetGroup> groups) {
                  take_groups(job, std::move(groups));
              },
              own_threads) {}

    ~Impl() { stop(); }

    void apply(std::vector<JobOptions> jobs, std::vector<CollectorJob> collectors)
        KW_EXCLUDES(mutex_) {
        std::vector<DiscoveryOptions> discovered;
        for (const JobOptions& job : jobs) {
            if (!is_discovered(job)) continue;
            discovered.push_back({job.job_name, job.file_sds, job.http_sds, job.dns_sds});
        }
        Pool::Changes changes;
        {
            MutexLock lock(mutex_);
            if (stopped_) return;
            std::set<std::string, std::less<>> wanted;
            for (JobOptions& job : jobs) {
                const bool is_new = wanted.insert(job.job_name).second;
                KW_CHECK(is_new);
                Pool& pool = pool_of(job.job_name);
                if (!is_discovered(job)) pool.set_discovered_groups({});
                std::vector<TargetGroup> groups = static_groups_of(job);
                pool.configure(std::move(job), {}, std::move(groups));
            }
            for (CollectorJob& collector : collectors) {
                const bool is_new = wanted.insert(collector.options.job_name).second;
                KW_CHECK(is_new);
                configure_collector(std::move(collector));
            }
            for (auto it = pools_.begin(); it != pools_.end();) {
                if (wanted.contains(it->first)) {
                    ++it;
                    continue;
                }
                it->second->clear(changes);
                it = pools_.erase(it);
            }
            for (const auto& [name, pool] : pools_) pool->sync(changes);
            pool_gauge_.set(static_cast<double>(pools_.size()));
            reloads_.add();
            schedule(changes, env_.clock.now());
        }
        discovery_.apply(std::move(discovered));
        carry_out(changes);
        start_thread();
        wake_.notify_all();
    }

    void stop() KW_EXCLUDES(mutex_) {
        discovery_.stop();
        {
            MutexLock lock(mutex_);
            stopped_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) thread_.join();
        context_->stopping = true;
        for (const std::shared_ptr<Target>& target : all_targets()) target->cancel();
        context_->wait_until_idle();
    }

    Millis run_due() KW_EXCLUDES(mutex_) {
        if (!own_threads_) discovery_.run_due();
        return begin_due();
    }

    std::vector<TargetStatus> active_targets(std::string_view pool) const KW_EXCLUDES(mutex_) {
        const std::vector<std::shared_ptr<Target>> targets = targets_of(pool);
        std::vector<TargetStatus> list;
        list.reserve(targets.size());
        for (const std::shared_ptr<Target>& target : targets) list.push_back(target->status());
        return list;
    }

    std::vector<DroppedTarget> dropped_targets(std::string_view pool) const KW_EXCLUDES(mutex_) {
        std::vector<DroppedTarget> list;
        MutexLock lock(mutex_);
        for (const auto& [name, entry] : pools_) {
            if (!pool.empty() && name != pool) continue;
            list.insert(list.end(), entry->dropped().begin(), entry->dropped().end());
        }
        return list;
    }

    std::vector<PoolStatus> pools() const KW_EXCLUDES(mutex_) {
        std::vector<PoolStatus> list;
        MutexLock lock(mutex_);
        for (const auto& [name, pool] : pools_) {
            list.push_back({name, pool->targets().size(), pool->dropped_count()});
        }
        return list;
    }

    std::optional<std::vector<intake::RelabelRule>> relabel_rules(std::string_view pool) const
        KW_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        const auto found = pools_.find(std::string(pool));
        if (found == pools_.end()) return std::nullopt;
        return found->second->options().relabel;
    }

    std::vector<std::shared_ptr<Target>> targets_of(std::string_view pool) const
        KW_EXCLUDES(mutex_) {
        std::vector<std::shared_ptr<Target>> list;
        MutexLock lock(mutex_);
        for (const auto& [name, entry] : pools_) {
            if (!pool.empty() && name != pool) continue;
            const size_t start = list.size();
            for (const auto& [identity, target] : entry->targets()) list.push_back(target);
            std::sort(
                list.begin() + static_cast<std::ptrdiff_t>(start), list.end(),
                [](const auto& a, const auto& b) { return a->plan().labels < b->plan().labels; });
        }
        return list;
    }
    std::vector<std::shared_ptr<Target>> all_targets() const { return targets_of(""); }

 private:
    Pool& pool_of(const std::string& name) KW_REQUIRES(mutex_) {
        std::unique_ptr<Pool>& pool = pools_[name];
        if (!pool) pool = std::make_unique<Pool>(context_, name);
        return *pool;
    }

    // A collector is a job with one target whose URL names it.
    void configure_collector(CollectorJob collector) KW_REQUIRES(mutex_) {
        TargetGroup group;
        group.targets.push_back(LabelSet{{"__address__", collector.address}});
        group.labels = collector.labels;
        JobOptions options = std::move(collector.options);
        options.scheme = kCollectorScheme;
        options.metrics_path = "/" + options.job_name;
        Pool& pool = pool_of(options.job_name);
        pool.configure(std::move(options),
                       {std::move(collector.collect), std::move(collector.remote)},
                       {std::move(group)});
    }

    void take_groups(const std::string& job, std::vector<TargetGroup> groups) KW_EXCLUDES(mutex_) {
        Pool::Changes changes;
        {
            MutexLock lock(mutex_);
            const auto it = pools_.find(job);
            if (it == pools_.end() || stopped_) return;
            it->second->set_discovered_groups(std::move(groups));
            it->second->sync(changes);
            schedule(changes, env_.clock.now());
        }
        carry_out(changes);
        wake_.notify_all();
    }

    void schedule(const Pool::Changes& changes, Millis now) KW_REQUIRES(mutex_) {
        for (const std::shared_ptr<Target>& target : changes.started) {
            turns_.push({target->next_after(now), target});
        }
        for (const auto& list : {changes.gone, changes.replaced}) {
            for (const std::shared_ptr<Target>& target : list) ended_.insert(target.get());
        }
    }

    // Markers are written by the pool: a reload may end thousands of targets.
    void carry_out(const Pool::Changes& changes) {
        for (const Pool::Changes::Failure& failure : changes.failures) {
            env_.log.error("a target cannot be made",
                           {{"scrape_pool", failure.pool},
                            {"discovered", failure.discovered.to_string()},
                            {"error", failure.error}});
        }
        for (const std::shared_ptr<Target>& target : changes.replaced) target->retire(false);
        for (const std::shared_ptr<Target>& target : changes.gone) {
            const auto run = [context = context_, target] {
                target->retire(true);
                context->scrape_ended();
            };
            context_->scrape_began();
            if (!own_threads_ || !env_.pool.submit(run).ok()) run();
        }
    }

    Millis begin_due() KW_EXCLUDES(mutex_) {
        const Millis now = env_.clock.now();
        std::vector<Turn> due;
        Millis next = Millis::max();
        bool was_set_back = false;
        {
            MutexLock lock(mutex_);
            was_set_back = now - last_look_ < -kClockJumpMs;
            if (was_set_back) reschedule(now);
            last_look_ = now;
            while (!turns_.empty() && turns_.top().due <= now) {
                Turn turn = turns_.top();
                turns_.pop();
                if (ended_.erase(turn.target.get()) > 0) continue;
                turns_.push({turn.target->next_after(now), turn.target});
                due.push_back(std::move(turn));
            }
            if (!turns_.empty()) next = turns_.top().due;
        }
        if (was_set_back) env_.log.warn("the clock was set back: scrapes are scheduled anew");
        for (const Turn& turn : due) turn.target->begin(turn.due, now);
        return next;
    }

    // The clock was set back: what was due at its former time would wait for it to come again.
    void reschedule(Millis now) KW_REQUIRES(mutex_) {
        turns_ = {};
        ended_.clear();
        for (const auto& [name, pool] : pools_) {
            for (const auto& [identity, target] : pool->targets()) {
                turns_.push({target->next_after(now), target});
            }
        }
    }

    void start_thread() {
        if (own_threads_ && !thread_.joinable()) thread_ = std::jthread([this] { run(); });
    }

    void run() KW_EXCLUDES(mutex_) {
        for (;;) {
            const Millis next = begin_due();
            const Millis now = env_.clock.now();
            MutexLock lock(mutex_);
            if (stopped_) return;
            const int64_t sleep_ms =
                std::min(next == Millis::max() ? kSleepMsMax : next - now, kSleepMsMax);
            const bool has_earlier = !turns_.empty() && turns_.top().due < next;
            if (sleep_ms > 0 && !has_earlier)
                wake_.wait_for(mutex_, std::chrono::milliseconds(sleep_ms));
        }
    }

    Environment& env_;
    const bool own_threads_;
    const std::shared_ptr<TargetContext> context_;
    Gauge& pool_gauge_;
    Counter& reloads_;
    mutable Mutex mutex_;
    CondVar wake_;
    std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_ KW_GUARDED_BY(mutex_);
    std::priority_queue<Turn> turns_ KW_GUARDED_BY(mutex_);
    // Targets whose last turn is still in turns_, which holds them, so that no other has their
    // address.
    std::set<const Target*> ended_ KW_GUARDED_BY(mutex_);
    Millis last_look_ KW_GUARDED_BY(mutex_) = Millis{0};
    bool stopped_ KW_GUARDED_BY(mutex_) = false;
    Discovery discovery_;
    std::jthread thread_;
};

ScrapeManager::ScrapeManager(Environment& env, MetricStore& store, net::Fetcher& fetcher,
                             bool own_threads, bool accepts_zstd, ExemplarStore* exemplars)
    : impl_(std::make_unique<Impl>(env, store, fetcher, own_threads, accepts_zstd, exemplars)) {}
ScrapeManager::~ScrapeManager() = default;

void ScrapeManager::apply(std::vector<JobOptions> jobs, std::vector<CollectorJob> collectors) {
    impl_->apply(std::move(jobs), std::move(collectors));
}
void ScrapeManager::stop() { impl_->stop(); }
Millis ScrapeManager::run_due() { return impl_->run_due(); }

std::vector<TargetStatus> ScrapeManager::active_targets(std::string_view pool) const {
    return impl_->active_targets(pool);
}
std::vector<DroppedTarget> ScrapeManager::dropped_targets(std::string_view pool) const {
    return impl_->dropped_targets(pool);
}
std::vector<PoolStatus> ScrapeManager::pools() const { return impl_->pools(); }

std::optional<std::vector<intake::RelabelRule>> ScrapeManager::relabel_rules(
    std::string_view pool) const {
    return impl_->relabel_rules(pool);
}

std::vector<TargetMetadata> ScrapeManager::metadata(
    const std::function<bool(const LabelSet&)>& target_matches, std::string_view metric,
    uint64_t limit) const {
    std::vector<TargetMetadata> list;
    for (const std::shared_ptr<Target>& target : impl_->all_targets()) {
        const LabelSet& labels = target->plan().labels;
        if (limit > 0 && list.size() >= limit) break;
        if (!target_matches(labels)) continue;
        for (auto& [family, metadata] : target->metadata(metric)) {
            list.push_back({labels, family, std::move(metadata)});
        }
    }
    return list;
}

}  // namespace kw::scrape
