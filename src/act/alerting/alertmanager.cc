#include "alerting/alertmanager.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "model/labels.h"

namespace kw::alerting {
namespace {

constexpr int64_t kNotifyTimeoutMsMin = 10'000;
constexpr int64_t kWaitMsMax = 1'000;  // how soon a jump of the wall clock is seen
constexpr const char* kSuppressedHelp =
    "The total number of notifications suppressed for being silenced, inhibited, outside of active "
    "time intervals or within muted time intervals.";

Result<void> check_report(const Alert& alert) {
    if (alert.labels.empty()) return invalid("at least one label pair required");
    if (alert.ends_at < alert.starts_at) return invalid("start time must be before end time");
    for (const LabelView& label : alert.labels) {
        if (!is_valid_label_name(label.name, NameScheme::kUtf8)) {
            return invalid("invalid label name {}", kw::quoted(label.name));
        }
        if (!is_valid_utf8(label.value)) {
            return invalid("invalid value of label {}", kw::quoted(label.name));
        }
    }
    for (const auto& [name, value] : alert.annotations) {
        if (!is_valid_label_name(name, NameScheme::kUtf8)) {
            return invalid("invalid annotation name {}", kw::quoted(name));
        }
        if (!is_valid_utf8(value))
            return invalid("invalid value of annotation {}", kw::quoted(name));
    }
    return {};
}

// Of its texts: what its sender decides on.
uint64_t bytes_of(const Alert& alert) {
    uint64_t bytes = alert.generator_url.size();
    for (const LabelView& label : alert.labels) bytes += label.name.size() + label.value.size();
    for (const auto& [name, value] : alert.annotations) bytes += name.size() + value.size();
    return bytes;
}

Alert to_alert(Report report, Millis now, int64_t resolve_timeout_ms) {
    Alert alert;
    alert.labels = std::move(report.labels);
    alert.annotations = std::move(report.annotations);
    std::sort(alert.annotations.begin(), alert.annotations.end());
    alert.starts_at = report.starts_at.value_or(report.ends_at.value_or(now));
    alert.ends_by_timeout = !report.ends_at.has_value();
    alert.ends_at = report.ends_at.value_or(now + resolve_timeout_ms);
    alert.updated_at = now;
    alert.generator_url = std::move(report.generator_url);
    alert.is_no_data = report.is_no_data;
    return alert;
}

// Those that nobody said were over, and are.
std::vector<AlertPtr> ended_by_themselves(const std::vector<AlertPtr>& alerts, Millis now) {
    std::vector<AlertPtr> ended;
    for (const AlertPtr& alert : alerts) {
        if (alert->is_resolved_at(now) && !alert->is_resolved_at(alert->updated_at))
            ended.push_back(alert);
    }
    return ended;
}

}  // namespace

struct Alertmanager::Active {
    Active(std::shared_ptr<const Settings> of, const NotificationSink& sink)
        : settings(std::move(of)),
          inhibitor(settings->inhibit_rules),
          dispatcher(settings->route,
                     [&sink](const Route& route, const LabelSet& group_labels, const Alert& alert) {
                         return sink.was_told_firing(group_key(route, group_labels), route.receiver,
                                                     fingerprint(alert.labels));
                     }) {}

