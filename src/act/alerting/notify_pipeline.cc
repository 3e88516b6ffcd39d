// Jobs, lanes, timers; contract in the header.
#include "alerting/notify_pipeline.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "alerting/integration.h"
#include "alerting/json_text.h"
#include "alerting/message.h"
#include "alerting/notify_templates.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "state/audit.h"

namespace kw::alerting {
namespace {

// Timers look at the clock at least this often, since a test's clock moves without telling.
constexpr std::chrono::milliseconds kClockLook{50};
constexpr int64_t kEntryLifeMsMin = 120LL * 3'600'000;  // as Alertmanager's --data.retention
constexpr int64_t kAttemptMsMin = 100;

// A group's flush: done when all of its jobs are.
struct Flight {
    std::shared_ptr<const Notification> notification;
    NotificationSink::Done done;
    size_t open_count = 0;
    bool all_delivered = true;
};

struct Job {
    LogKey key;
    std::shared_ptr<Flight> flight;
    std::shared_ptr<const Receiver> receiver;
    std::shared_ptr<Integration> integration;
    std::shared_ptr<const NotifyTemplates> templates;
    std::string external_url;
    std::vector<uint64_t> firing;    // fingerprints, ascending
    std::vector<uint64_t> resolved;  // likewise
    bool is_replay = false;          // of an intent that a crash or stop left
    bool is_fallback = false;
    bool has_lane = false;
    uint32_t tries = 0;
    int64_t began_ns = 0;
    int64_t deadline_ns = 0;
    int64_t backoff_ms = 0;
    net::Fetcher::FetchId fetch = 0;
};
using JobPtr = std::shared_ptr<Job>;

struct Lane {
    size_t active = 0;
    std::deque<JobPtr> waiting;
};

std::vector<AlertPtr> alerts_to_send(const Notification& notification, bool send_resolved) {
    std::vector<AlertPtr> alerts;
    for (const AlertPtr& alert : notification.alerts)
        if (send_resolved || !alert->is_resolved_at(notification.now)) alerts.push_back(alert);
    return alerts;
}

// The same jitter for the same group and try, 0.5 to 1.5: enough to keep groups apart.
double jitter(const LogKey& key, uint32_t tries) {
    const size_t hash = std::hash<std::string>{}(key.group_key + key.receiver) + tries * 7919ULL;
    return 0.5 + static_cast<double>(hash % 1000) / 1000;
}

Notification synthetic(std::string receiver, std::string group_key, const char* alertname,
                       std::string summary, Millis now) {
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

}  // namespace

class NotifyPipeline::Impl final {
 public:
    Impl(Environment& env, net::Fetcher& fetcher, state::Store& store, const Options& options,
         LoadedLog loaded)
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
          unrecorded_(env.metrics.counter(
              "kilowatch_notifications_unrecorded_total",
              "Intents and results of notifications that the state did not take.")),
          replays_(std::move(loaded.intents)) {
        for (auto& [key, entry] : loaded.entries) log_.emplace(std::move(key), std::move(entry));
        for (uint64_t i = 0; i < loaded.unreadable_intents; ++i)
            env.log.error("an interrupted notification cannot be read");
        thread_ = std::jthread([this] { run(); });
    }

    ~Impl() { stop(); }

