// Incidents: what happens by itself. See incidents.h.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "incidents/incidents.h"
#include "incidents/postmortem.h"
#include "incidents/timeline_gatherer.h"

namespace kw::incidents {
namespace {

// How long after it was resolved a timeline is still gathered: what came after is compared with what was before.
constexpr int64_t kGatherAfterMs = 15 * 60'000;

struct MeanSeconds {
    double sum_s = 0;
    size_t count = 0;
    void add(int64_t distance_ms) {
        sum_s += static_cast<double>(std::max<int64_t>(distance_ms, 0)) / 1000;
        ++count;
    }
};

std::string drafted(const Incident& incident, const Timeline& timeline) {
    return draft_postmortem_text(incident, timeline).substr(0, kPostmortemBytesMax);
}

}  // namespace

void Incidents::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Incidents::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    stopping_.cancel();
    {
        MutexLock lock(mutex_);
        is_woken_ = true;
        wake_.notify_all();
    }
    thread_.join();
}

void Incidents::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        run_once(stopping_);
        MutexLock lock(mutex_);
        if (!is_woken_) wake_.wait_for(mutex_, std::chrono::milliseconds(options_.interval_ms));
        is_woken_ = false;
    }
}

void Incidents::run_once(const CancelToken& cancel) {
    look_at_alerts();
    resolve_by_themselves();
    page();
    gather_next(cancel);
    show_metrics();
}

// One a round, whose turn is longest ago: queries must not hold up the alerts.
void Incidents::gather_next(const CancelToken& cancel) {
    const Millis now = env_.clock.now();
    int64_t next = 0;
    Millis next_at = Millis::max();
    for (const IncidentPtr& incident : list()) {
        const bool is_over =
            !incident->is_open() &&
            (!incident->resolved_at || now - *incident->resolved_at > kGatherAfterMs);
        const auto found = gathered_at_.find(incident->id);
        if (found == gathered_at_.end()) {
            // A start does not gather anew what is over and has its timeline.
            if (is_over) {
                gathered_at_.emplace(incident->id, now);
                continue;
            }
            next = incident->id;
            break;
        }
        const bool is_due = now - found->second >= options_.gather_interval_ms && !is_over;
        const bool was_just_resolved =
            incident->resolved_at && *incident->resolved_at >= found->second;
        if ((is_due || was_just_resolved) && found->second < next_at) {
            next = incident->id;
            next_at = found->second;
        }
    }
    if (next == 0) return;
    gathered_at_.insert_or_assign(next, now);
    if (const Result<Timeline> gathered = gather(next, cancel); !gathered.ok()) {
        env_.log.error("the timeline of an incident is not gathered",
                       {{"incident", incident_name(next)}, {"err", gathered.error().message}});
    }
}

Result<Timeline> Incidents::gather(int64_t id, const CancelToken& cancel) {
    const IncidentPtr incident = find(id);
    if (incident == nullptr) return not_found("there is no incident {}", incident_name(id));
    // One that cannot be read is replaced.
    const std::optional<Timeline> former = table_->timeline(id).value_or({});
    Gathered gathered = gather_timeline(*incident, *settings(), former ? &*former : nullptr,
                                        engine_, env_.clock.now(), cancel);
    KW_TRY(cancel.check());
    KW_TRY(table_->put_timeline(id, gathered.timeline));
    const bool begins_earlier = gathered.pending_since && !incident->is_began_by_hand &&
                                *gathered.pending_since < incident->began_at;
    const bool wants_draft = incident->status == Status::kResolved &&
                             incident->severity <= Severity::kSev2 && incident->postmortem.empty();
    // While it lasts the number only grows, but each change is a line of its history: it is written once it is known, and
    // when it is over.
    const bool is_over = incident->restored_at || !incident->is_open();
    const bool counts_users =
        gathered.users && !incident->impact.is_edited &&
        (!incident->impact.users || (is_over && *gathered.users > *incident->impact.users));
    if (!begins_earlier && !wants_draft && !counts_users) return std::move(gathered.timeline);
    KW_TRY(change(id, "gather", {"kilowatch", "incidents"},
                  [&](Incident& changed, const Moment&) -> Done {
                      std::string done = "timeline gathered";
                      if (begins_earlier && !changed.is_began_by_hand) {
                          changed.began_at = *gathered.pending_since;
                          done += "; it began when its alert became pending";
                      }
                      if (counts_users && !changed.impact.is_edited) {
                          changed.impact.users = gathered.users;
                          done += fmt::format("; {} users at the most", *gathered.users);
                      }
                      if (wants_draft && changed.postmortem.empty()) {
                          changed.postmortem = drafted(changed, gathered.timeline);
                          done += "; post-mortem drafted";
                      }
                      return done;
                  }));
    return std::move(gathered.timeline);
}

Result<IncidentPtr> Incidents::draft_postmortem(int64_t id, const Actor& actor,
                                                const CancelToken& cancel) {
    KW_TRY_ASSIGN(const Timeline timeline, gather(id, cancel));
    return change(id, "postmortem", actor, [&](Incident& changed, const Moment&) -> Done {
        if (changed.status == Status::kClosed) {
            return conflict("{} is closed; its post-mortem stays as it is", incident_name(id));
        }
        changed.postmortem = drafted(changed, timeline);
        changed.is_postmortem_by_hand = false;
        return std::string("post-mortem drafted");
    });
}

void Incidents::show_metrics() {
    const Millis since = env_.clock.now() - options_.mean_window_ms;
    constexpr size_t kSeverityCount = std::size(kSeverities);
    size_t open[kSeverityCount][std::size(kPhases)] = {};
    MeanSeconds detect[kSeverityCount];
    MeanSeconds acknowledge[kSeverityCount];
    MeanSeconds resolve[kSeverityCount];
    for (const IncidentPtr& incident : list()) {
        const auto severity = static_cast<size_t>(incident->severity);
        if (incident->is_open()) ++open[severity][static_cast<size_t>(incident->phase)];
        if (incident->opened_at < since) continue;
        detect[severity].add(incident->opened_at - incident->began_at);
        if (incident->acknowledged_at) {
            acknowledge[severity].add(*incident->acknowledged_at - incident->opened_at);
        }
        if (incident->resolved_at) {
            resolve[severity].add(*incident->resolved_at - incident->began_at);
        }
    }
    for (const Severity severity : kSeverities) {
        const auto index = static_cast<size_t>(severity);
        const std::string text(severity_text(severity));
        for (const Phase phase : kPhases) {
            env_.metrics
                .gauge("kilowatch_incidents", "Open incidents.",
                       {{"severity", text}, {"phase", std::string(phase_text(phase))}})
                .set(static_cast<double>(open[index][static_cast<size_t>(phase)]));
        }
        const auto show = [&](std::string_view name, std::string_view help,
                              const MeanSeconds& mean) {
            if (mean.count == 0) return;
            env_.metrics.gauge(name, help, {{"severity", text}})
                .set(mean.sum_s / static_cast<double>(mean.count));
        };
        show("kilowatch_incident_mttd_seconds",
             "MeanSeconds time from the beginning to the detection, of incidents of the last 30 "
             "days.",
             detect[index]);
        show("kilowatch_incident_mtta_seconds",
             "MeanSeconds time from the detection to the acknowledgement, of incidents of the last "
             "30 "
             "days.",
             acknowledge[index]);
        show("kilowatch_incident_mttr_seconds",
             "MeanSeconds time from the beginning to the resolution, of incidents of the last 30 "
             "days.",
             resolve[index]);
    }
}

}  // namespace kw::incidents
