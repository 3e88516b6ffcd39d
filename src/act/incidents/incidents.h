// The incidents of a server: opened by alerts, by hand and by webhooks; changed by people; durable; and told of.
//
//   Alertmanager ─ stored alerts ─▶ take() ─┐
//   webhook ───────────────────────▶ take() ─┼─▶ table (one transaction) ─▶ what list() and find() give
//   people ──────────▶ create(), change() ──┘        thread: run_once() every second
//
// Invariants
//   1. What a call answered as done is there after any crash, with its entry in the audit.
//   2. A firing alert belongs to at most one incident: the open one of its service (settings.h says for how long),
//      else a new one. One that fired when the server was killed is known again by its labels.
//   3. Silenced and inhibited alerts open nothing.
//   4. SEV4 pages nobody: only SEV1 to SEV3 are told of as an alert IncidentOpen.
// Bounded: incidents that are kept (the oldest closed ones go) and that are open; alerts of one; its document.
// Own metrics: kilowatch_incidents{severity,phase} (open ones), kilowatch_incidents_opened_total{severity,source},
// kilowatch_incidents_limited_total, and of the last 30 days by severity, in seconds:
// kilowatch_incident_mttd_seconds, kilowatch_incident_mtta_seconds, kilowatch_incident_mttr_seconds.
// Threads: one of its own after start(); all members from any thread; changes run one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/cancel.h"
#include "base/environment.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "incidents/changes.h"
#include "incidents/incident.h"
#include "incidents/incident_table.h"
#include "incidents/settings.h"
#include "incidents/timeline.h"
#include "incidents/webhook.h"

namespace kw {
class Counter;
namespace alerting {
class Alertmanager;
}
namespace promql {
class Engine;
}
namespace state {
class Store;
}
}  // namespace kw

namespace kw::incidents {

class Incidents final {
 public:
    struct Options {
        size_t incidents_max = 10'000;  // kept; the oldest closed one goes for the next
        size_t open_max = 1'000;        // open ones; more alerts open none
        int64_t interval_ms = 1'000;    // how often alerts are looked at
        // An alert that nobody has said anything of for so long is over: after a restart rules need their time.
        int64_t absence_ms = 5 * 60'000;
        int64_t gather_interval_ms = 60'000;  // of the timeline of an open incident
        int64_t mean_window_ms = 30 * 86'400'000LL;
    };
    // All given outlive this. Errors: the store's.
    static Result<std::unique_ptr<Incidents>> open(Environment& env, state::Store& store,
                                                   alerting::Alertmanager& alerts,
                                                   promql::Engine& engine, const Options& options);
    ~Incidents();
    Incidents(const Incidents&) = delete;
    Incidents& operator=(const Incidents&) = delete;

    // What holds from now on.
    void apply(std::shared_ptr<const Settings> settings) KW_EXCLUDES(mutex_);
    std::shared_ptr<const Settings> settings() const KW_EXCLUDES(mutex_);
    void start();
    void stop() KW_EXCLUDES(mutex_);

    // The newest first.
    std::vector<IncidentPtr> list() const KW_EXCLUDES(mutex_);
    // Null: there is none.
    IncidentPtr find(int64_t id) const KW_EXCLUDES(mutex_);
    // nullopt: not gathered yet. Errors: kNotFound, those of the table.
    Result<std::optional<Timeline>> timeline(int64_t id) const;

    struct Draft {
        std::string title{};
        Severity severity = Severity::kSev3;
        std::string summary{};
        std::vector<std::string> services{};
        std::vector<std::string> zones{};
        std::optional<Millis> began_at{};  // nullopt: now
    };
    // By hand. Errors: kInvalid, kExhausted (limits), the store's.
    Result<IncidentPtr> create(const Draft& draft, const Actor& actor) KW_EXCLUDES(change_mutex_);

