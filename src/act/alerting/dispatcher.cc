#include "alerting/dispatcher.h"

#include <algorithm>
#include <utility>

namespace kw::alerting {
namespace {

std::vector<AlertPtr> sorted_alerts(
    const std::unordered_map<LabelSet, AlertPtr, LabelSetHash>& alerts) {
    std::vector<AlertPtr> all;
    all.reserve(alerts.size());
    for (const auto& [labels, alert] : alerts) all.push_back(alert);
    std::sort(all.begin(), all.end(),
              [](const AlertPtr& a, const AlertPtr& b) { return comes_before(*a, *b); });
    return all;
}

}  // namespace

Dispatcher::Dispatcher(const Route& root, WasTold was_told)
    : root_(root), was_told_(std::move(was_told)) {}

bool Dispatcher::add(const AlertPtr& alert, Millis now, size_t groups_max) {
    bool has_room = true;
    for (const Route* const route : root_.match(alert->labels)) {
        Key key{route->index, route->group_labels(alert->labels)};
        auto found = ids_.find(key);
        if (found == ids_.end()) {
            if (alert->is_resolved_at(now) && !was_told_(*route, key.second, *alert)) continue;
            if (groups_.size() >= groups_max) {
                has_room = false;
                continue;
            }
            const GroupId id = next_id_++;
            Group& group = groups_[id];
            group.route = route;
            group.labels = key.second;
            schedule(id, group, now + route->group_wait_ms);
            found = ids_.emplace(std::move(key), id).first;
        }
        const GroupId id = found->second;
        Group& group = groups_.at(id);
        group.alerts.insert_or_assign(alert->labels, alert);
        if (group.is_waiting && group.due > now && alert->starts_at + route->group_wait_ms < now) {
            schedule(id, group, now);
        }
    }
    return has_room;
}

void Dispatcher::schedule(GroupId id, Group& group, Millis due) {
    due_.erase({group.due, id});
    group.due = due;
    due_.emplace(due, id);
}

std::vector<Flush> Dispatcher::take_due(Millis now) {
    std::vector<Flush> flushes;
    while (!due_.empty() && due_.begin()->first <= now) {
        const GroupId id = due_.begin()->second;
        due_.erase(due_.begin());
        Group& group = groups_.at(id);
        // The interval counts from the start of a flush, not from its end.
        group.due = now + group.route->group_interval_ms;
        group.is_waiting = false;
        if (group.alerts.empty()) {
            due_.emplace(group.due, id);
            continue;
        }
        group.is_under_way = true;
        flushes.push_back({id, group.route, group.labels, sorted_alerts(group.alerts), now});
    }
    return flushes;
}

void Dispatcher::finish(const Flush& flush, bool delivered) {
    const auto found = groups_.find(flush.group);
    if (found == groups_.end()) return;
    Group& group = found->second;
    group.is_under_way = false;
    due_.emplace(group.due, flush.group);
    if (!delivered) return;
    for (const AlertPtr& alert : flush.alerts) {
        if (!alert->is_resolved_at(flush.now)) continue;
        const auto entry = group.alerts.find(alert->labels);
        // It may have fired again since.
        if (entry != group.alerts.end() && entry->second == alert) group.alerts.erase(entry);
    }
}

std::optional<Millis> Dispatcher::next_due() const {
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first;
}

void Dispatcher::collect_garbage() {
    std::erase_if(ids_, [&](const auto& entry) {
        const auto found = groups_.find(entry.second);
        if (!found->second.alerts.empty() || found->second.is_under_way) return false;
        due_.erase({found->second.due, entry.second});
        groups_.erase(found);
        return true;
    });
}

std::vector<GroupView> Dispatcher::groups() const {
    std::vector<GroupView> views;
    views.reserve(groups_.size());
    for (const auto& [key, id] : ids_) {
        const Group& group = groups_.at(id);
        views.push_back({group.route, group.labels, sorted_alerts(group.alerts)});
    }
    return views;
}

std::optional<Dispatcher::GroupState> Dispatcher::find(const Route& route,
                                                       const LabelSet& group_labels) const {
    const auto found = ids_.find({route.index, group_labels});
    if (found == ids_.end()) return std::nullopt;
    const Group& group = groups_.at(found->second);
    GroupState state;
    state.alerts = sorted_alerts(group.alerts);
    if (!group.is_under_way) state.due = group.due;
    return state;
}

}  // namespace kw::alerting
