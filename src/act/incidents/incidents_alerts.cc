// Incidents: what alerts do. See incidents.h.
#include <algorithm>
#include <deque>
#include <utility>

#include "alerting/alertmanager.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "incidents/incidents.h"

namespace kw::incidents {
namespace {

constexpr size_t kImpactNamesMax = 50;
constexpr int64_t kLimitedPauseMs = 10'000;
constexpr int64_t kPageIntervalMs = 60'000;
constexpr int64_t kPageValidMs = 5 * 60'000;  // resolved by itself when we are gone so long

std::string title_of(const SeenAlert& alert, const std::string& service) {
    std::string title(alert.labels.get("alertname"));
    if (title.empty()) title = "An alert without a name";
    if (!service.empty()) title += " in " + service;
    return title.substr(0, kWordBytesMax);
}

void add_name(std::vector<std::string>& names, std::string_view name) {
    if (name.empty() || names.size() >= kImpactNamesMax) return;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

IncidentAlert to_incident_alert(const SeenAlert& alert) {
    IncidentAlert out;
    out.labels = alert.labels;
    out.summary = alert.summary.substr(0, kItemBytesMax);
    out.link = alert.link.substr(0, kItemBytesMax);
    out.starts_at = alert.starts_at;
    out.is_external = alert.is_external;
    return out;
}

}  // namespace

std::string service_of(const LabelSet& alert, const Settings& settings) {
    for (const std::string& label : settings.service_labels) {
        if (const std::string_view value = alert.get(label); !value.empty()) {
            return std::string(value);
        }
    }
    return {};
}

void add_impact(Impact& impact, const LabelSet& alert, const Settings& settings) {
    if (impact.is_edited) return;
    add_name(impact.services, service_of(alert, settings));
    for (const std::string& label : settings.zone_labels) add_name(impact.zones, alert.get(label));
}

// One batch of what was told: collects the changes of each incident, so that each is written once.
class Incidents::Taking {
 public:
    Taking(Incidents& of, std::string source, Actor actor) KW_REQUIRES(of.change_mutex_)
        : of_(of),
          settings_(of.settings()),
          now_(of.env_.clock.now()),
          source_(std::move(source)),
          actor_(std::move(actor)),
          open_count_(of.open_count()),
          next_id_(of.last_id_ + 1),
          incidents_(of.list()) {
        index_incidents();
    }

    // The incident's id; 0: the alert opens none.
    int64_t begin(const SeenAlert& alert) {
        const Verdict verdict = settings_->rules.verdict_of(alert.labels);
        if (!verdict.severity) return 0;
        const std::string service = service_of(alert.labels, *settings_);
        const std::string group = group_of(alert.labels, service);
        Change* change = join(group);
        if (change == nullptr) {
            if (open_count_ >= of_.options_.open_max) {
                is_limited_ = true;
                of_.limited_counter_.add();
                return 0;
            }
            change = &open(alert, service, verdict);
            by_group_.insert_or_assign(group, change->after->id);
        }
        add(*change, alert, verdict);
        return change->after->id;
    }

    void end(int64_t id, const LabelSet& labels, Millis at, bool is_no_data) {
        Change* const change = find(id);
        if (change == nullptr) return;
        Incident& incident = *change->after;
        for (IncidentAlert& alert : incident.alerts) {
            if (alert.labels != labels || alert.ended_at) continue;
            alert.ended_at = std::max(at, alert.starts_at);
            alert.is_no_data = is_no_data;
            incident.last_alert_at = now_;
            note(*change, "alert",
                 fmt::format("{} {}", labels.get("alertname"),
                             is_no_data ? "ended: its series have no data" : "ended"));
        }
        if (incident.firing_count() == 0 && !incident.restored_at) incident.restored_at = now_;
    }

    std::vector<Write> writes() {
        std::vector<Write> writes;
        for (Change& change : changes_) {
            if (change.text.empty()) continue;
            change.after->updated_at = now_;
            writes.push_back({change.before, change.after, actor_,
                              change.before == nullptr ? "open" : "alert",
                              change.text.substr(0, kTextBytesMax)});
        }
        return writes;
    }
    bool is_limited() const { return is_limited_; }

 private:
    struct Change {
        IncidentPtr before;
        std::shared_ptr<Incident> after;
        std::string text;
    };

    Change* find(int64_t id) {
        if (const auto found = changed_.find(id); found != changed_.end()) return found->second;
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) return nullptr;
        return &keep({found->second, std::make_shared<Incident>(*found->second), ""});
    }
    Change& keep(Change change) {
        changes_.push_back(std::move(change));
        changed_.emplace(changes_.back().after->id, &changes_.back());
        return changes_.back();
    }

