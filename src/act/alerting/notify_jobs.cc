// A notification's way: a job for each integration, its lane, the intent, attempts, and how it ended.
#include <fmt/core.h>

#include <algorithm>

#include "alerting/message.h"
#include "alerting/notify_pipeline_impl.h"
#include "base/clock.h"
#include "base/log.h"

namespace kw::alerting {
namespace {

constexpr int64_t kEntryLifeMsMin = 120LL * 3'600'000;  // as Alertmanager's --data.retention
constexpr int64_t kAttemptMsMin = 100;

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

}  // namespace

void NotifyPipeline::Impl::start_flight(Notification notification, Done done, bool is_fallback) {
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

NotifyPipeline::Impl::JobPtr NotifyPipeline::Impl::make_job(
    const std::shared_ptr<Flight>& flight, const std::shared_ptr<const Receiver>& receiver,
    const std::shared_ptr<Integration>& integration) {
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

bool NotifyPipeline::Impl::enqueue(const JobPtr& job) {
    Lane& lane = lanes_[{job->key.receiver, job->key.integration}];
    if (stopping_ || lane.waiting.size() >= options_.waiting_max) return false;
    jobs_.insert(job);
    lane.waiting.push_back(job);
    fill(lane);
    return true;
}

void NotifyPipeline::Impl::fill(Lane& lane) {
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

void NotifyPipeline::Impl::start(const JobPtr& job) {
    const Notification& notification = *job->flight->notification;
    const int64_t now_ns = env_.clock.steady_ns();
    job->began_ns = now_ns;
    job->deadline_ns = now_ns + std::max<int64_t>(notification.timeout_ms, 10'000) * 1'000'000;
    {
        const MutexLock lock(mutex_);
        const auto found = log_.find(job->key);
        const LogEntry* const entry = found == log_.end() ? nullptr : &found->second;
        if (!job->is_replay &&
            !needs_notification(entry, job->firing, job->resolved, job->integration->send_resolved,
                                notification.now, notification.repeat_interval_ms)) {
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

void NotifyPipeline::Impl::attempt(const JobPtr& job) {
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

void NotifyPipeline::Impl::took(const JobPtr& job, const SendOutcome& outcome) {
    if (outcome.verdict == SendOutcome::Verdict::kDelivered)
        return record(job, "delivered", outcome, outcome.state);
    count(job, "alertmanager_notification_requests_failed_total",
          "Attempts to send a notification that failed.");
    if (outcome.verdict == SendOutcome::Verdict::kRefused)
        return record(job, "refused", outcome, "");
    const auto backoff_ms =
        static_cast<int64_t>(static_cast<double>(job->backoff_ms) * jitter(job->key, job->tries));
    job->backoff_ms = std::min(job->backoff_ms * 3 / 2, options_.backoff_last_ms);
    const int64_t due_ns =
        env_.clock.steady_ns() + std::max(backoff_ms, outcome.retry_after_ms) * 1'000'000;
    if (due_ns >= job->deadline_ns) return record(job, "failed", outcome, "");
    const MutexLock lock(mutex_);
    timers_.emplace(due_ns, [this, job] { attempt(job); });
}

void NotifyPipeline::Impl::record(const JobPtr& job, std::string_view result,
                                  const SendOutcome& outcome, const std::string& state) {
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

void NotifyPipeline::Impl::failed(const JobPtr& job, const HistoryLine& line) {
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

void NotifyPipeline::Impl::finish(const JobPtr& job, bool delivered) {
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

void NotifyPipeline::Impl::close_flight(Job& job, bool delivered) {
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

void NotifyPipeline::Impl::replay(const LogKey& key, Notification notification) {
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

void NotifyPipeline::Impl::count(const JobPtr& job, std::string_view name, std::string_view help) {
    env_.metrics
        .counter(name, help,
                 {{"integration", job->integration->type}, {"receiver_name", job->key.receiver}})
        .add();
}

void NotifyPipeline::Impl::note_unrecorded(const Error& error) {
    unrecorded_.add();
    env_.log.error("the state of a notification cannot be written", {{"error", error.message}});
}

}  // namespace kw::alerting
