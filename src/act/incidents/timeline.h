// What happened around an incident, as a value: entries in the order of time, and how it was before and after.
// What an entry cites (a query and its values) is stored with it, so that it still reads when the samples are
// gone. Who gathers it: timeline_gatherer.h.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace kw::incidents {

struct PinnedPoint {
    Millis at;
    double value = 0;
    bool operator==(const PinnedPoint&) const = default;
};

struct TimelineEntry {
    Millis at;
    std::string kind;  // "alert", "deploy", "restart", "target", "departure", "reload", "fault"
    std::string title;
    std::string detail;
    double score = 0;   // 0 to 1: how likely it has to do with it
    std::string query;  // what shows it; the link to it is the reader's to make
    std::vector<PinnedPoint> points;
    bool operator==(const TimelineEntry&) const = default;
};

// A series before the incident, during and after it: means.
struct Comparison {
    std::string query;
    double before = 0;
    double during = 0;
    bool has_after = false;
    double after = 0;
    bool operator==(const Comparison&) const = default;
};

struct Timeline {
    Millis gathered_at;
    Millis from;
    Millis to;
    std::vector<TimelineEntry> entries;  // ascending in time
    std::vector<Comparison> comparisons;
    std::vector<std::string> remarks;  // what could not be gathered, and why
    bool operator==(const Timeline&) const = default;
};

inline constexpr size_t kTimelineEntriesMax = 120;
inline constexpr size_t kPinnedPointsMax = 60;

// Adds to `timeline` what `former` had of the kinds whose queries failed and is not there again, and says so. With
// "departure" also its comparisons.
void keep_former(Timeline& timeline, const Timeline& former,
                 const std::set<std::string, std::less<>>& failed_kinds);
// Leaves the entries of its window with the highest scores, in the order of time.
void keep_best(Timeline& timeline);

}  // namespace kw::incidents