    const std::shared_ptr<const Settings> settings;
    // Under Alertmanager's mutex.
    Inhibitor inhibitor;
    Dispatcher dispatcher;
};

Alertmanager::Alertmanager(Environment& env, NotificationSink& sink, SilenceStore* store,
                           const Options& options, AlertTable* table)
    : env_(env),
      sink_(sink),
      options_(options),
      table_(table),
      silences_(env.clock, store, options.silences),
      unrecorded_counter_(env.metrics.counter(
          "kilowatch_alerts_unrecorded_total",
          "Changes of stored alerts that the state did not take: alerts of them "
          "may not outlive a crash.")),
      firing_counter_(env.metrics.counter("alertmanager_alerts_received_total",
                                          "The total number of received alerts.",
                                          {{"status", "firing"}, {"version", "v2"}})),
      resolved_counter_(env.metrics.counter("alertmanager_alerts_received_total",
                                            "The total number of received alerts.",
                                            {{"status", "resolved"}, {"version", "v2"}})),
      invalid_counter_(env.metrics.counter("alertmanager_alerts_invalid_total",
                                           "The total number of received alerts that were invalid.",
                                           {{"version", "v2"}})),
      limited_counter_(
          env.metrics.counter("alertmanager_alerts_limited_total",
                              "Total number of alerts that were dropped due to a limit.")),
      inhibited_counter_(env.metrics.counter("alertmanager_notifications_suppressed_total",
                                             kSuppressedHelp, {{"reason", "inhibition"}})),
      silenced_counter_(env.metrics.counter("alertmanager_notifications_suppressed_total",
                                            kSuppressedHelp, {{"reason", "silence"}})),
      muted_counter_(env.metrics.counter("alertmanager_notifications_suppressed_total",
                                         kSuppressedHelp, {{"reason", "mute_time_interval"}})),
      active_gauge_(env.metrics.gauge("alertmanager_alerts", "How many alerts by state.",
                                      {{"state", "active"}})),
      suppressed_gauge_(env.metrics.gauge("alertmanager_alerts", "How many alerts by state.",
                                          {{"state", "suppressed"}})),
      groups_gauge_(env.metrics.gauge("alertmanager_dispatcher_aggregation_groups",
                                      "Number of active aggregation groups.")) {}

Alertmanager::~Alertmanager() { stop(); }

Result<void> Alertmanager::load(int64_t grace_ms) {
    if (table_ == nullptr) return {};
    KW_TRY_ASSIGN(AlertTable::Loaded loaded, table_->load());
    if (loaded.unreadable_count > 0) {
        env_.log.error("stored alerts cannot be read; their senders are to say them again",
                       {{"alerts", std::to_string(loaded.unreadable_count)}});
    }
    const Millis now = env_.clock.now();
    MutexLock lock(mutex_);
    size_t firing_count = 0;
    for (AlertTable::Row& row : loaded.rows) {
        Alert& alert = row.alert;
        if (!row.has_ended && alert.ends_at < now + grace_ms) {
            alert.ends_at = now + grace_ms;
            alert.ends_by_timeout = true;  // who renews it says the end
        }
        firing_count += alert.is_resolved_at(now) ? 0 : 1;
        bytes_ += bytes_of(alert);
        LabelSet labels = alert.labels;
        alerts_.insert_or_assign(std::move(labels),
                                 std::make_shared<const Alert>(std::move(alert)));
    }
    env_.metrics
        .gauge("kilowatch_alerts_restored", "Alerts that the last start found, and that went on.")
        .set(static_cast<double>(firing_count));
    return {};
}

void Alertmanager::apply(std::shared_ptr<const Settings> settings) {
    sink_.apply(settings->notify);
    auto active = std::make_shared<Active>(std::move(settings), sink_);
    const Millis now = env_.clock.now();
    MutexLock lock(mutex_);
    for (const auto& [labels, alert] : alerts_) {
        active->inhibitor.update(alert);
        active->dispatcher.add(alert, now, options_.groups_max + options_.reserve);
    }
    active_ = std::move(active);
    is_woken_ = true;
    wake_.notify_all();
}

std::shared_ptr<const Settings> Alertmanager::settings() const {
    MutexLock lock(mutex_);
    return active_ == nullptr ? nullptr : active_->settings;
}

void Alertmanager::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Alertmanager::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    {
        MutexLock lock(mutex_);
        is_woken_ = true;
        wake_.notify_all();
    }
    thread_.join();
}

void Alertmanager::run(const std::stop_token& stop) {
    int64_t maintained_ns = env_.clock.steady_ns();
    while (!stop.stop_requested()) {
        run_due();
        if (env_.clock.steady_ns() - maintained_ns > options_.maintenance_interval_ms * 1'000'000) {
            run_maintenance();
            maintained_ns = env_.clock.steady_ns();
        }
        MutexLock lock(mutex_);
        const std::optional<Millis> due =
            active_ == nullptr ? std::nullopt : active_->dispatcher.next_due();
        const int64_t wait_ms =
            due ? std::clamp<int64_t>(*due - env_.clock.now(), 0, kWaitMsMax) : kWaitMsMax;
        if (!is_woken_ && wait_ms > 0) wake_.wait_for(mutex_, std::chrono::milliseconds(wait_ms));
        is_woken_ = false;
    }
}

state::Store::Done Alertmanager::noting() {
    // Without `this`: the state may answer when this is gone already.
    return [&counter = unrecorded_counter_, &log = env_.log](const Result<void>& written) {
        if (written.ok()) return;
        counter.add();
        log.error("alerts cannot be written to the state", {{"error", written.error().message}});
    };
}

PutOutcome Alertmanager::put(std::vector<Report> reports) {
    return take(std::move(reports), options_.reserve, noting());
}

