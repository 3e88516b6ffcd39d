#include "incidents/timeline.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "incidents/postmortem.h"

namespace kw::incidents {

void keep_former(Timeline& timeline, const Timeline& former,
                 const std::set<std::string, std::less<>>& failed_kinds) {
    for (const std::string& kind : failed_kinds) {
        size_t kept_count = 0;
        for (const TimelineEntry& entry : former.entries) {
            if (entry.kind != kind) continue;
            // A departure's value grows while it goes on; what it is of stays.
            const bool is_there = std::any_of(
                timeline.entries.begin(), timeline.entries.end(), [&](const TimelineEntry& other) {
                    return other.kind == kind && other.title == entry.title &&
                           (kind == "departure"
                                ? other.query == entry.query
                                : other.at == entry.at && other.detail == entry.detail);
                });
            if (is_there) continue;
            timeline.entries.push_back(entry);
            ++kept_count;
        }
        if (kept_count > 0) {
            timeline.remarks.push_back(fmt::format("{}: {} as gathered at {}, since a query failed",
                                                   kind, kept_count,
                                                   readable_time(former.gathered_at)));
        }
    }
    if (!failed_kinds.contains("departure")) return;
    for (const Comparison& comparison : former.comparisons) {
        const bool is_there =
            std::any_of(timeline.comparisons.begin(), timeline.comparisons.end(),
                        [&](const Comparison& other) { return other.query == comparison.query; });
        if (!is_there) timeline.comparisons.push_back(comparison);
    }
}

void keep_best(Timeline& timeline) {
    std::vector<TimelineEntry>& entries = timeline.entries;
    std::erase_if(entries, [&](const TimelineEntry& entry) {
        return entry.at < timeline.from || entry.at > timeline.gathered_at;
    });
    std::sort(entries.begin(), entries.end(), [](const TimelineEntry& a, const TimelineEntry& b) {
        return std::tie(b.score, a.at, a.title, a.detail) <
               std::tie(a.score, b.at, b.title, b.detail);
    });
    if (entries.size() > kTimelineEntriesMax) {
        timeline.remarks.push_back(fmt::format("{} entries of lower scores are left out",
                                               entries.size() - kTimelineEntriesMax));
        entries.resize(kTimelineEntriesMax);
    }
    std::sort(entries.begin(), entries.end(), [](const TimelineEntry& a, const TimelineEntry& b) {
        return std::tie(a.at, a.title, a.detail) < std::tie(b.at, b.title, b.detail);
    });
}

}  // namespace kw::incidents