    using Change = std::function<Done(Incident&, const Moment&)>;
    // What `change` does to one, with a note of kind `action` and an entry in the audit.
    // Errors: kNotFound, those of `change`, the store's.
    Result<IncidentPtr> change(int64_t id, std::string_view action, const Actor& actor,
                               const Change& change) KW_EXCLUDES(change_mutex_);
    // Runs its checks and keeps what they gave.
    Result<IncidentPtr> run_checks(int64_t id, const Actor& actor, const CancelToken& cancel);
    // Runs its checks and resolves it.
    Result<IncidentPtr> resolve(int64_t id, const std::string& reason, const Actor& actor,
                                const CancelToken& cancel);
    // Takes what somebody told of alerts. Returns the incidents that it changed, as they are now.
    Result<std::vector<IncidentPtr>> take(const std::vector<SeenAlert>& alerts,
                                          const std::string& source, const Actor& actor)
        KW_EXCLUDES(change_mutex_);

    // Gathers the timeline of one now, and drafts the post-mortem where one is due. Errors: kNotFound, the
    // store's; a query that fails is a remark in the timeline.
    Result<Timeline> gather(int64_t id, const CancelToken& cancel);
    // The post-mortem drafted anew; replaces what was written by hand. Errors: as gather().
    Result<IncidentPtr> draft_postmortem(int64_t id, const Actor& actor, const CancelToken& cancel);

    // What the thread does at each interval, for tests.
    void run_once(const CancelToken& cancel);

 private:
    struct Page {
        LabelSet labels;
        Millis sent_at;
    };

    Incidents(Environment& env, alerting::Alertmanager& alerts, promql::Engine& engine,
              std::unique_ptr<IncidentTable> table, const Options& options);
    Result<void> load();
    void run(const std::stop_token& stop);

    // Writes and publishes. Makes room first when there are new ones.
    Result<void> put(std::vector<Write> writes) KW_REQUIRES(change_mutex_) KW_EXCLUDES(mutex_);
    Result<void> make_room(size_t new_count) KW_REQUIRES(change_mutex_) KW_EXCLUDES(mutex_);
    size_t open_count() const KW_EXCLUDES(mutex_);
    std::vector<Check> checked(const Incident& incident, const CancelToken& cancel);

    // incidents_alerts.cc: what run_once() does about alerts.
    class Taking;
    void look_at_alerts() KW_EXCLUDES(change_mutex_, mutex_);
    void resolve_by_themselves() KW_EXCLUDES(change_mutex_, mutex_);
    void page() KW_EXCLUDES(mutex_);
    // incidents_thread.cc
    void gather_next(const CancelToken& cancel);
    void show_metrics() KW_EXCLUDES(mutex_);

    Environment& env_;
    alerting::Alertmanager& alerts_;
    promql::Engine& engine_;
    const std::unique_ptr<IncidentTable> table_;
    const Options options_;
    Counter& limited_counter_;
    const Millis started_at_;

    Mutex change_mutex_;  // one change at a time, its writing included
    // Alerts that fire, of which incident; by labels. Those over the limit of an incident, too.
    std::unordered_map<LabelSet, int64_t, LabelSetHash> known_ KW_GUARDED_BY(change_mutex_);
    std::unordered_map<LabelSet, Millis, LabelSetHash> last_seen_ KW_GUARDED_BY(change_mutex_);
    bool is_limit_logged_ KW_GUARDED_BY(change_mutex_) = false;
    Millis unknown_again_at_ KW_GUARDED_BY(change_mutex_);  // when alerts may open incidents again
    int64_t last_id_ KW_GUARDED_BY(change_mutex_) = 0;

    mutable Mutex mutex_;
    CondVar wake_;
    bool is_woken_ KW_GUARDED_BY(mutex_) = false;
    std::shared_ptr<const Settings> settings_ KW_GUARDED_BY(mutex_);
    std::map<int64_t, IncidentPtr> incidents_ KW_GUARDED_BY(mutex_);

    // Of the thread that runs run_once().
    std::unordered_map<int64_t, Page> pages_;
    std::unordered_map<int64_t, Millis> gathered_at_;
    std::jthread thread_;
    CancelToken stopping_;
};

// The incident's part of a label set: its services and zones grow by what the alert says.
void add_impact(Impact& impact, const LabelSet& alert, const Settings& settings);

}  // namespace kw::incidents
