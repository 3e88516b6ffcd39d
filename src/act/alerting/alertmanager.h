// The Alertmanager side as a whole: takes alerts, keeps them, groups them, and hands on what is to be told.
//
//   put(reports) ─▶ store (merge) ─▶ inhibitor, dispatcher ── thread: run_due() ─▶ NotificationSink
//                                                              └ minus inhibited, silenced, muted by time
//
// A reload replaces routes, rules and intervals at once; groups begin anew from the stored alerts, and who sends
// knows from its log what was told already. Alerts are in the small state too: after a restart they are there, and
// so that nobody is told of an end that no sender meant, one whose end came while nobody could renew it goes on for
// a resolve_timeout.
//
// Own metrics, as Alertmanager's: alertmanager_alerts_received_total, alertmanager_alerts_invalid_total,
// alertmanager_alerts_limited_total, alertmanager_alerts, alertmanager_silences,
// alertmanager_dispatcher_aggregation_groups, alertmanager_notifications_suppressed_total; ours:
// kilowatch_alerts_restored, kilowatch_alerts_unrecorded_total.
// Threads: one of its own after start(); all members from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "alerting/alert.h"
#include "alerting/alert_table.h"
#include "alerting/dispatcher.h"
#include "alerting/explanation.h"
#include "alerting/inhibition.h"
#include "alerting/notification.h"
#include "alerting/settings.h"
#include "alerting/silences.h"
#include "base/environment.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"

namespace kw {
class Counter;
class Gauge;
}  // namespace kw

namespace kw::alerting {

// An alert as somebody tells it.
struct Report {
    LabelSet labels;
    Annotations annotations;          // in any order
    std::optional<Millis> starts_at;  // nullopt: its end, or now
    std::optional<Millis> ends_at;    // nullopt: a resolve_timeout from now
    std::string generator_url;
    bool is_no_data = false;
};

struct PutOutcome {
    size_t taken_count = 0;
    size_t limited_count = 0;         // refused, since there are too many alerts already
    std::vector<std::string> errors;  // of those that are wrong
    std::string limit;                // which refused them, and the mend
    std::string unrecorded;           // why those taken may not outlive a crash; empty: they do
};

// Why nobody is told of an alert; all empty when somebody is.
struct AlertStatus {
    std::vector<std::string> silenced_by;   // ids of silences
    std::vector<std::string> inhibited_by;  // fingerprints of sources
    std::vector<std::string> muted_by;      // names of time intervals; of a group only
    bool is_suppressed() const {
        return !silenced_by.empty() || !inhibited_by.empty() || !muted_by.empty();
    }
};

struct AlertView {
    AlertPtr alert;
    std::vector<std::string> receivers;  // of the routes it stays at, in their order, each once
    AlertStatus status;
};

struct AlertGroupView {
    std::string receiver;
    LabelSet labels;
    TemplateMap route_labels;
    std::vector<AlertView> alerts;
};

class Alertmanager final {
 public:
    struct Options {
        size_t alerts_max = 100'000;  // in the store, resolved ones among them
        size_t groups_max = 100'000;
        uint64_t bytes_max = 256 << 20;       // of the stored alerts' texts
        uint64_t alert_bytes_max = 64 << 10;  // of one alert's
        // Beyond those, of alerts and of groups, for our own rules: a flood from outside leaves them their room.
        size_t reserve = 10'000;
        // How long a resolved alert is kept for late reports of it to be merged.
        int64_t resolved_retention_ms = 15 * 60'000;
        int64_t maintenance_interval_ms = 30'000;
        Silences::Options silences;
    };
    // All outlive this; `store` and `table` may be null: then silences, or alerts, do not survive.
    Alertmanager(Environment& env, NotificationSink& sink, SilenceStore* store,
                 const Options& options, AlertTable* table = nullptr);
    ~Alertmanager();