    void stop() KW_EXCLUDES(mutex_) {
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

    void notify(Notification notification, Done done) {
        start_flight(std::move(notification), std::move(done), false);
    }

    // In the log, or in a message under way: what a crash interrupted among them, from the first apply() on.
    bool was_told_firing(const std::string& group_key, const std::string& receiver,
                         uint64_t fingerprint) KW_EXCLUDES(mutex_) {
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

    void apply(const std::shared_ptr<const NotifySettings>& settings) {
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

    Result<std::vector<TestOutcome>> test_receiver(const std::string& name) {
        const Millis now = env_.clock.now();
        auto firing = std::make_shared<Notification>(
            synthetic(name, fmt::format("{{}}:{{alertname=\"TestAlert\"}}/{}", now.count),
                      "TestAlert", "A test of this receiver.", now));
        auto resolved = std::make_shared<Notification>(*firing);
        Alert ended = *firing->alerts[0];
        ended.ends_at = now;
        resolved->alerts = {std::make_shared<const Alert>(std::move(ended))};
        return ask_all(
            name, [&](Integration& integration, const Asked& asked) -> std::optional<TestOutcome> {
                TestOutcome outcome = send_once(integration, asked, firing);
                if (outcome.delivered && integration.send_resolved)
                    outcome = send_once(integration, asked, resolved);
                return outcome;
            });
    }

    Result<std::vector<TestOutcome>> acknowledge(const std::string& name,
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

    // Writes down who asks the receiver for what. Errors: kNotFound, those of the store.
    Result<void> audit(const std::string& action, const std::string& receiver,
                       const std::string& object, const std::string& actor,
                       const std::string& origin) KW_EXCLUDES(mutex_) {
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

    state::Store& store() const { return store_; }

 private:
    // What a message needs of the configuration.
    struct Asked {
        std::shared_ptr<const Receiver> receiver;
        std::shared_ptr<const NotifyTemplates> templates;
        std::string external_url;
    };

    std::shared_ptr<const NotifyTemplates> current_templates() KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        return templates_;
    }

    // ---- jobs

    void start_flight(Notification notification, Done done, bool is_fallback) KW_EXCLUDES(mutex_) {
        auto flight = std::make_shared<Flight>();
        flight->notification = std::make_shared<const Notification>(std::move(notification));
        flight->done = std::move(done);
        std::vector<JobPtr> refused;
        bool is_empty = false;
        {
            const MutexLock lock(mutex_);
            const auto found = table_.find(flight->notification->receiver);
            is_empty = found == table_.end() || found->second.integrations.empty();
            if (!is_empty) {
                flight->open_count = found->second.integrations.size();
                for (const auto& integration : found->second.integrations) {
                    JobPtr job = make_job(flight, found->second.receiver, integration);
                    job->is_fallback = is_fallback;
                    if (!enqueue(job)) refused.push_back(std::move(job));
                }
            }
        }
        if (is_empty) flight->done(true);  // a receiver without integrations needs nothing
        for (const JobPtr& job : refused) {
            dropped_.add();
            close_flight(*job, false);
        }
    }

    JobPtr make_job(const std::shared_ptr<Flight>& flight,
                    const std::shared_ptr<const Receiver>& receiver,
                    const std::shared_ptr<Integration>& integration) KW_REQUIRES(mutex_) {
        const Notification& notification = *flight->notification;
        auto job = std::make_shared<Job>();
        job->key = {notification.group_key, notification.receiver, integration->name};
        job->flight = flight;
        job->receiver = receiver;
        job->integration = integration;
        job->templates = templates_;
        job->external_url = settings_->external_url;
        job->backoff_ms = options_.backoff_first_ms;
        for (const AlertPtr& alert : notification.alerts)
            (alert->is_resolved_at(notification.now) ? job->resolved : job->firing)
                .push_back(fingerprint(alert->labels));
        std::sort(job->firing.begin(), job->firing.end());
        std::sort(job->resolved.begin(), job->resolved.end());
        return job;
    }

    // False: its lane is full.
    bool enqueue(const JobPtr& job) KW_REQUIRES(mutex_) {
        Lane& lane = lanes_[{job->key.receiver, job->key.integration}];
        if (stopping_ || lane.waiting.size() >= options_.waiting_max) return false;
        jobs_.insert(job);
        lane.waiting.push_back(job);
        fill(lane);
        return true;
    }

    // Starts what waits and may: as many as the lane holds, one of a group.
    void fill(Lane& lane) KW_REQUIRES(mutex_) {
        for (auto at = lane.waiting.begin();
             at != lane.waiting.end() && lane.active < options_.active_max;) {
            const JobPtr job = *at;
            if (!busy_.insert(job->key).second) {
                ++at;
                continue;
            }
            at = lane.waiting.erase(at);
            ++lane.active;
            job->has_lane = true;
            ready_.emplace_back([this, job] { start(job); });
            wake_.notify_all();
        }
    }

    void start(const JobPtr& job) KW_EXCLUDES(mutex_) {
        const Notification& notification = *job->flight->notification;
        const int64_t now_ns = env_.clock.steady_ns();
        job->began_ns = now_ns;
        job->deadline_ns = now_ns + std::max<int64_t>(notification.timeout_ms, 10'000) * 1'000'000;
        {
            const MutexLock lock(mutex_);
            const auto found = log_.find(job->key);
            const LogEntry* const entry = found == log_.end() ? nullptr : &found->second;
            if (!job->is_replay &&
                !needs_notification(entry, job->firing, job->resolved,
                                    job->integration->send_resolved, notification.now,
                                    notification.repeat_interval_ms)) {
                ready_.emplace_back([this, job] { finish(job, true); });
                return;
            }
        }
        if (alerts_to_send(notification, job->integration->send_resolved).empty()) {
            record(job, "", {}, "");  // nothing to tell, but to be known the next time
            return;
        }
        count(job, "alertmanager_notifications_total", "Notifications that were begun.");
        begin_outstanding();
        store_.write_later(
            [job](state::Connection& transaction) {
                return record_intent(transaction, job->key, *job->flight->notification);
            },
            [this, job](const Result<void>& outcome) {
                if (!outcome.ok()) note_unrecorded(outcome.error());
                push_ready([this, job] { attempt(job); });
                end_outstanding();
            });
    }

    void attempt(const JobPtr& job) KW_EXCLUDES(mutex_) {
        const Notification& notification = *job->flight->notification;
        std::string state;
        {
            const MutexLock lock(mutex_);
            const auto found = log_.find(job->key);
            if (found != log_.end()) state = found->second.state;
        }
        if (job->is_replay && job->tries == 0) repeated_.add();
        ++job->tries;
        count(job, "alertmanager_notification_requests_total", "Attempts to send a notification.");
        const Message message(job->flight->notification, job->receiver, job->templates,
                              alerts_to_send(notification, job->integration->send_resolved),
                              job->external_url, state);
        const int64_t left_ms =
            std::max((job->deadline_ns - env_.clock.steady_ns()) / 1'000'000, kAttemptMsMin);
        begin_outstanding();
        const net::Fetcher::FetchId id =
            job->integration->notifier->send(message, left_ms, [this, job](SendOutcome outcome) {
                push_ready([this, job, outcome = std::move(outcome)] { took(job, outcome); });
                end_outstanding();
            });
        const MutexLock lock(mutex_);
        job->fetch = id;
    }

    void took(const JobPtr& job, const SendOutcome& outcome) KW_EXCLUDES(mutex_) {
        if (outcome.verdict == SendOutcome::Verdict::kDelivered)
            return record(job, "delivered", outcome, outcome.state);
        count(job, "alertmanager_notification_requests_failed_total",
              "Attempts to send a notification that failed.");
        if (outcome.verdict == SendOutcome::Verdict::kRefused)
            return record(job, "refused", outcome, "");
        const auto backoff_ms = static_cast<int64_t>(static_cast<double>(job->backoff_ms) *
                                                     jitter(job->key, job->tries));
        job->backoff_ms = std::min(job->backoff_ms * 3 / 2, options_.backoff_last_ms);
        const int64_t due_ns =
            env_.clock.steady_ns() + std::max(backoff_ms, outcome.retry_after_ms) * 1'000'000;
        if (due_ns >= job->deadline_ns) return record(job, "failed", outcome, "");
        const MutexLock lock(mutex_);
        timers_.emplace(due_ns, [this, job] { attempt(job); });
    }

    // Writes down how it ended. `result` empty: nothing was sent.
    void record(const JobPtr& job, std::string_view result, const SendOutcome& outcome,
                const std::string& state) KW_EXCLUDES(mutex_) {
        const Notification& notification = *job->flight->notification;
        const bool is_known = result.empty() || result == "delivered";
        auto entry = std::make_shared<LogEntry>();
        entry->at = notification.now;
        entry->firing = job->firing;
        entry->resolved = job->resolved;
        entry->state =
            job->firing.empty() ? "" : state;  // a group that fires anew begins a new message
        entry->expires_at =
            notification.now + std::max(2 * notification.repeat_interval_ms, kEntryLifeMsMin);
        auto line = std::make_shared<HistoryLine>();
        line->at = env_.clock.now();
        line->firing_count = static_cast<uint32_t>(job->firing.size());
        line->resolved_count = static_cast<uint32_t>(job->resolved.size());
        for (const AlertPtr& alert : notification.alerts)
            line->fingerprints.push_back(fingerprint_text(alert->labels));
        line->outcome = result.empty() ? "nothing to send" : result;
        line->answer = outcome.answer;
        line->tries = job->tries;
        line->is_repeat = job->is_replay;
        if (!is_known) failed(job, *line);
        if (job->tries > 0)
            env_.metrics
                .histogram("alertmanager_notification_latency_seconds",
                           "From a notification's start to its result.", {1, 5, 10, 15, 20},
                           {{"integration", job->integration->type}})
                .observe(static_cast<double>(env_.clock.steady_ns() - job->began_ns) / 1e9);
        begin_outstanding();
        store_.write_later(
            [key = job->key, entry, line, is_known](state::Connection& transaction) {
                return record_result(transaction, key, is_known ? entry.get() : nullptr, *line);
            },
            [this, job, entry, is_known](const Result<void>& written) {
                if (!written.ok()) note_unrecorded(written.error());
                if (is_known) {
                    const MutexLock lock(mutex_);
                    log_.insert_or_assign(job->key, *entry);
                }
                push_ready([this, job, is_known] { finish(job, is_known); });
                end_outstanding();
            });
    }

    void failed(const JobPtr& job, const HistoryLine& line) KW_EXCLUDES(mutex_) {
        env_.metrics
            .counter("alertmanager_notifications_failed_total", "Notifications that failed.",
                     {{"integration", job->integration->type},
                      {"receiver_name", job->key.receiver},
                      {"reason", line.outcome == "refused" ? "clientError" : "other"}})
            .add();
        env_.log.error("a notification failed", {{"receiver", job->key.receiver},
                                                 {"integration", job->key.integration},
                                                 {"group", job->key.group_key},
                                                 {"tries", fmt::format("{}", line.tries)},
                                                 {"answer", line.answer}});
        std::string fallback;
        {
            const MutexLock lock(mutex_);
            fallback = settings_->fallback_receiver;
        }
        if (fallback.empty() || job->is_fallback || fallback == job->key.receiver) return;
        Notification copy = *job->flight->notification;
        copy.receiver = fallback;
        start_flight(std::move(copy), [](bool) {}, true);
    }

    void finish(const JobPtr& job, bool delivered) KW_EXCLUDES(mutex_) {
        {
            const MutexLock lock(mutex_);
            if (jobs_.erase(job) == 0) return;
            Lane& lane = lanes_[{job->key.receiver, job->key.integration}];
            busy_.erase(job->key);
            --lane.active;
            fill(lane);
        }
        close_flight(*job, delivered);
    }

    void close_flight(Job& job, bool delivered) KW_EXCLUDES(mutex_) {
        bool is_last = false;
        bool all_delivered = false;
        {
            const MutexLock lock(mutex_);
            Flight& flight = *job.flight;
            flight.all_delivered = flight.all_delivered && delivered;
            all_delivered = flight.all_delivered;
            is_last = --flight.open_count == 0;
        }
        if (is_last) job.flight->done(all_delivered);
    }

    void replay(const LogKey& key, Notification notification) KW_EXCLUDES(mutex_) {
        auto flight = std::make_shared<Flight>();
        flight->notification = std::make_shared<const Notification>(std::move(notification));
        flight->done = [](bool) {};
        flight->open_count = 1;
        bool is_known = false;
        {
            const MutexLock lock(mutex_);
            const auto found = table_.find(key.receiver);
            if (found != table_.end())
                for (const auto& integration : found->second.integrations)
                    if (integration->name == key.integration) {
                        const JobPtr job = make_job(flight, found->second.receiver, integration);
                        job->is_replay = true;
                        is_known = enqueue(job);
                    }
        }
        if (is_known) return;
        HistoryLine line;
        line.at = env_.clock.now();
        line.outcome = "abandoned";
        line.answer = "the receiver is not in the configuration any more";
        begin_outstanding();
        store_.write_later(
            [key, line](state::Connection& transaction) {
                return record_result(transaction, key, nullptr, line);
            },
            [this](const Result<void>& written) {
                if (!written.ok()) note_unrecorded(written.error());
                end_outstanding();
            });
    }

    // ---- the dead-man's switch

    void beat(uint64_t generation) KW_EXCLUDES(mutex_) {
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

    // ---- tests and acknowledgements

    template <typename Ask>
    Result<std::vector<TestOutcome>> ask_all(const std::string& name, const Ask& ask)
        KW_EXCLUDES(mutex_) {
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

    TestOutcome send_once(Integration& integration, const Asked& asked,
                          const std::shared_ptr<Notification>& notification) {
        const Message message(notification, asked.receiver, asked.templates, notification->alerts,
                              asked.external_url, "");
        return waited(integration, [&](const Notifier::Done& done) {
            integration.notifier->send(message, options_.test_timeout_ms, done);
        });
    }

    template <typename Start>
    static TestOutcome waited(const Integration& integration, const Start& start) {
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

    // ---- the thread

    void run() KW_EXCLUDES(mutex_) {
        while (std::function<void()> task = next_task()) task();
    }

    // Empty: stopping.
    std::function<void()> next_task() KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        while (!stopping_) {
            const int64_t now_ns = env_.clock.steady_ns();
            while (!timers_.empty() && timers_.begin()->first <= now_ns) {
                ready_.push_back(std::move(timers_.begin()->second));
                timers_.erase(timers_.begin());
            }
            if (!ready_.empty()) {
                std::function<void()> task = std::move(ready_.front());
                ready_.pop_front();
                return task;
            }
            // Those that nobody uses any more; destroyed here, since a notifier may join threads of its own.
            std::erase_if(retired_, [](const auto& one) { return one.use_count() == 1; });
            if (timers_.empty()) {
                wake_.wait(mutex_);
            } else {
                wake_.wait_for(
                    mutex_,
                    std::min<std::chrono::nanoseconds>(
                        kClockLook, std::chrono::nanoseconds(timers_.begin()->first - now_ns)));
            }
        }
        return {};
    }

    void push_ready(std::function<void()> task) KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        ready_.push_back(std::move(task));
        wake_.notify_all();
    }

    void begin_outstanding() KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        ++outstanding_;
    }

    // The last thing that a callback does: the destructor waits for it.
    void end_outstanding() KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        --outstanding_;
        idle_.notify_all();
    }

    void cancel_fetches() KW_EXCLUDES(mutex_) {
        std::vector<net::Fetcher::FetchId> ids;
        std::vector<std::shared_ptr<Integration>> integrations;
        {
            const MutexLock lock(mutex_);
            for (const JobPtr& job : jobs_) {
                if (job->fetch != 0) ids.push_back(job->fetch);
                integrations.push_back(job->integration);
            }
        }
        for (const net::Fetcher::FetchId id : ids) fetcher_.cancel(id);
        for (const auto& integration : integrations) integration->notifier->stop();
    }

    void note_unrecorded(const Error& error) {
        unrecorded_.add();
        env_.log.error("the state of a notification cannot be written", {{"error", error.message}});
    }

    void count(const JobPtr& job, std::string_view name, std::string_view help) {
        env_.metrics
            .counter(
                name, help,
                {{"integration", job->integration->type}, {"receiver_name", job->key.receiver}})
            .add();
    }

    Environment& env_;
    const NotifierContext context_;
    net::Fetcher& fetcher_;
    state::Store& store_;
    const Options options_;
    Counter& repeated_;
    Counter& dropped_;
    Counter& unrecorded_;

    Mutex mutex_;
    CondVar wake_;
    CondVar idle_;
    bool stopping_ KW_GUARDED_BY(mutex_) = false;
    size_t outstanding_ KW_GUARDED_BY(mutex_) = 0;  // callbacks that will come
    std::shared_ptr<const NotifySettings> settings_ KW_GUARDED_BY(mutex_);
    std::shared_ptr<const NotifyTemplates> templates_ KW_GUARDED_BY(mutex_);
    IntegrationTable table_ KW_GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<Integration>> retired_ KW_GUARDED_BY(mutex_);
    std::map<LogKey, LogEntry> log_ KW_GUARDED_BY(mutex_);
    std::vector<std::pair<LogKey, Notification>> replays_ KW_GUARDED_BY(mutex_);
    std::map<std::pair<std::string, std::string>, Lane> lanes_ KW_GUARDED_BY(mutex_);
    std::set<LogKey> busy_ KW_GUARDED_BY(mutex_);
    std::set<JobPtr> jobs_ KW_GUARDED_BY(mutex_);
    std::deque<std::function<void()>> ready_ KW_GUARDED_BY(mutex_);
    std::multimap<int64_t, std::function<void()>> timers_ KW_GUARDED_BY(mutex_);
    uint64_t heartbeat_generation_ KW_GUARDED_BY(mutex_) = 0;
    std::jthread thread_;  // last: it uses all above
};

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