    // Whether alerts of its services belong to it now.
    bool is_joinable(const Incident& incident) const {
        // What was resolved by itself begins again; what a person resolved is over.
        if (!incident.is_open() &&
            !(incident.status == Status::kResolved && incident.is_resolved_by_itself)) {
            return false;
        }
        return incident.firing_count() > 0 ||
               now_ - incident.last_alert_at <= settings_->group_window_ms;
    }

    // What alerts are together by: their service, without one their name.
    static std::string group_of(const LabelSet& alert, const std::string& service) {
        return service.empty() ? fmt::format("alertname {}", alert.get("alertname"))
                               : "service " + service;
    }

    // Once for all alerts of a batch: a flood must not look through all incidents for each.
    void index_incidents() {
        for (const IncidentPtr& incident :
             incidents_) {  // the newest first: it is the one that counts
            by_id_.emplace(incident->id, incident);
            if (!is_joinable(*incident)) continue;
            for (const std::string& service : incident->impact.services) {
                by_group_.emplace("service " + service, incident->id);
            }
            for (const IncidentAlert& alert : incident->alerts) {
                if (!service_of(alert.labels, *settings_).empty()) continue;
                by_group_.emplace(group_of(alert.labels, ""), incident->id);
            }
        }
    }

    Change* join(const std::string& group) {
        const auto found = by_group_.find(group);
        return found == by_group_.end() ? nullptr : find(found->second);
    }

    Change& open(const SeenAlert& alert, const std::string& service, const Verdict& verdict) {
        auto incident = std::make_shared<Incident>();
        incident->id = next_id_++;
        incident->title = title_of(alert, service);
        incident->severity = *verdict.severity;
        incident->severity_reason = verdict.reason;
        incident->source = source_;
        incident->opened_at = now_;
        incident->began_at = std::min(alert.starts_at, now_);
        incident->summary = alert.summary.substr(0, kTextBytesMax);
        incident->phases.push_back({Phase::kDetection, now_, actor_.name, ""});
        ++open_count_;
        Change& change = keep({nullptr, std::move(incident), ""});
        note(change, "open",
             fmt::format("{} opened: {} ({})", severity_text(*verdict.severity),
                         change.after->title, verdict.reason));
        return change;
    }

    void add(Change& change, const SeenAlert& alert, const Verdict& verdict) {
        Incident& incident = *change.after;
        incident.last_alert_at = now_;
        incident.restored_at.reset();
        if (incident.status == Status::kResolved) reopen(change);
        add_impact(incident.impact, alert.labels, *settings_);
        if (!incident.is_began_by_hand) {
            incident.began_at = std::min(incident.began_at, alert.starts_at);
        }
        if (verdict.rule != nullptr) add_class(incident, *verdict.rule);
        if (*verdict.severity < incident.severity && !incident.is_severity_by_hand) {
            note(change, "severity",
                 fmt::format("{} instead of {}: {}", severity_text(*verdict.severity),
                             severity_text(incident.severity), verdict.reason));
            incident.severity = *verdict.severity;
            incident.severity_reason = verdict.reason;
        }
        const auto found =
            std::find_if(incident.alerts.begin(), incident.alerts.end(),
                         [&](const IncidentAlert& one) { return one.labels == alert.labels; });
        if (found != incident.alerts.end()) {
            found->ended_at.reset();
            found->is_no_data = false;
            ++found->firing_count;
            note(change, "alert", fmt::format("{} fires again", alert.labels.get("alertname")));
        } else if (incident.alerts.size() < kIncidentAlertsMax &&
                   alert.labels.encoded().size() <= kAlertBytesMax) {
            incident.alerts.push_back(to_incident_alert(alert));
            note(change, "alert", fmt::format("{} fires", alert.labels.get("alertname")));
        } else {
            ++incident.alerts_left_out;
            if (change.text.empty()) change.text = "more alerts";
        }
    }

    void reopen(Change& change) {
        Incident& incident = *change.after;
        incident.status = Status::kOpen;
        incident.resolved_at.reset();
        incident.is_resolved_by_itself = false;
        incident.phase = Phase::kDetection;
        incident.phases.push_back({Phase::kDetection, now_, actor_.name, "an alert fires again"});
        note(change, "phase", "open again: an alert fires");
    }

    // The runbook and the checks of a class, once each.
    static void add_class(Incident& incident, const ClassRule& rule) {
        for (const std::string& step : rule.runbook) {
            const bool is_there =
                std::any_of(incident.runbook.begin(), incident.runbook.end(),
                            [&](const RunbookStep& one) { return one.text == step; });
            if (!is_there && incident.runbook.size() < kItemsMax) {
                incident.runbook.push_back({step, std::nullopt, ""});
            }
        }
        for (const std::string& query : rule.checks) {
            const bool is_there = std::any_of(incident.checks.begin(), incident.checks.end(),
                                              [&](const Check& one) { return one.query == query; });
            if (!is_there && incident.checks.size() < kItemsMax) {
                incident.checks.push_back({query, std::nullopt, false, "not checked yet"});
            }
        }
    }

