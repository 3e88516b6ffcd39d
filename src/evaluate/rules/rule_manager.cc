#include "rules/rule_manager.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "model/sample.h"

namespace kw::rules {
namespace {

// The most that the schedule sleeps: the wall clock may be set.
constexpr int64_t kSleepMaxMs = 1'000;

// The same label values as Prometheus', escaped for the exposition format.
std::string group_label(const std::string& key) {
    return fmt::format("{{rule_group={}}}", quoted(key));
}

}  // namespace

class RuleManager::Impl {
 public:
    Impl(Environment& env, promql::Engine& engine, MetricStore& store, AlertSink* sink,
         const ManagerOptions& options)
        : env_(env), engine_(engine), store_(store), sink_(sink), options_(options) {
        if (options.own_threads) {
            pool_ =
                std::make_unique<ThreadPool>("kw-rules", std::max<size_t>(options.concurrency, 1));
        }
    }

    void apply(RuleSet set) KW_EXCLUDES(mutex_, apply_mutex_) {
        MutexLock one_at_a_time(apply_mutex_);
        set_ = std::move(set);
        was_given_ = true;
        replace_groups();
    }

    void set_api_groups(std::vector<Group> groups) KW_EXCLUDES(mutex_, apply_mutex_) {
        MutexLock one_at_a_time(apply_mutex_);
        api_groups_ = std::move(groups);
        if (was_given_) replace_groups();
    }

    GroupDefaults defaults() const KW_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return acting_defaults_;
    }

    void replace_groups() KW_REQUIRES(apply_mutex_) KW_EXCLUDES(mutex_) {
        std::vector<std::shared_ptr<Entry>> fresh = prepare();
        std::vector<std::shared_ptr<Entry>> replaced;
        {
            MutexLock lock(mutex_);
            for (const auto& [key, entry] : entries_) {
                if (std::find(fresh.begin(), fresh.end(), entry) == fresh.end()) {
                    entry->is_retired = true;
                    replaced.push_back(entry);
                }
            }
            for (const std::shared_ptr<Entry>& entry : replaced) {
                while (entry->is_running) idle_.wait(mutex_);
            }
        }
        // Nobody evaluates the replaced ones any more; nobody knows the fresh ones yet.
        hand_over(replaced, fresh);
        const Millis now = env_.clock.now();
        MutexLock lock(mutex_);
        std::map<std::string, std::shared_ptr<Entry>> entries;
        for (std::shared_ptr<Entry>& entry : fresh) {
            if (entry->next == Millis::max()) entry->next = entry->group->next_time(now + 1);
            entries.emplace(entry->group->key(), entry);
        }
        for (std::shared_ptr<Entry>& entry : replaced) {
            if (!entry->was_adopted)
                orphans_.push_back({entry->group, now + 2 * entry->group->interval_ms()});
        }
        entries_ = std::move(entries);
        acting_defaults_ = set_.defaults;
        was_applied_ = true;
        has_news_ = true;
        wake_.notify_all();
        if (options_.own_threads && !thread_.joinable()) {
            thread_ = std::jthread([this](const std::stop_token& stop) { keep_schedule(stop); });
        }
    }

    void stop() KW_EXCLUDES(mutex_) {
        cancel_.cancel();
        if (thread_.joinable()) {
            thread_.request_stop();
            {
                MutexLock lock(mutex_);
                has_news_ = true;
                wake_.notify_all();
            }
            thread_.join();
        }
        pool_.reset();  // runs what was begun, which is cancelled
    }

    Millis run_due() KW_EXCLUDES(mutex_, apply_mutex_) {
        const Millis now = env_.clock.now();
        std::vector<std::pair<std::shared_ptr<Entry>, Millis>> due;
        std::vector<Orphan> ended;
        Millis next = Millis::max();
        {
            MutexLock lock(mutex_);
            for (auto& [key, entry] : entries_) {
                if (entry->next <= now && !entry->is_running && !entry->is_retired) {
                    const int64_t interval_ms = entry->group->interval_ms();
                    const int64_t missed = (now - entry->next) / interval_ms;
                    if (missed > 0) entry->group->count_missed(static_cast<uint64_t>(missed));
                    const Millis at = entry->next + missed * interval_ms;
                    entry->next = at + interval_ms;
                    entry->is_running = true;
                    due.emplace_back(entry, at);
                }
                // One that runs past its next time is looked at again when it is done.
                if (!entry->is_running || entry->next > now) next = std::min(next, entry->next);
            }
            const auto over =
                std::partition(orphans_.begin(), orphans_.end(),
                               [&](const Orphan& orphan) { return orphan.due > now; });
            ended.assign(over, orphans_.end());
            orphans_.erase(over, orphans_.end());
            for (const Orphan& orphan : orphans_) next = std::min(next, orphan.due);
        }
        for (auto& [entry, at] : due) begin(entry, at);
        for (const Orphan& orphan : ended) end(orphan, now);
        return next;
    }

