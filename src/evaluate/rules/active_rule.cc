#include "rules/active_rule.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/memory_budget.h"
#include "model/sample.h"
#include "promql/engine.h"
#include "rules/alert_templates.h"
#include "rules/expressions.h"
#include "templates/go_format.h"

namespace kw::rules {
namespace {

constexpr std::string_view kAlertName = "alertname";
// Of alerts whose labels another rule gives too.
constexpr std::string_view kRuleGroup = "rule_group";
constexpr std::string_view kAlertsSeries = "ALERTS";
constexpr std::string_view kForStateSeries = "ALERTS_FOR_STATE";
// How long a resolved alert is told of: receivers that were away hear it too.
constexpr int64_t kResolvedRetentionMs = 15 * 60'000;

std::string presence_of(const Rule& rule, const promql::EngineOptions& options) {
    if (rule.kind != Rule::Kind::kAlerting) return {};
    const Result<promql::ExprPtr> parsed = promql::parse(rule.expr, options.features);
    return parsed.ok() ? presence_query(**parsed) : std::string();
}

LabelSet without_name(const LabelSet& labels) {
    LabelBuilder builder(labels);
    builder.remove(kMetricName);
    return builder.build();
}

}  // namespace

std::string_view alert_state_text(AlertState state) {
    static constexpr std::string_view kTexts[] = {"inactive", "pending", "firing"};
    return kTexts[static_cast<size_t>(state)];
}

std::string alert_value_text(double value) { return templates::format_float(value, 'e', -1); }

std::string_view rule_health_text(RuleHealth health) {
    static constexpr std::string_view kTexts[] = {"unknown", "ok", "err"};
    return kTexts[static_cast<size_t>(health)];
}

AlertState RuleStatus::state() const {
    AlertState highest = AlertState::kInactive;
    for (const Alert& alert : alerts) highest = std::max(highest, alert.state);
    return highest;
}

// Which label sets have data at all, asked for only when somebody wants to know.
class ActiveRule::Presence {
 public:
    Presence(const std::string& query, const RuleContext& context, Millis at,
             const CancelToken& cancel)
        : query_(query), context_(context), at_(at), cancel_(cancel) {}

    // False when it cannot be told: then a missing sample means what it means to Prometheus.
    bool is_known() {
        ask();
        return is_known_;
    }
    bool has_any() {
        ask();
        return !present_.empty();
    }
    bool has(const LabelSet& source) {
        ask();
        return present_.contains(source);
    }

 private:
    void ask() {
        if (was_asked_ || query_.empty()) return;
        was_asked_ = true;
        const Result<std::vector<Sample>> samples =
            query_samples(context_.engine, query_, at_, cancel_);
        if (!samples.ok()) return;
        is_known_ = true;
        for (const Sample& sample : *samples) present_.insert(without_name(sample.labels));
    }