    // A flapping alert must not fill the document: from here on only people's words are noted.
    static constexpr size_t kNotesOfAlertsMax = 1000;

    void note(Change& change, std::string kind, std::string text) {
        change.text += (change.text.empty() ? "" : "; ") + text;
        if (change.after->notes.size() >= kNotesOfAlertsMax) return;
        change.after->notes.push_back({now_, actor_.name, std::move(kind), std::move(text)});
    }

    Incidents& of_;
    const std::shared_ptr<const Settings> settings_;
    const Millis now_;
    const std::string source_;
    const Actor actor_;
    size_t open_count_;
    int64_t next_id_;
    const std::vector<IncidentPtr> incidents_;
    std::unordered_map<int64_t, IncidentPtr> by_id_;
    std::unordered_map<std::string, int64_t> by_group_;  // that alerts of a group join
    std::deque<Change> changes_;                         // stays where it is while it grows
    std::unordered_map<int64_t, Change*> changed_;
    bool is_limited_ = false;
};

Result<std::vector<IncidentPtr>> Incidents::take(const std::vector<SeenAlert>& alerts,
                                                 const std::string& source, const Actor& actor) {
    MutexLock one_at_a_time(change_mutex_);
    Taking taking(*this, source, actor);
    std::unordered_map<LabelSet, int64_t, LabelSetHash> begun;
    std::vector<const LabelSet*> ended;
    for (const SeenAlert& alert : alerts) {
        const auto known = known_.find(alert.labels);
        const auto just_begun = begun.find(alert.labels);
        const int64_t id = known != known_.end()       ? known->second
                           : just_begun != begun.end() ? just_begun->second
                                                       : 0;
        if (alert.ended_at) {
            if (id == 0) continue;
            taking.end(id, alert.labels, *alert.ended_at, alert.is_no_data);
            ended.push_back(&alert.labels);
        } else if (id == 0) {
            if (const int64_t new_id = taking.begin(alert); new_id != 0) {
                begun.emplace(alert.labels, new_id);
            }
        }
    }
    if (taking.is_limited()) {
        if (!is_limit_logged_) {
            env_.log.error("alerts open no incidents: there are too many open",
                           {{"open_max", std::to_string(options_.open_max)}});
        }
        is_limit_logged_ = true;  // until there is room again
        unknown_again_at_ = env_.clock.now() + kLimitedPauseMs;
    } else if (open_count() < options_.open_max) {
        is_limit_logged_ = false;
    }
    const std::vector<Write> writes = taking.writes();
    KW_TRY(put(writes));
    for (const Write& write : writes) last_id_ = std::max(last_id_, write.after->id);
    for (const auto& [labels, id] : begun) {
        known_.insert_or_assign(labels, id);
        last_seen_.insert_or_assign(labels, env_.clock.now());
    }
    for (const LabelSet* const labels : ended) {
        known_.erase(*labels);
        last_seen_.erase(*labels);
    }
    std::vector<IncidentPtr> changed;
    for (const Write& write : writes) changed.push_back(write.after);
    return changed;
}

void Incidents::look_at_alerts() {
    const std::shared_ptr<const Settings> settings = this->settings();
    const Millis now = env_.clock.now();
    std::vector<SeenAlert> seen;
    std::vector<alerting::AlertPtr> unknown;
    Millis unknown_again_at;
    {
        MutexLock one_at_a_time(change_mutex_);
        unknown_again_at = unknown_again_at_;
        for (const alerting::AlertPtr& alert : alerts_.stored()) {
            const bool is_known = known_.contains(alert->labels);
            const bool is_over = alert->is_resolved_at(now);
            if (is_known && !is_over) last_seen_[alert->labels] = now;
            if (is_known && is_over) {
                SeenAlert one;
                one.labels = alert->labels;
                one.starts_at = alert->starts_at;
                one.ended_at = alert->ends_at;
                one.is_no_data = alert->is_no_data;
                seen.push_back(std::move(one));
            }
            if (!is_known && !is_over) unknown.push_back(alert);
        }
        // Nobody says anything of it any more, and it is none of a webhook's.
        for (const auto& [labels, id] : known_) {
            const auto at = last_seen_.find(labels);
            if (at != last_seen_.end() && now - at->second < options_.absence_ms) continue;
            const IncidentPtr incident = find(id);
            const bool is_external =
                incident != nullptr && std::any_of(incident->alerts.begin(), incident->alerts.end(),
                                                   [&](const IncidentAlert& alert) {
                                                       return alert.is_external &&
                                                              alert.labels == labels;
                                                   });
            if (is_external) continue;
            SeenAlert one;
            one.labels = labels;
            one.ended_at = now;
            one.is_no_data = true;
            seen.push_back(std::move(one));
        }
    }
    // A flood that opens none is not looked at each time.
    if (settings->opens_from_alerts && now >= unknown_again_at) {
        for (const alerting::AlertPtr& alert : unknown) {
            if (alerts_.status(alert->labels).is_suppressed()) continue;
            SeenAlert one;
            one.labels = alert->labels;
            for (const auto& [name, value] : alert->annotations) {
                if (name == "summary" || (name == "description" && one.summary.empty())) {
                    one.summary = value;
                }
            }
            one.link = alert->generator_url;
            one.starts_at = alert->starts_at;
            seen.push_back(std::move(one));
        }
    }
    if (seen.empty()) return;
    if (const Result<std::vector<IncidentPtr>> taken = take(seen, "alert", {"alerts", "alerts"});
        !taken.ok()) {
        env_.log.error("alerts are not kept as incidents; the next look tries again",
                       {{"err", taken.error().message}});
    }
}

void Incidents::resolve_by_themselves() {
    const std::shared_ptr<const Settings> settings = this->settings();
    if (settings->auto_resolve_after_ms == 0) return;
    const Millis now = env_.clock.now();
    const auto is_due = [&](const Incident& incident) {
        return incident.is_open() && incident.severity >= Severity::kSev3 &&
               !incident.acknowledged_at && incident.restored_at && incident.source == "alert" &&
               incident.firing_count() == 0 &&
               now - *incident.restored_at >= settings->auto_resolve_after_ms;
    };
    for (const IncidentPtr& incident : list()) {
        if (!is_due(*incident)) continue;
        const Result<IncidentPtr> resolved =
            change(incident->id, "resolve", {"alerts", "alerts"},
                   [&](Incident& changed, const Moment& moment) -> Done {
                       if (!is_due(changed)) return conflict("somebody is on it");
                       const std::string reason = "its alerts ended and nobody had to act";
                       KW_TRY_ASSIGN(std::string done, incidents::resolve(changed, reason, moment));
                       // It was over when its last alert ended.
                       changed.resolved_at = changed.restored_at;
                       changed.is_resolved_by_itself = true;
                       return done;
                   });
        if (!resolved.ok() && resolved.error().code != Code::kConflict) {
            env_.log.error(
                "an incident whose alerts ended is not resolved",
                {{"incident", incident_name(incident->id)}, {"err", resolved.error().message}});
        }
    }
}

void Incidents::page() {
    const bool pages = settings()->pages;
    const Millis now = env_.clock.now();
    const auto is_told_of = [&](const Incident& incident) {
        return pages && incident.source != "alert" && incident.is_open() &&
               incident.severity != Severity::kSev4 && !incident.acknowledged_at &&
               !incident.is_snoozed_at(now);
    };
    std::vector<alerting::Report> reports;
    std::unordered_map<int64_t, IncidentPtr> told;
    for (const IncidentPtr& incident : list()) {
        if (is_told_of(*incident)) told.emplace(incident->id, incident);
    }
    const auto end = [&](const Page& page) {
        alerting::Report report;
        report.labels = page.labels;
        report.starts_at = page.sent_at;
        report.ends_at = now;
        reports.push_back(std::move(report));
    };
    std::erase_if(pages_, [&](const auto& entry) {
        if (told.contains(entry.first)) return false;
        end(entry.second);
        return true;
    });
    for (const auto& [id, incident] : told) {
        LabelBuilder labels;
        labels.set("alertname", "IncidentOpen").set("incident", incident_name(id));
        labels.set("sev", severity_text(incident->severity));
        labels.set("severity", incident->severity <= Severity::kSev2 ? "critical" : "warning");
        if (!incident->impact.services.empty()) {
            labels.set("service", incident->impact.services.front());
        }
        Page& page = pages_[id];
        const LabelSet current = labels.build();
        if (page.labels == current && now - page.sent_at < kPageIntervalMs) continue;
        if (!page.labels.empty() && page.labels != current) end(page);
        page = {current, now};
        alerting::Report report;
        report.labels = current;
        report.annotations = {
            {"summary", fmt::format("{} {}: {}", incident_name(id),
                                    severity_text(incident->severity), incident->title)},
            {"description", incident->summary}};
        report.starts_at = incident->opened_at;
        report.ends_at = now + kPageValidMs;
        reports.push_back(std::move(report));
    }
    if (!reports.empty()) (void)alerts_.put(std::move(reports));  // it counts what it refuses
}

}  // namespace kw::incidents