    std::vector<GroupView> groups() const KW_EXCLUDES(mutex_) {
        std::vector<GroupView> views;
        for (const std::shared_ptr<ActiveGroup>& group : current()) {
            GroupView view;
            view.name = group->group().name;
            view.file = group->group().file;
            view.interval_ms = group->interval_ms();
            view.query_offset_ms = group->query_offset_ms();
            view.limit = group->group().limit;
            view.evaluation_seconds =
                static_cast<double>(group->counts().last_duration_ns.load()) / 1e9;
            view.last_evaluation = Millis{group->counts().last_evaluation_ms.load()};
            for (const std::unique_ptr<ActiveRule>& rule : group->rules()) {
                view.rules.push_back({rule->rule(), rule->status()});
            }
            views.push_back(std::move(view));
        }
        return views;
    }

    void render_metrics(std::string& out) const KW_EXCLUDES(mutex_) {
        static constexpr double kRuleQuantiles[] = {0.5, 0.9, 0.99};
        static constexpr double kGroupQuantiles[] = {0.01, 0.05, 0.5, 0.9, 0.99};
        const int64_t now_ns = env_.clock.steady_ns();
        durations_.of_rules.render(out, "prometheus_rule_evaluation_duration_seconds",
                                   "The duration for a rule to execute.", kRuleQuantiles, now_ns);
        durations_.of_groups.render(out, "prometheus_rule_group_duration_seconds",
                                    "The duration of rule group evaluations.", kGroupQuantiles,
                                    now_ns);
        const std::vector<std::shared_ptr<ActiveGroup>> groups = current();
        const auto seconds = [](int64_t ns) { return static_cast<double>(ns) / 1e9; };
        struct Family {
            const char* name;
            const char* type;
            const char* help;
            double (*value)(const ActiveGroup&, double (*)(int64_t));
        };
        static constexpr Family kFamilies[] = {
            {"prometheus_rule_evaluations_total", "counter",
             "The total number of rule evaluations.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.counts().evaluations.load());
             }},
            {"prometheus_rule_evaluation_failures_total", "counter",
             "The total number of rule evaluation failures.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.counts().failures.load());
             }},
            {"prometheus_rule_group_iterations_total", "counter",
             "The total number of scheduled rule group evaluations, whether executed or missed.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.counts().iterations.load());
             }},
            {"prometheus_rule_group_iterations_missed_total", "counter",
             "The total number of rule group evaluations missed due to slow rule group evaluation.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.counts().missed.load());
             }},
            {"prometheus_rule_group_interval_seconds", "gauge", "The interval of a rule group.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.interval_ms()) / 1000;
             }},
            {"prometheus_rule_group_last_duration_seconds", "gauge",
             "The duration of the last rule group evaluation.",
             [](const ActiveGroup& g, auto s) { return s(g.counts().last_duration_ns.load()); }},
            {"prometheus_rule_group_last_rule_duration_sum_seconds", "gauge",
             "The sum of time in seconds it took to evaluate each rule in the group regardless of "
             "concurrency.",
             [](const ActiveGroup& g, auto s) {
                 return s(g.counts().last_rules_duration_ns.load());
             }},
            {"prometheus_rule_group_last_restore_duration_seconds", "gauge",
             "The duration of the last alert rules alerts restoration using the ALERTS_FOR_STATE "
             "series.",
             [](const ActiveGroup& g, auto s) { return s(g.counts().last_restore_ns.load()); }},
            {"prometheus_rule_group_last_evaluation_timestamp_seconds", "gauge",
             "The timestamp of the last rule group evaluation in seconds.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.counts().last_evaluation_ms.load()) / 1000;
             }},
            {"prometheus_rule_group_last_evaluation_samples", "gauge",
             "The number of samples returned during the last rule group evaluation.",
             [](const ActiveGroup& g, auto) {
                 return static_cast<double>(g.counts().last_samples.load());
             }},
            {"prometheus_rule_group_rules", "gauge", "The number of rules.",
             [](const ActiveGroup& g, auto) { return static_cast<double>(g.rules().size()); }},
        };
        for (const Family& family : kFamilies) {
            if (groups.empty()) break;
            out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, family.help,
                               family.name, family.type);
            for (const std::shared_ptr<ActiveGroup>& group : groups) {
                out += family.name;
                out += group_label(group->key());
                out += ' ';
                append_value(out, family.value(*group, seconds));
                out += '\n';
            }
        }
    }

 private:
    struct Entry {
        std::shared_ptr<ActiveGroup> group;
        Millis next = Millis::max();  // before it is scheduled
        bool is_running = false;
        bool is_retired = false;
        bool was_adopted = false;
    };
    // A group that is gone, and when its series end.
    struct Orphan {
        std::shared_ptr<ActiveGroup> group;
        Millis due;
    };

    // The entries of the new set: kept ones of groups that did not change, new ones for the others.
    std::vector<std::shared_ptr<Entry>> prepare() KW_REQUIRES(apply_mutex_) KW_EXCLUDES(mutex_) {
        const auto context = std::make_shared<const RuleContext>(
            RuleContext{engine_, store_, set_.external_labels, set_.external_url, &claims_});
        const bool has_same_context = context_ != nullptr && defaults_ == set_.defaults &&
                                      context_->external_labels == set_.external_labels &&
                                      context_->external_url == set_.external_url;
        defaults_ = set_.defaults;
        context_ = context;
        GroupOptions options;
        options.defaults = set_.defaults;
        options.durations = &durations_;
        options.resend_delay_ms = options_.resend_delay_ms;
        options.restore = {options_.outage_tolerance_ms, options_.grace_period_ms};
        std::map<std::string, std::shared_ptr<Entry>> old_entries;
        bool is_restored = false;
        {
            MutexLock lock(mutex_);
            old_entries = entries_;
            is_restored = was_applied_;
        }
        std::vector<std::shared_ptr<Entry>> fresh;
        std::vector<Group> groups = set_.groups;
        groups.insert(groups.end(), api_groups_.begin(), api_groups_.end());
        for (Group& group : groups) {
            const auto old = old_entries.find(group.file + ";" + group.name);
            if (has_same_context && old != old_entries.end() &&
                old->second->group->group().same_as(group)) {
                fresh.push_back(old->second);
                continue;
            }
            auto entry = std::make_shared<Entry>();
            entry->group = std::make_shared<ActiveGroup>(env_, std::move(group), context, options,
                                                         is_restored);
            fresh.push_back(std::move(entry));
        }
        return fresh;
    }

    static void hand_over(const std::vector<std::shared_ptr<Entry>>& replaced,
                          const std::vector<std::shared_ptr<Entry>>& fresh) {
        std::map<std::string, Entry*> by_key;
        for (const std::shared_ptr<Entry>& entry : replaced)
            by_key[entry->group->key()] = entry.get();
        for (const std::shared_ptr<Entry>& entry : fresh) {
            const auto old = by_key.find(entry->group->key());
            if (old == by_key.end()) continue;
            entry->group->adopt(*old->second->group);
            old->second->was_adopted = true;
        }
    }

    void begin(const std::shared_ptr<Entry>& entry, Millis at) KW_EXCLUDES(mutex_) {
        const auto evaluate = [this, entry, at] {
            entry->group->evaluate(at, pool_.get(), sink_, cancel_);
            MutexLock lock(mutex_);
            entry->is_running = false;
            has_news_ = true;
            idle_.notify_all();
            wake_.notify_all();
        };
        if (!pool_) return evaluate();
        const Result<void> begun = pool_->submit(evaluate);
        if (begun.ok()) return;
        // More groups wait than the pool's queue holds: this evaluation is missed.
        entry->group->count_missed(1);
        env_.log.warn("a rule group was not evaluated",
                      {{"group", entry->group->group().name}, {"err", begun.error().message}});
        MutexLock lock(mutex_);
        entry->is_running = false;
        idle_.notify_all();
    }

    // What others write is looked up while none of them runs (the schedule's thread, which is here, begins them
    // all) and none is replaced.
    void end(const Orphan& orphan, Millis now) KW_EXCLUDES(mutex_, apply_mutex_) {
        MutexLock no_reload(apply_mutex_);
        std::vector<std::shared_ptr<ActiveGroup>> others;
        {
            MutexLock lock(mutex_);
            for (const auto& [key, entry] : entries_) {
                while (entry->is_running) idle_.wait(mutex_);
                others.push_back(entry->group);
            }
        }
        orphan.group->end(now, [&](const LabelSet& labels) {
            return std::any_of(others.begin(), others.end(),
                               [&](const auto& group) { return group->writes(labels); });
        });
    }

    std::vector<std::shared_ptr<ActiveGroup>> current() const KW_EXCLUDES(mutex_) {
        std::vector<std::shared_ptr<ActiveGroup>> groups;
        MutexLock lock(mutex_);
        groups.reserve(entries_.size());
        for (const auto& [key, entry] : entries_) groups.push_back(entry->group);
        return groups;
    }

    void keep_schedule(const std::stop_token& stop) KW_EXCLUDES(mutex_, apply_mutex_) {
        while (!stop.stop_requested()) {
            const Millis next = run_due();
            const Millis now = env_.clock.now();
            const int64_t sleep_ms = next <= now             ? 0
                                     : next == Millis::max() ? kSleepMaxMs
                                                             : std::min(next - now, kSleepMaxMs);
            MutexLock lock(mutex_);
            // What happened since run_due() looked is not slept through.
            if (sleep_ms > 0 && !has_news_ && !stop.stop_requested()) {
                wake_.wait_for(mutex_, std::chrono::milliseconds(sleep_ms));
            }
            has_news_ = false;
        }
    }

    Environment& env_;
    promql::Engine& engine_;
    MetricStore& store_;
    AlertSink* const sink_;
    const ManagerOptions options_;
    CancelToken cancel_;
    AlertClaims claims_;               // before the groups, which release theirs
    mutable RuleDurations durations_;  // reading them lets them age
    std::unique_ptr<ThreadPool> pool_;

    Mutex apply_mutex_;                                          // held while groups are replaced
    RuleSet set_ KW_GUARDED_BY(apply_mutex_);                    // of files
    std::vector<Group> api_groups_ KW_GUARDED_BY(apply_mutex_);  // beside them
    bool was_given_ KW_GUARDED_BY(apply_mutex_) = false;
    // Of the groups that act.
    GroupDefaults defaults_ KW_GUARDED_BY(apply_mutex_);
    std::shared_ptr<const RuleContext> context_ KW_GUARDED_BY(apply_mutex_);

    mutable Mutex mutex_;
    CondVar wake_;  // the schedule has something new to look at
    CondVar idle_;  // an evaluation ended
    std::map<std::string, std::shared_ptr<Entry>> entries_ KW_GUARDED_BY(mutex_);  // by file;name
    std::vector<Orphan> orphans_ KW_GUARDED_BY(mutex_);
    GroupDefaults acting_defaults_ KW_GUARDED_BY(mutex_);
    bool was_applied_ KW_GUARDED_BY(mutex_) = false;
    bool has_news_ KW_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

RuleManager::RuleManager(Environment& env, promql::Engine& engine, MetricStore& store,
                         AlertSink* sink, const ManagerOptions& options)
    : impl_(std::make_unique<Impl>(env, engine, store, sink, options)) {}
RuleManager::~RuleManager() { stop(); }
void RuleManager::apply(RuleSet set) { impl_->apply(std::move(set)); }
void RuleManager::set_api_groups(std::vector<Group> groups) {
    impl_->set_api_groups(std::move(groups));
}
GroupDefaults RuleManager::defaults() const { return impl_->defaults(); }
void RuleManager::stop() { impl_->stop(); }
Millis RuleManager::run_due() { return impl_->run_due(); }
std::vector<GroupView> RuleManager::groups() const { return impl_->groups(); }
void RuleManager::render_metrics(std::string& out) const { impl_->render_metrics(out); }

}  // namespace kw::rules