    // Takes up the alerts of the table, before apply(). Those that were not over go on for `grace_ms` at least.
    // Errors: the store's.
    Result<void> load(int64_t grace_ms) KW_EXCLUDES(mutex_);
    // What holds from now on; before anything but load(). Told to the sink as well.
    void apply(std::shared_ptr<const Settings> settings) KW_EXCLUDES(mutex_);
    std::shared_ptr<const Settings> settings() const KW_EXCLUDES(mutex_);
    void start();
    // Ends the thread; what is under way at the sink goes on there.
    void stop() KW_EXCLUDES(mutex_);

    // The first for our own rules, who say theirs again by themselves and have a reserve; the second for all
    // others, and returns when their alerts are durable.
    PutOutcome put(std::vector<Report> reports) KW_EXCLUDES(mutex_);
    PutOutcome put_durably(std::vector<Report> reports) KW_EXCLUDES(mutex_);
    Silences& silences() { return silences_; }

    // All that are stored, in no order; those resolved lately among them. Cheap: for who looks every second.
    std::vector<AlertPtr> stored() const KW_EXCLUDES(mutex_);
    // Why nobody is told of an alert with these labels.
    AlertStatus status(const LabelSet& labels) KW_EXCLUDES(mutex_);
    // Alerts that are not resolved, sorted by fingerprint; those of groups as notifications list them.
    std::vector<AlertView> alerts() KW_EXCLUDES(mutex_);
    std::vector<AlertGroupView> groups() KW_EXCLUDES(mutex_);
    // The labels of a stored alert, resolved ones among them. Cost: a fingerprint for each alert.
    std::optional<LabelSet> find_labels(const std::string& fingerprint) const KW_EXCLUDES(mutex_);
    // Of an alert of these labels, stored or not.
    Explanation explain(const LabelSet& labels) KW_EXCLUDES(mutex_);

    // Hands on every group that is due: what the thread does, for tests. Returns how many were.
    size_t run_due() KW_EXCLUDES(mutex_);
    // Forgets what is over; the thread does it every maintenance interval.
    void run_maintenance() KW_EXCLUDES(mutex_);
    std::optional<Millis> next_due() const KW_EXCLUDES(mutex_);

 private:
    // What holds: replaced as a whole, and kept by the flushes that came of it.
    struct Active;

    void run(const std::stop_token& stop) KW_EXCLUDES(mutex_);
    PutOutcome take(std::vector<Report> reports, size_t reserve, state::Store::Done done)
        KW_EXCLUDES(mutex_);
    // Counts and logs changes of the table that failed.
    state::Store::Done noting();
    void hand_on(const std::shared_ptr<Active>& active, Flush flush) KW_EXCLUDES(mutex_);
    AlertStatus status_of(const Inhibitor& inhibitor, const LabelSet& labels, Millis now);
    void count_alerts() KW_EXCLUDES(mutex_);

    Environment& env_;
    NotificationSink& sink_;
    const Options options_;
    AlertTable* const table_;
    Silences silences_;
    Counter& unrecorded_counter_;
    Counter& firing_counter_;
    Counter& resolved_counter_;
    Counter& invalid_counter_;
    Counter& limited_counter_;
    Counter& inhibited_counter_;
    Counter& silenced_counter_;
    Counter& muted_counter_;
    Gauge& active_gauge_;
    Gauge& suppressed_gauge_;
    Gauge& groups_gauge_;

    mutable Mutex mutex_;
    CondVar wake_;
    bool is_woken_ KW_GUARDED_BY(mutex_) = false;
    bool is_limit_logged_ KW_GUARDED_BY(mutex_) = false;
    Millis maintained_at_ KW_GUARDED_BY(mutex_) = Millis::min();
    std::shared_ptr<Active> active_ KW_GUARDED_BY(mutex_);
    std::unordered_map<LabelSet, AlertPtr, LabelSetHash> alerts_ KW_GUARDED_BY(mutex_);
    uint64_t bytes_ KW_GUARDED_BY(mutex_) = 0;  // of alerts_
    std::jthread thread_;
};

}  // namespace kw::alerting