PutOutcome Alertmanager::put_durably(std::vector<Report> reports) {
    // Shared: who sets the value may still be in it when who waits has it.
    const auto promise = std::make_shared<std::promise<Result<void>>>();
    std::future<Result<void>> written = promise->get_future();
    PutOutcome outcome =
        take(std::move(reports), 0, [promise, note = noting()](Result<void> result) {
            note(result);
            promise->set_value(std::move(result));
        });
    if (const Result<void> result = written.get(); !result.ok())
        outcome.unrecorded = result.error().message;
    return outcome;
}

// `done` is called once: when all that was taken is durable, or will not be.
PutOutcome Alertmanager::take(std::vector<Report> reports, size_t reserve,
                              state::Store::Done done) {
    const Millis now = env_.clock.now();
    const size_t alerts_max = options_.alerts_max + reserve;
    const size_t groups_max = options_.groups_max + reserve;
    const uint64_t bytes_max =
        options_.bytes_max + reserve * (options_.bytes_max / options_.alerts_max);
    PutOutcome outcome;
    std::vector<AlertPtr> changed;
    MutexLock lock(mutex_);
    for (Report& report : reports) {
        auto alert = std::make_shared<Alert>(
            to_alert(std::move(report), now, active_->settings->resolve_timeout_ms));
        (alert->is_resolved_at(now) ? resolved_counter_ : firing_counter_).add();
        if (const Result<void> checked = check_report(*alert); !checked.ok()) {
            outcome.errors.push_back(checked.error().message);
            invalid_counter_.add();
            continue;
        }
        const uint64_t bytes = bytes_of(*alert);
        if (bytes > options_.alert_bytes_max) {
            outcome.errors.push_back(fmt::format(
                "an alert has {} bytes of text, at most {} are kept; shorten its annotations",
                bytes, options_.alert_bytes_max));
            invalid_counter_.add();
            continue;
        }
        const auto found = alerts_.find(alert->labels);
        const uint64_t bytes_before = found == alerts_.end() ? 0 : bytes_of(*found->second);
        if ((found == alerts_.end() && alerts_.size() >= alerts_max) ||
            (bytes > bytes_before && bytes_ - bytes_before + bytes > bytes_max)) {
            ++outcome.limited_count;
            continue;
        }
        if (found != alerts_.end() && alerts_overlap(*found->second, *alert)) {
            *alert = merge_alerts(*found->second, *alert);
        }
        const AlertPtr stored = std::move(alert);
        alerts_.insert_or_assign(stored->labels, stored);
        bytes_ += bytes_of(*stored) - bytes_before;
        if (table_ != nullptr) changed.push_back(stored);
        active_->inhibitor.update(stored);
        if (active_->dispatcher.add(stored, now, groups_max)) {
            ++outcome.taken_count;
        } else {
            ++outcome.limited_count;
        }
    }
    limited_counter_.add(outcome.limited_count);
    if (outcome.limited_count > 0) {
        outcome.limit = fmt::format(
            "{} alerts in {} groups with {} MiB of text are kept, at most {}, {} and {} MiB, ended "
            "ones "
            "among them for {} min; end or stop what floods (GET /api/v2/alerts shows it), then "
            "send again",
            alerts_.size(), active_->dispatcher.group_count(), bytes_ >> 20, alerts_max, groups_max,
            bytes_max >> 20, options_.resolved_retention_ms / 60'000);
        if (!std::exchange(is_limit_logged_, true)) {  // until there is room again
            env_.log.error(
                "alerts are refused: there are too many",
                {{"refused", std::to_string(outcome.limited_count)}, {"limit", outcome.limit}});
        }
    }
    is_woken_ = true;
    wake_.notify_all();
    // Under the lock, so that the table sees changes of an alert in their order.
    if (changed.empty()) {
        done({});
    } else {
        table_->put_later(std::move(changed), now, std::move(done));
    }
    return outcome;
}

size_t Alertmanager::run_due() {
    std::shared_ptr<Active> active;
    std::vector<Flush> flushes;
    {
        MutexLock lock(mutex_);
        if (active_ == nullptr) return 0;
        active = active_;
        flushes = active->dispatcher.take_due(env_.clock.now());
    }
    for (Flush& flush : flushes) hand_on(active, std::move(flush));
    return flushes.size();
}

void Alertmanager::hand_on(const std::shared_ptr<Active>& active, Flush flush) {
    const Route& route = *flush.route;
    // Before anybody is told of it an end is in the state, so that no start takes it for one that nobody saw.
    if (std::vector<AlertPtr> ended = ended_by_themselves(flush.alerts, flush.now);
        table_ != nullptr && !ended.empty()) {
        table_->end_later(std::move(ended), flush.now, noting());
    }
    Notification notification;
    const bool is_muted =
        !muting_intervals(route, active->settings->time_intervals, flush.now).empty();
    if (is_muted) {
        muted_counter_.add(flush.alerts.size());
    } else {
        {
            MutexLock lock(mutex_);
            for (const AlertPtr& alert : flush.alerts) {
                if (!active->inhibitor.inhibited_by(alert->labels, flush.now)) {
                    notification.alerts.push_back(alert);
                }
            }
        }
        inhibited_counter_.add(flush.alerts.size() - notification.alerts.size());
        silenced_counter_.add(std::erase_if(notification.alerts, [&](const AlertPtr& alert) {
            return !silences_.silenced_by(alert->labels).empty();
        }));
    }
    const auto finish = [this, active](const Flush& of, bool delivered) {
        MutexLock lock(mutex_);
        active->dispatcher.finish(of, delivered);
        is_woken_ = true;
        wake_.notify_all();
    };
    if (notification.alerts.empty()) return finish(flush, true);
    notification.receiver = route.receiver;
    notification.group_key = group_key(route, flush.group_labels);
    notification.group_labels = flush.group_labels;
    notification.route_labels = route.labels;
    notification.now = flush.now;
    notification.repeat_interval_ms = route.repeat_interval_ms;
    notification.group_interval_ms = route.group_interval_ms;
    notification.timeout_ms = std::max(kNotifyTimeoutMsMin, route.group_interval_ms);
    sink_.notify(std::move(notification),
                 [finish, of = std::move(flush)](bool delivered) { finish(of, delivered); });
}

void Alertmanager::run_maintenance() {
    {
        const Millis now = env_.clock.now();
        MutexLock lock(mutex_);
        if (active_ == nullptr) return;
        active_->dispatcher.collect_garbage();
        active_->inhibitor.collect_garbage(now);
        const Millis before = std::exchange(maintained_at_, now);
        std::vector<AlertPtr> ended;  // since then
        std::vector<AlertPtr> forgotten;
        std::erase_if(alerts_, [&](const auto& entry) {
            const AlertPtr& alert = entry.second;
            if (alert->ends_at > before && alert->is_resolved_at(now)) ended.push_back(alert);
            const bool is_over = alert->ends_at + options_.resolved_retention_ms <= now;
            if (is_over) forgotten.push_back(alert);
            return is_over;
        });
        for (const AlertPtr& alert : forgotten) bytes_ -= bytes_of(*alert);
        if (table_ != nullptr) {
            ended = ended_by_themselves(ended, now);
            if (!ended.empty()) table_->end_later(std::move(ended), now, noting());
            if (!forgotten.empty()) table_->remove_later(std::move(forgotten), now, noting());
        }
        if (alerts_.size() < options_.alerts_max && bytes_ < options_.bytes_max)
            is_limit_logged_ = false;
        groups_gauge_.set(static_cast<double>(active_->dispatcher.group_count()));
    }
    if (const Result<void> collected = silences_.collect_garbage(); !collected.ok()) {
        env_.log.error("expired silences are not removed", {{"err", collected.error().message}});
    }
    count_alerts();
}

void Alertmanager::count_alerts() {
    size_t suppressed = 0;
    const std::vector<AlertView> all = alerts();
    for (const AlertView& view : all) suppressed += view.status.is_suppressed() ? 1 : 0;
    suppressed_gauge_.set(static_cast<double>(suppressed));
    active_gauge_.set(static_cast<double>(all.size() - suppressed));
    for (const SilenceState state :
         {SilenceState::kActive, SilenceState::kPending, SilenceState::kExpired}) {
        env_.metrics
            .gauge("alertmanager_silences", "How many silences by state.",
                   {{"state", std::string(silence_state_text(state))}})
            .set(static_cast<double>(silences_.count(state)));
    }
}

std::optional<Millis> Alertmanager::next_due() const {
    MutexLock lock(mutex_);
    return active_ == nullptr ? std::nullopt : active_->dispatcher.next_due();
}

AlertStatus Alertmanager::status_of(const Inhibitor& inhibitor, const LabelSet& labels,
                                    Millis now) {
    AlertStatus status;
    if (const std::optional<uint64_t> source = inhibitor.inhibited_by(labels, now); source) {
        status.inhibited_by.push_back(fingerprint_text(*source));
    }
    status.silenced_by = silences_.silenced_by(labels);
    return status;
}

std::vector<AlertPtr> Alertmanager::stored() const {
    std::vector<AlertPtr> all;
    MutexLock lock(mutex_);
    all.reserve(alerts_.size());
    for (const auto& [labels, alert] : alerts_) all.push_back(alert);
    return all;
}

AlertStatus Alertmanager::status(const LabelSet& labels) {
    const Millis now = env_.clock.now();
    MutexLock lock(mutex_);
    if (active_ == nullptr) return {};
    return status_of(active_->inhibitor, labels, now);
}

std::vector<AlertView> Alertmanager::alerts() {
    const Millis now = env_.clock.now();
    std::vector<std::pair<uint64_t, AlertView>> views;
    {
        MutexLock lock(mutex_);
        if (active_ == nullptr) return {};
        for (const auto& [labels, alert] : alerts_) {
            if (alert->is_resolved_at(now)) continue;
            AlertView view;
            view.alert = alert;
            for (const Route* const route : active_->settings->route.match(labels)) {
                std::vector<std::string>& names = view.receivers;
                if (std::find(names.begin(), names.end(), route->receiver) == names.end()) {
                    names.push_back(route->receiver);
                }
            }
            view.status = status_of(active_->inhibitor, labels, now);
            views.emplace_back(fingerprint(labels), std::move(view));
        }
    }
    std::sort(views.begin(), views.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<AlertView> sorted;
    sorted.reserve(views.size());
    for (auto& [key, view] : views) sorted.push_back(std::move(view));
    return sorted;
}

std::vector<AlertGroupView> Alertmanager::groups() {
    const Millis now = env_.clock.now();
    std::vector<AlertGroupView> views;
    std::unordered_map<LabelSet, std::vector<std::string>, LabelSetHash> receivers;
    MutexLock lock(mutex_);
    if (active_ == nullptr) return {};
    for (const GroupView& group : active_->dispatcher.groups()) {
        AlertGroupView view;
        view.receiver = group.route->receiver;
        view.labels = group.group_labels;
        view.route_labels = group.route->labels;
        const std::vector<std::string> muted_by =
            muting_intervals(*group.route, active_->settings->time_intervals, now);
        for (const AlertPtr& alert : group.alerts) {
            if (alert->is_resolved_at(now)) continue;
            AlertView one;
            one.alert = alert;
            one.status = status_of(active_->inhibitor, alert->labels, now);
            one.status.muted_by = muted_by;
            view.alerts.push_back(std::move(one));
            std::vector<std::string>& names = receivers[alert->labels];
            if (std::find(names.begin(), names.end(), view.receiver) == names.end()) {
                names.push_back(view.receiver);
            }
        }
        if (!view.alerts.empty()) views.push_back(std::move(view));
    }
    for (AlertGroupView& view : views) {
        for (AlertView& one : view.alerts) one.receivers = receivers.at(one.alert->labels);
    }
    std::sort(views.begin(), views.end(), [](const AlertGroupView& a, const AlertGroupView& b) {
        if (a.labels != b.labels) return a.labels < b.labels;
        return a.receiver < b.receiver;
    });
    return views;
}

std::optional<LabelSet> Alertmanager::find_labels(const std::string& fingerprint) const {
    for (const AlertPtr& alert : stored()) {
        if (fingerprint_text(alert->labels) == fingerprint) return alert->labels;
    }
    return std::nullopt;
}

Explanation Alertmanager::explain(const LabelSet& labels) {
    Explanation explanation;
    explanation.labels = labels;
    explanation.now = env_.clock.now();
    {
        MutexLock lock(mutex_);
        KW_CHECK(active_ != nullptr);
        explanation.settings = active_->settings;
        if (const auto found = alerts_.find(labels); found != alerts_.end()) {
            explanation.alert = found->second;
        }
        explanation.inhibition = active_->inhibitor.find(labels, explanation.now);
        const Route& root = active_->settings->route;
        for (const Route* const route : root.match(labels)) {
            RouteExplanation one;
            one.path = path_to(root, *route);
            one.group_labels = route->group_labels(labels);
            one.group_key = group_key(*route, one.group_labels);
            one.muted_by =
                muting_intervals(*route, active_->settings->time_intervals, explanation.now);
            if (auto group = active_->dispatcher.find(*route, one.group_labels)) {
                one.has_group = true;
                one.group_alerts = std::move(group->alerts);
                one.next_flush = group->due;
            }
            explanation.routes.push_back(std::move(one));
        }
    }
    for (Silence& silence : silences_.list()) {
        if (silence.state_at(explanation.now) == SilenceState::kExpired) continue;
        if (matches_all(silence.matchers, labels)) {
            explanation.silences.push_back(std::move(silence));
        }
    }
    return explanation;
}

}  // namespace kw::alerting
