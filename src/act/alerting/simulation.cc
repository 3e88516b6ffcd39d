#include "alerting/simulation.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "alerting/integration.h"
#include "alerting/matchers.h"
#include "alerting/notification_log.h"
#include "alerting/template_data.h"

namespace kw::alerting {
namespace {

const Receiver* find_receiver(const Settings& settings, const std::string& name) {
    if (settings.notify == nullptr) return nullptr;
    for (const Receiver& receiver : settings.notify->receivers) {
        if (receiver.name == name) return &receiver;
    }
    return nullptr;
}

std::string comma_separated(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
}

// Why nobody is told at `at`; empty: somebody is.
std::vector<std::string> suppressing(const Explanation& explanation, const Route& route,
                                     Millis at) {
    std::vector<std::string> reasons;
    if (const auto muted = muting_intervals(route, explanation.settings->time_intervals, at);
        !muted.empty()) {
        const bool is_inactive = muted == route.active_time_intervals;
        reasons.push_back(fmt::format(
            "{} {}",
            is_inactive ? "outside of the active time intervals" : "muted by time interval",
            comma_separated(muted)));
    }
    if (explanation.inhibition) {
        reasons.push_back(
            fmt::format("inhibited by {}", explanation.inhibition->source->labels.to_string()));
    }
    for (const Silence& silence : explanation.silences) {
        if (silence.starts_at > at || silence.ends_at <= at) continue;
        reasons.push_back(
            fmt::format("silenced by {} ({}) until {}", silence.id,
                        silence.comment.empty() ? silence.created_by : silence.comment,
                        rfc3339(silence.ends_at)));
    }
    return reasons;
}

// One route's flushes, one after the other.
class RouteRun {
 public:
    RouteRun(const Explanation& explanation, const SimulationRequest& request, size_t index)
        : explanation_(explanation),
          request_(request),
          of_(explanation.routes[index]),
          route_(*of_.path.back()),
          fingerprint_(fingerprint(request.labels)) {
        result_.route = index;
        if (const Receiver* const receiver =
                find_receiver(*explanation.settings, route_.receiver)) {
            integrations_ = list_integrations(*receiver);
        }
        if (integrations_.empty()) integrations_.push_back({"", "", false});
    }

    SimulatedRoute run() {
        const int64_t interval_ms = std::max<int64_t>(route_.group_interval_ms, 1);
        const Millis end = request_.at + request_.horizon_ms;
        uint64_t flushes = 0;
        for (Millis at = first_flush(interval_ms); at <= end; at += interval_ms) {
            if (++flushes > kSimulatedFlushesMax || result_.events.size() >= kSimulatedEventsMax) {
                result_.is_cut = true;
                break;
            }
            const bool is_over = request_.ends_at && *request_.ends_at <= at;
            flush(at, is_over);
            if (is_over) break;  // the group is forgotten
        }
        return std::move(result_);
    }

 private:
    Millis first_flush(int64_t interval_ms) const {
        if (!of_.has_group) return request_.at + route_.group_wait_ms;
        // The group flushes at its own times; where one is under way, the next comes an interval later.
        Millis due = of_.next_flush.value_or(explanation_.now + interval_ms);
        if (due < request_.at) {
            due += (request_.at - due + interval_ms - 1) / interval_ms * interval_ms;
        }
        return due;
    }

    void flush(Millis at, bool is_over) {
        std::vector<std::string> reasons = suppressing(explanation_, route_, at);
        if (!reasons.empty()) return suppress(at, std::move(reasons));
        is_suppressed_ = false;
        const std::vector<uint64_t> firing =
            is_over ? std::vector<uint64_t>() : std::vector{fingerprint_};
        const std::vector<uint64_t> resolved =
            is_over ? std::vector{fingerprint_} : std::vector<uint64_t>();
        SimulatedEvent event;
        event.at = event.until = at;
        bool is_told = false;
        for (const IntegrationInfo& integration : integrations_) {
            const auto found = log_.find(integration.name);
            const LogEntry* const entry = found == log_.end() ? nullptr : &found->second;
            if (!needs_notification(entry, firing, resolved, integration.send_resolved, at,
                                    route_.repeat_interval_ms)) {
                continue;
            }
            event.kind = is_over            ? SimulatedEvent::Kind::kResolved
                         : entry == nullptr ? SimulatedEvent::Kind::kFiring
                                            : SimulatedEvent::Kind::kRepeat;
            LogEntry& told = log_[integration.name];
            told.at = at;
            told.firing = firing;
            told.resolved = resolved;
            if (is_over && !integration.send_resolved) continue;
            is_told = true;
            if (!integration.name.empty()) event.integrations.push_back(integration.name);
        }
        if (!is_told) return;
        if (event.integrations.empty()) {
            event.reasons.push_back(
                fmt::format("receiver {} has no integration that acts", route_.receiver));
        }
        result_.events.push_back(std::move(event));
    }

    void suppress(Millis at, std::vector<std::string> reasons) {
        if (is_suppressed_ && result_.events.back().reasons == reasons) {
            result_.events.back().until = at;
            ++result_.events.back().flushes;
            return;
        }
        is_suppressed_ = true;
        SimulatedEvent event;
        event.kind = SimulatedEvent::Kind::kSuppressed;
        event.at = event.until = at;
        event.reasons = std::move(reasons);
        result_.events.push_back(std::move(event));
    }

    const Explanation& explanation_;
    const SimulationRequest& request_;
    const RouteExplanation& of_;
    const Route& route_;
    const uint64_t fingerprint_;
    std::vector<IntegrationInfo> integrations_;  // one without a name: none acts
    std::map<std::string, LogEntry> log_;        // what each integration knows
    bool is_suppressed_ = false;                 // at the flush before
    SimulatedRoute result_;
};

}  // namespace

std::string_view event_text(SimulatedEvent::Kind kind) {
    switch (kind) {
        case SimulatedEvent::Kind::kFiring: return "firing";
        case SimulatedEvent::Kind::kRepeat: return "repeat";
        case SimulatedEvent::Kind::kResolved: return "resolved";
        case SimulatedEvent::Kind::kSuppressed: break;
    }
    return "suppressed";
}

std::vector<SimulatedRoute> simulate(const Explanation& explanation,
                                     const SimulationRequest& request) {
    std::vector<SimulatedRoute> routes;
    for (size_t i = 0; i < explanation.routes.size(); ++i) {
        routes.push_back(RouteRun(explanation, request, i).run());
    }
    return routes;
}

}  // namespace kw::alerting
