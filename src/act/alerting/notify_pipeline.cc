// Configuration, start and stop, the dead-man's switch; contract in the header.
#include "alerting/notify_pipeline.h"

#include <algorithm>
#include <utility>

#include "alerting/notify_pipeline_impl.h"
#include "base/clock.h"
#include "base/log.h"

namespace kw::alerting {

NotifyPipeline::Impl::Impl(Environment& env, net::Fetcher& fetcher, state::Store& store,
                           const Options& options, LoadedLog loaded)
    : env_(env),
      context_{env, fetcher},
      fetcher_(fetcher),
      store_(store),
      options_(options),
      repeated_(env.metrics.counter("kilowatch_notifications_repeated_total",
                                    "Notifications sent again because a crash or a stop left "
                                    "open whether they had arrived.")),
      dropped_(env.metrics.counter("kilowatch_notifications_dropped_total",
                                   "Notifications dropped since too many waited.")),
      unrecorded_(
          env.metrics.counter("kilowatch_notifications_unrecorded_total",
                              "Intents and results of notifications that the state did not take.")),
      replays_(std::move(loaded.intents)) {
    for (auto& [key, entry] : loaded.entries) log_.emplace(std::move(key), std::move(entry));
    for (uint64_t i = 0; i < loaded.unreadable_intents; ++i)
        env.log.error("an interrupted notification cannot be read");
    thread_ = std::jthread([this] { run(); });
}

void NotifyPipeline::Impl::stop() {
    if (!thread_.joinable()) return;
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    thread_.join();
    cancel_fetches();
    std::set<JobPtr> left;
    {
        const MutexLock lock(mutex_);
        while (outstanding_ > 0) idle_.wait(mutex_);
        left.swap(jobs_);
    }
    for (const JobPtr& job : left) close_flight(*job, false);
}

bool NotifyPipeline::Impl::was_told_firing(const std::string& group_key,
                                           const std::string& receiver, uint64_t fingerprint) {
    const auto has = [&](const LogKey& key, const std::vector<uint64_t>& firing) {
        return key.group_key == group_key && key.receiver == receiver &&
               std::binary_search(firing.begin(), firing.end(), fingerprint);
    };
    const MutexLock lock(mutex_);
    for (auto at = log_.lower_bound({group_key, receiver, ""});
         at != log_.end() && at->first.group_key == group_key && at->first.receiver == receiver;
         ++at)
        if (has(at->first, at->second.firing)) return true;
    return std::any_of(jobs_.begin(), jobs_.end(),
                       [&](const JobPtr& job) { return has(job->key, job->firing); });
}

void NotifyPipeline::Impl::apply(const std::shared_ptr<const NotifySettings>& settings) {
    IntegrationTable table = make_integrations(context_, *settings);
    Result<std::shared_ptr<const NotifyTemplates>> templates =
        NotifyTemplates::load(env_.files, settings->template_globs);
    if (!templates.ok()) {
        env_.log.error("notification templates cannot be read; those before stay",
                       {{"error", templates.error().message}});
        if (current_templates() == nullptr) templates = NotifyTemplates::load(env_.files, {});
    }
    std::vector<std::pair<LogKey, Notification>> replays;
    {
        const MutexLock lock(mutex_);
        for (auto& [name, receiver] : table_)
            for (auto& integration : receiver.integrations)
                retired_.push_back(std::move(integration));
        table_ = std::move(table);
        settings_ = settings;
        if (templates.ok()) templates_ = *templates;
        replays.swap(replays_);
        ++heartbeat_generation_;
        if (!settings->heartbeat_receiver.empty() && settings->heartbeat_interval_ms > 0) {
            const uint64_t generation = heartbeat_generation_;
            ready_.emplace_back([this, generation] { beat(generation); });
            wake_.notify_all();
        }
    }
    for (auto& [key, notification] : replays) replay(key, std::move(notification));
}

std::shared_ptr<const NotifyTemplates> NotifyPipeline::Impl::current_templates() {
    const MutexLock lock(mutex_);
    return templates_;
}

void NotifyPipeline::Impl::beat(uint64_t generation) {
    const Millis now = env_.clock.now();
    Notification notification;
    {
        const MutexLock lock(mutex_);
        if (generation != heartbeat_generation_) return;
        const int64_t interval_ms = settings_->heartbeat_interval_ms;
        notification =
            synthetic(settings_->heartbeat_receiver, "{}:{alertname=\"DeadMansSwitch\"}",
                      "DeadMansSwitch", "Alerting works. Act when this stops coming.", now);
        notification.timeout_ms = interval_ms;
        timers_.emplace(env_.clock.steady_ns() + interval_ms * 1'000'000,
                        [this, generation] { beat(generation); });
    }
    // Older than the repeat interval: every beat is sent.
    notification.repeat_interval_ms = -1;
    start_flight(std::move(notification), [](bool) {}, false);
}

NotifyPipeline::NotifyPipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NotifyPipeline::~NotifyPipeline() = default;

Result<std::unique_ptr<NotifyPipeline>> NotifyPipeline::open(Environment& env,
                                                             net::Fetcher& fetcher,
                                                             state::Store& store,
                                                             const Options& options) {
    KW_TRY_ASSIGN(LoadedLog loaded, load_log(store, env.clock.now()));
    return std::unique_ptr<NotifyPipeline>(new NotifyPipeline(
        std::make_unique<Impl>(env, fetcher, store, options, std::move(loaded))));
}

void NotifyPipeline::stop() { impl_->stop(); }

void NotifyPipeline::notify(Notification notification, Done done) {
    impl_->notify(std::move(notification), std::move(done));
}

bool NotifyPipeline::was_told_firing(const std::string& group_key, const std::string& receiver,
                                     uint64_t fingerprint) const {
    return impl_->was_told_firing(group_key, receiver, fingerprint);
}

void NotifyPipeline::apply(std::shared_ptr<const NotifySettings> settings) {
    impl_->apply(settings);
}

Result<std::vector<TestOutcome>> NotifyPipeline::test_receiver(const std::string& receiver,
                                                               const std::string& actor,
                                                               const std::string& origin) {
    KW_TRY(impl_->audit("test", receiver, receiver, actor, origin));
    return impl_->test_receiver(receiver);
}

Result<std::vector<TestOutcome>> NotifyPipeline::acknowledge(const std::string& receiver,
                                                             const std::string& group_key,
                                                             const std::string& actor,
                                                             const std::string& origin) {
    KW_TRY(impl_->audit("acknowledge", receiver, group_key, actor, origin));
    return impl_->acknowledge(receiver, group_key);
}

Result<std::vector<HistoryLine>> NotifyPipeline::history(const HistoryFilter& filter) const {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, impl_->store().snapshot());
    return read_history(*snapshot, filter);
}

}  // namespace kw::alerting