    const std::string& query_;
    const RuleContext& context_;
    const Millis at_;
    const CancelToken& cancel_;
    bool was_asked_ = false;
    bool is_known_ = false;
    std::set<LabelSet> present_;
};

ActiveRule::ActiveRule(Rule rule, std::shared_ptr<const RuleContext> context, bool is_restored,
                       std::string place)
    : rule_(std::move(rule)),
      context_(std::move(context)),
      place_(std::move(place)),
      presence_query_(presence_of(rule_, context_->engine.options())),
      series_(std::make_unique<intake::ComputedSeries>(context_->store)),
      is_restored_(is_restored),
      status_(std::make_shared<const RuleStatus>()) {}

ActiveRule::~ActiveRule() { forget_alerts(); }

Result<uint64_t> ActiveRule::evaluate(const EvaluationTime& time, const CancelToken& cancel) {
    KW_TRY_ASSIGN(std::vector<Sample> samples,
                  query_samples(context_->engine, rule_.expr, time.data_time(), cancel));
    Rows rows;
    if (is_alerting()) {
        KW_TRY_ASSIGN(rows, update_alerts(samples, time, cancel));
    } else {
        KW_TRY_ASSIGN(rows, record(std::move(samples), time.limit));
    }
    KW_TRY_ASSIGN(const intake::ComputedReport report, series_->write(time.data_time(), rows));
    // As Prometheus: samples that are late or there already are no fault of the rule.
    if (report.refused > 0) {
        return exhausted("{} of {} samples were refused: {}", report.refused, rows.size(),
                         report.first_error);
    }
    return report.stored;
}

Result<ActiveRule::Rows> ActiveRule::record(const std::vector<Sample>& samples,
                                            uint64_t limit) const {
    Rows rows;
    rows.reserve(samples.size());
    std::set<LabelSet> seen;
    LabelBuilder builder;
    for (const Sample& sample : samples) {
        builder.reset(sample.labels);
        builder.set(kMetricName, rule_.name);
        for (const auto& [name, value] : rule_.labels) builder.set(name, value);
        LabelSet labels = builder.build();
        if (!seen.insert(labels).second) {
            return invalid(
                "vector contains metrics with the same labelset after applying rule labels: {}",
                labels.to_string());
        }
        rows.push_back({std::move(labels), sample.value, sample.histogram});
    }
    if (limit > 0 && rows.size() > limit) {
        return exhausted("exceeded limit of {} with {} series", limit, rows.size());
    }
    return rows;
}

Result<ActiveRule::Alerts> ActiveRule::current_alerts(const std::vector<Sample>& samples,
                                                      const EvaluationTime& time,
                                                      const CancelToken& cancel) const {
    Alerts current;
    const AlertTemplates texts(rule_, *context_, time.data_time(), cancel);
    LabelBuilder builder;
    for (const Sample& sample : samples) {
        Entry entry;
        entry.source = without_name(sample.labels);
        builder.reset(entry.source);
        for (const auto& [name, value] : texts.labels(sample.labels, sample.value))
            builder.set(name, value);
        builder.set(kAlertName, rule_.name);
        entry.alert.labels = builder.build();
        entry.alert.annotations = texts.annotations(sample.labels, sample.value);
        entry.alert.active_at = time.at;
        entry.alert.value = sample.value;
        const LabelSet key = entry.alert.labels;
        if (!current.emplace(key, std::move(entry)).second) {
            return invalid(
                "vector contains metrics with the same labelset after applying alert labels: {}",
                key.to_string());
        }
    }
    return current;
}

LabelSet ActiveRule::claimed_labels(const LabelSet& labels) const {
    LabelBuilder builder(labels);
    builder.set(kRuleGroup, place_);
    const LabelSet own = builder.build();
    // What it is called it stays, also when the other rule's alert is over.
    if (alerts_.contains(own) || !context_->claims->claim(labels, this)) {
        (void)context_->claims->claim(own, this);
        return own;
    }
    return labels;
}

ActiveRule::Alerts ActiveRule::claimed(Alerts current) const {
    if (context_->claims == nullptr) return current;
    Alerts named;
    for (auto at = current.begin(); at != current.end();) {
        auto node = current.extract(at++);
        node.key() = claimed_labels(node.key());
        node.mapped().alert.labels = node.key();
        named.insert(std::move(node));
    }
    return named;
}

void ActiveRule::forget_alerts() {
    if (context_->claims) {
        for (const auto& [labels, entry] : alerts_) context_->claims->release(labels, this);
    }
    alerts_.clear();
}

void ActiveRule::add_no_data_alert(Alerts& current, const EvaluationTime& time,
                                   const CancelToken& cancel, Presence& presence) const {
    if (on_no_data() != OnNoData::kAlert || !current.empty() || !presence.is_known() ||
        presence.has_any()) {
        return;
    }
    const Sample none{LabelSet(), kNormalNan, nullptr};
    Result<Alerts> made = current_alerts({none}, time, cancel);
    if (!made.ok()) return;
    for (auto& [labels, entry] : *made) {
        entry.is_made_up = true;
        entry.alert.is_no_data = true;
        current.emplace(labels, std::move(entry));
    }
}

bool ActiveRule::stays_without_sample(Entry& entry, Millis at, Presence& presence) const {
    Alert& alert = entry.alert;
    if (alert.state == AlertState::kInactive) return false;
    const bool has_no_data =
        !entry.is_made_up && presence.is_known() && !presence.has(entry.source);
    if (has_no_data && on_no_data() != OnNoData::kResolve) {
        alert.is_no_data = true;
        return true;
    }
    if (alert.state == AlertState::kFiring && rule_.keep_firing_for_ms > 0) {
        if (!alert.keep_firing_since) alert.keep_firing_since = at;
        if (at - *alert.keep_firing_since < rule_.keep_firing_for_ms) return true;
    }
    alert.is_no_data = has_no_data;
    return false;
}

Result<ActiveRule::Rows> ActiveRule::update_alerts(const std::vector<Sample>& samples,
                                                   const EvaluationTime& time,
                                                   const CancelToken& cancel) {
    Presence presence(presence_query_, *context_, time.data_time(), cancel);
    KW_TRY_ASSIGN(Alerts current, current_alerts(samples, time, cancel));
    add_no_data_alert(current, time, cancel, presence);
    current = claimed(std::move(current));
    for (auto& [labels, entry] : current) {
        const auto known = alerts_.find(labels);
        if (known != alerts_.end() && known->second.alert.state != AlertState::kInactive) {
            Alert& alert = known->second.alert;
            alert.value = entry.alert.value;
            alert.annotations = entry.alert.annotations;
            alert.is_no_data = entry.alert.is_no_data;
            known->second.source = entry.source;
            known->second.is_made_up = entry.is_made_up;
        } else {
            alerts_.insert_or_assign(labels, entry);
        }
    }
    Rows rows;
    uint64_t active_count = 0;
    for (auto at = alerts_.begin(); at != alerts_.end();) {
        Entry& entry = at->second;
        Alert& alert = entry.alert;
        const bool has_sample = current.contains(at->first);
        if (has_sample) {
            alert.keep_firing_since.reset();
        } else if (!stays_without_sample(entry, time.at, presence)) {
            const bool is_over =
                alert.state == AlertState::kPending ||
                (alert.resolved_at && time.at - *alert.resolved_at > kResolvedRetentionMs);
            if (alert.state != AlertState::kInactive) {
                alert.state = AlertState::kInactive;
                alert.resolved_at = time.at;
            }
            if (is_over && context_->claims) context_->claims->release(at->first, this);
            at = is_over ? alerts_.erase(at) : std::next(at);
            continue;
        }
        ++active_count;
        if (has_sample && alert.state == AlertState::kPending &&
            time.at - alert.active_at >= rule_.for_ms) {
            alert.state = AlertState::kFiring;
            alert.fired_at = time.at;
        }
        if (is_restored_) add_rows(alert, rows);
        ++at;
    }
    if (time.limit > 0 && active_count > time.limit) {
        forget_alerts();
        return exhausted("exceeded limit of {} with {} alerts", time.limit, active_count);
    }
    return rows;
}

void ActiveRule::add_rows(const Alert& alert, Rows& rows) const {
    LabelBuilder builder(alert.labels);
    builder.set(kMetricName, kForStateSeries);
    const int64_t active_seconds = alert.active_at.count / 1000;  // whole ones, as Prometheus
    rows.push_back({builder.build(), static_cast<double>(active_seconds)});
    builder.set(kMetricName, kAlertsSeries);
    builder.set("alertstate", alert_state_text(alert.state));
    rows.push_back({builder.build(), 1});
}

void ActiveRule::publish(const Result<uint64_t>& outcome, Millis at, double evaluation_seconds) {
    RuleStatus status;
    status.health = outcome.ok() ? RuleHealth::kOk : RuleHealth::kErr;
    if (!outcome.ok()) status.last_error = outcome.error().message;
    status.evaluation_seconds = evaluation_seconds;
    status.last_evaluation = at;
    publish_with_alerts(std::move(status));
}

void ActiveRule::publish_with_alerts(RuleStatus status) {
    status.alerts.clear();
    for (const auto& [labels, entry] : alerts_) {
        if (entry.alert.state != AlertState::kInactive) status.alerts.push_back(entry.alert);
    }
    auto published = std::make_shared<const RuleStatus>(std::move(status));
    MutexLock lock(status_mutex_);
    status_ = std::move(published);
}

std::shared_ptr<const RuleStatus> ActiveRule::status() const {
    MutexLock lock(status_mutex_);
    return status_;
}

void ActiveRule::send_alerts(AlertSink& sink, Millis at, int64_t resend_delay_ms,
                             int64_t interval_ms) {
    std::vector<Alert> due;
    for (auto& [labels, entry] : alerts_) {
        Alert& alert = entry.alert;
        if (alert.state == AlertState::kPending) continue;
        const bool is_newly_resolved =
            alert.resolved_at && (!alert.last_sent_at || *alert.resolved_at > *alert.last_sent_at);
        if (!is_newly_resolved && alert.last_sent_at && *alert.last_sent_at + resend_delay_ms >= at)
            continue;
        alert.last_sent_at = at;
        // Two evaluations or messages may fail before a receiver takes the alert for resolved.
        alert.valid_until = at + 4 * std::max(interval_ms, resend_delay_ms);
        due.push_back(alert);
    }
    if (!due.empty()) sink.send(rule_.expr, due);
}

void ActiveRule::adopt(ActiveRule& from) {
    series_ = std::move(from.series_);
    forget_alerts();
    alerts_ = std::exchange(from.alerts_, {});
    if (context_->claims) {
        for (const auto& [labels, entry] : alerts_)
            context_->claims->hand_over(labels, &from, this);
    }
    is_restored_ = from.is_restored_;
    const std::shared_ptr<const RuleStatus> status = from.status();
    MutexLock lock(status_mutex_);
    status_ = status;
}

Result<void> ActiveRule::restore(Millis now, const RestoreOptions& options,
                                 const CancelToken& cancel) {
    is_restored_ = true;
    // A shorter `for` is over before it would have been trusted.
    if (rule_.for_ms < options.grace_period_ms) return {};
    MemoryBudget budget(256 << 20);
    KW_TRY_ASSIGN(const std::unique_ptr<SelectedSeries> selected,
                  context_->store.select(
                      {Matcher::equal(std::string(kMetricName), std::string(kForStateSeries)),
                       Matcher::equal(std::string(kAlertName), rule_.name)},
                      {now - options.outage_tolerance_ms, now}, {}, cancel, budget));
    SampleColumns samples;
    for (size_t i = 0; i < selected->size(); ++i) {
        const auto found = alerts_.find(without_name(selected->labels(i)));
        if (found == alerts_.end() || found->second.alert.state == AlertState::kInactive) continue;
        KW_TRY(selected->read(i, samples));
        // A time of the years that milliseconds can tell; the staleness marker is none.
        if (samples.size() == 0 || !(std::abs(samples.values.back()) < 1e12)) continue;
        const Millis down_at{samples.timestamps.back()};
        Millis active_at{static_cast<int64_t>(samples.values.back()) * 1000};
        const int64_t remaining_ms = rule_.for_ms - (down_at - active_at);
        if (remaining_ms > 0 && remaining_ms < options.grace_period_ms) {
            // It would fire very soon: it gets the grace period to be seen recovering.
            active_at = now + options.grace_period_ms - rule_.for_ms;
        } else if (remaining_ms > 0) {
            active_at += now - down_at;  // the outage does not count
        }
        found->second.alert.active_at = active_at;
    }
    publish_with_alerts(*status());
    return {};
}

}  // namespace kw::rules
