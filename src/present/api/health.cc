#include "api/health.h"

#include <algorithm>
#include <array>

namespace kw::api {
namespace {

// What runs at an interval: of a target or a group.
struct Beat {
    Millis last;  // Millis{0}: never
    int64_t interval_ms = 0;
    int64_t takes_ms_max = 0;
};

// Three intervals: one that is missed is a pause of the machine, three are a schedule that stands.
PartHealth health_of(const std::vector<Beat>& beats, Millis since, Millis now) {
    const auto is_late = [&](const Beat& beat, Millis last) {
        return now > last + (3 * beat.interval_ms + beat.takes_ms_max);
    };
    size_t begun = 0;
    size_t late = 0;
    for (const Beat& beat : beats) {
        if (beat.last == Millis{0}) continue;
        ++begun;
        // A new configuration may have brought a shorter interval.
        if (is_late(beat, std::max(beat.last, since))) ++late;
    }
    if (begun > 0) {
        if (late == 0) return PartHealth::kHealthy;
        return late == begun ? PartHealth::kUnhealthy : PartHealth::kDegraded;
    }
    const bool none_came =
        !beats.empty() && std::all_of(beats.begin(), beats.end(),
                                      [&](const Beat& beat) { return is_late(beat, since); });
    return none_came ? PartHealth::kUnhealthy : PartHealth::kHealthy;
}

}  // namespace

std::string_view part_health_text(PartHealth health) {
    constexpr std::array<std::string_view, 4> kTexts = {"healthy", "degraded", "starting",
                                                        "unhealthy"};
    return kTexts[static_cast<size_t>(health)];
}

PartHealth scrape_health(const std::vector<scrape::TargetStatus>& targets, Millis since,
                         Millis now) {
    std::vector<Beat> beats;
    beats.reserve(targets.size());
    for (const scrape::TargetStatus& target : targets) {
        beats.push_back({target.last_scrape, target.interval_ms, target.timeout_ms});
    }
    return health_of(beats, since, now);
}

PartHealth rules_health(const std::vector<rules::GroupView>& groups, Millis since, Millis now) {
    std::vector<Beat> beats;
    bool one_fails = false;
    for (const rules::GroupView& group : groups) {
        // A group that takes long evaluates seldom: what it took last time is granted on top.
        const auto took_ms = static_cast<int64_t>(group.evaluation_seconds * 1000);
        beats.push_back({group.last_evaluation, group.interval_ms, 3 * took_ms});
        for (const rules::RuleView& rule : group.rules) {
            one_fails |= rule.status->health == rules::RuleHealth::kErr;
        }
    }
    return std::max(health_of(beats, since, now),
                    one_fails ? PartHealth::kDegraded : PartHealth::kHealthy);
}

void ServerHealth::add(std::string_view part, PartHealth health) {
    parts.emplace_back(part, health);
    status = std::max(status, health);
}

}  // namespace kw::api
