// A rule at work: evaluates its expression, keeps its alerts, and writes what came of it.
//
//   query ─▶ samples ─▶ recording: labels replaced            ─▶ rows ─▶ intake (with staleness markers)
//                   └─▶ alerting: state machine of each label set ─▶ rows: ALERTS, ALERTS_FOR_STATE
//
//   inactive ──▶ pending ──for──▶ firing ──gone──▶ (keep_firing_for) ──▶ inactive, told as resolved for 15 min
//
// Threads: evaluate(), restore(), adopt() and end() one at a time, the group's; status() from any thread.
// Source: Prometheus' documentation of alerting rules; docs/rules.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "contract/metric_store.h"
#include "intake/computed_series.h"
#include "rules/alert.h"
#include "rules/alert_claims.h"
#include "rules/query_source.h"
#include "rules/rule_file.h"

namespace kw::rules {

// What all rules share until the next reload.
struct RuleContext {
    promql::Engine& engine;
    MetricStore& store;
    LabelSet external_labels;  // for templates; the sink adds them to what is sent
    std::string external_url;
    AlertClaims* claims = nullptr;  // of all rules; null: each gives what it gives
};

enum class RuleHealth : unsigned char { kUnknown, kOk, kErr };
std::string_view rule_health_text(RuleHealth health);  // "unknown", "ok", "err"

struct RuleStatus {
    RuleHealth health = RuleHealth::kUnknown;
    std::string last_error;
    double evaluation_seconds = 0;
    Millis last_evaluation;     // Millis{0}: never
    std::vector<Alert> alerts;  // pending and firing, by labels
    // Of all alerts the highest.
    AlertState state() const;
};

// When and how a rule is evaluated.
struct EvaluationTime {
    Millis at;                    // of the group's schedule
    int64_t query_offset_ms = 0;  // the query looks, and samples are written, this much before
    uint64_t limit = 0;           // of the group; 0: none
    Millis data_time() const { return at - query_offset_ms; }
};

class ActiveRule final {
 public:
    // `is_restored`: alerts with a long `for` need not wait for restore() before they are written.
    // `place` tells it from every other rule of the server: "rules/api.yml;group;3".
    ActiveRule(Rule rule, std::shared_ptr<const RuleContext> context, bool is_restored,
               std::string place);
    ~ActiveRule();
    ActiveRule(const ActiveRule&) = delete;
    ActiveRule& operator=(const ActiveRule&) = delete;

    const Rule& rule() const { return rule_; }
    bool is_alerting() const { return rule_.kind == Rule::Kind::kAlerting; }

    // Evaluates and writes; the outcome is also in status(). `evaluation_seconds` is the caller's to measure.
    // Returns the samples written.
    Result<uint64_t> evaluate(const EvaluationTime& time, const CancelToken& cancel);
    void publish(const Result<uint64_t>& outcome, Millis at, double evaluation_seconds)
        KW_EXCLUDES(status_mutex_);
    std::shared_ptr<const RuleStatus> status() const KW_EXCLUDES(status_mutex_);

    // Hands the alerts that are due to `sink`: those that were not told for `resend_delay_ms`, or are resolved
    // since. `interval_ms` is the group's.
    void send_alerts(AlertSink& sink, Millis at, int64_t resend_delay_ms, int64_t interval_ms);

    struct RestoreOptions {
        int64_t outage_tolerance_ms = 3'600'000;
        int64_t grace_period_ms = 600'000;
    };
    bool needs_restore() const { return is_alerting() && !is_restored_; }
    // Takes over when alerts became active, from the ALERTS_FOR_STATE that a server wrote before this one.
    // Errors: the store's; the alerts then wait for their whole `for`.
    Result<void> restore(Millis now, const RestoreOptions& options, const CancelToken& cancel);

    // Takes over series and alerts of a rule of the same name and labels, of a group that ended.
    void adopt(ActiveRule& from);
    // What it has written and does not write any more goes to the caller, who ends the series.
    std::unique_ptr<intake::ComputedSeries> take_series() { return std::move(series_); }
    bool writes(const LabelSet& labels) const { return series_ && series_->has(labels); }

 private:
    using Rows = std::vector<intake::ComputedRow>;
    struct Entry {
        Alert alert;
        LabelSet source;          // of the sample, without its name
        bool is_made_up = false;  // stands for "no data at all"
    };
    using Alerts = std::map<LabelSet, Entry>;
    class Presence;

    Result<Rows> record(const std::vector<Sample>& samples, uint64_t limit) const;
    Result<Rows> update_alerts(const std::vector<Sample>& samples, const EvaluationTime& time,
                               const CancelToken& cancel);
    Result<Alerts> current_alerts(const std::vector<Sample>& samples, const EvaluationTime& time,
                                  const CancelToken& cancel) const;
    // The alerts under labels that no other rule gives alerts with.
    Alerts claimed(Alerts current) const;
    LabelSet claimed_labels(const LabelSet& labels) const;
    void forget_alerts();
    void add_no_data_alert(Alerts& current, const EvaluationTime& time, const CancelToken& cancel,
                           Presence& presence) const;
    // What becomes of an alert whose sample is gone. True: it stays active.
    bool stays_without_sample(Entry& entry, Millis at, Presence& presence) const;
    void add_rows(const Alert& alert, Rows& rows) const;
    OnNoData on_no_data() const { return rule_.on_no_data.value_or(OnNoData::kResolve); }
    // Shows `status` with the alerts as they are now.
    void publish_with_alerts(RuleStatus status) KW_EXCLUDES(status_mutex_);

    const Rule rule_;
    const std::shared_ptr<const RuleContext> context_;
    const std::string place_;
    const std::string presence_query_;  // see expressions.h; empty: cannot be told
    std::unique_ptr<intake::ComputedSeries> series_;
    Alerts alerts_;  // also resolved ones, for as long as they are told of
    bool is_restored_;

    mutable Mutex status_mutex_;
    std::shared_ptr<const RuleStatus> status_ KW_GUARDED_BY(status_mutex_);
};

}  // namespace kw::rules
