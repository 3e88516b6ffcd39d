// Groups alerts by route and labels, and says when a group is due.
//
//   add(alert) ─▶ a group for each route it stays at ── group_wait, then every group_interval ──▶ take_due()
//                                                                                   finish() ◀── sent or not
//
// A group begins to wait when its first alert comes; one that fires for longer than group_wait already does
// not wait. An alert that is resolved stays until a flush with it was delivered. Groups without alerts are
// forgotten by collect_garbage(), and begin anew.
// Threads: one owner, under its lock.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#route
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alerting/alert.h"
#include "alerting/route.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::alerting {

using GroupId = uint64_t;

// A group that is to be told of now.
struct Flush {
    GroupId group = 0;
    const Route* route = nullptr;  // of the dispatcher's tree
    LabelSet group_labels;
    std::vector<AlertPtr> alerts;  // in the order of comes_before()
    Millis now;
};

// A group as the API shows it.
struct GroupView {
    const Route* route = nullptr;
    LabelSet group_labels;
    std::vector<AlertPtr> alerts;
};

class Dispatcher final {
 public:
    // Whether a route's receiver knows of an alert of the group that it fires: its end makes a group, then.
    using WasTold = std::function<bool(const Route&, const LabelSet& group_labels, const Alert&)>;
    // `root` outlives this.
    Dispatcher(const Route& root, WasTold was_told);

    // False: a group of it could not be made, since there are `groups_max` already.
    bool add(const AlertPtr& alert, Millis now, size_t groups_max);
    // The groups that are due, each once: the next comes after finish() of this one.
    std::vector<Flush> take_due(Millis now);
    // `flush` was delivered, or was not. Alerts of it that are resolved and unchanged are forgotten if it was.
    void finish(const Flush& flush, bool delivered);
    // When take_due() has something next; nullopt: not before the next add() or finish().
    std::optional<Millis> next_due() const;
    void collect_garbage();

    std::vector<GroupView> groups() const;
    // nullopt: there is no such group.
    struct GroupState {
        std::vector<AlertPtr> alerts;  // in the order of comes_before()
        std::optional<Millis> due;     // nullopt: its flush is under way
    };
    std::optional<GroupState> find(const Route& route, const LabelSet& group_labels) const;
    size_t group_count() const { return groups_.size(); }

 private:
    struct Group {
        const Route* route = nullptr;
        LabelSet labels;
        std::unordered_map<LabelSet, AlertPtr, LabelSetHash> alerts;
        Millis due;
        bool is_waiting = true;     // it was never flushed
        bool is_under_way = false;  // and not in due_
    };
    using Key = std::pair<size_t, LabelSet>;  // the route's index, group labels

    void schedule(GroupId id, Group& group, Millis due);

    const Route& root_;
    const WasTold was_told_;
    GroupId next_id_ = 1;
    std::map<Key, GroupId> ids_;
    std::unordered_map<GroupId, Group> groups_;
    std::set<std::pair<Millis, GroupId>> due_;
};

}  // namespace kw::alerting
