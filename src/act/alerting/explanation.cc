#include "alerting/explanation.h"

#include <algorithm>

namespace kw::alerting {
namespace {

bool descend(const Route& at, const Route& node, std::vector<const Route*>& path) {
    path.push_back(&at);
    if (&at == &node) return true;
    for (const Route& child : at.routes) {
        if (descend(child, node, path)) return true;
    }
    path.pop_back();
    return false;
}

}  // namespace

std::vector<const Route*> path_to(const Route& root, const Route& node) {
    std::vector<const Route*> path;
    descend(root, node, path);
    return path;
}

std::vector<std::string> muting_intervals(const Route& route, const TimeIntervals& intervals,
                                          Millis now) {
    const auto holds = [&](const std::string& name) {
        const auto found = intervals.find(name);
        return found != intervals.end() && found->second.contains(now);
    };
    const std::vector<std::string>& active = route.active_time_intervals;
    if (!active.empty() && std::none_of(active.begin(), active.end(), holds)) return active;
    std::vector<std::string> names;
    for (const std::string& name : route.mute_time_intervals) {
        if (holds(name)) names.push_back(name);
    }
    return names;
}

}  // namespace kw::alerting
