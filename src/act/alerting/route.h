// The routing tree: which receivers an alert goes to, and with which others it is grouped.
//
// An alert enters at the root, goes down to every child that matches (to the first only, unless that says
// `continue`), and stays at a node of which no child matches. What a node does not say it has from its parent.
// Threads: immutable once made.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#route
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/matchers.h"
#include "alerting/receiver_config.h"
#include "model/labels.h"

namespace kw::alerting {

// A node as it is written; nullopt is "as the parent".
struct RouteOptions {
    std::string receiver;  // empty: as the parent
    Matchers matchers;
    bool continues = false;
    std::vector<std::string> group_by;  // label names; empty: as the parent
    bool groups_by_all = false;         // '...'
    std::optional<int64_t> group_wait_ms;
    std::optional<int64_t> group_interval_ms;
    std::optional<int64_t> repeat_interval_ms;
    std::vector<std::string> mute_time_intervals;    // not inherited
    std::vector<std::string> active_time_intervals;  // not inherited
    TemplateMap labels;
    std::vector<RouteOptions> routes;
};

// match and match_re: the same as matchers; a regular expression is printed anchored in group keys.
Matcher old_style_equal(std::string name, std::string value);
Result<Matcher> old_style_regex(std::string name, const std::string& pattern);

class Route {
 public:
    // The tree of `root`, with what is inherited filled in.
    static Route make(const RouteOptions& root);

    std::string receiver;
    Matchers matchers;  // sorted
    bool continues = false;
    std::vector<std::string> group_by;  // sorted, unique
    bool groups_by_all = false;
    int64_t group_wait_ms = 30'000;
    int64_t group_interval_ms = 5 * 60'000;
    int64_t repeat_interval_ms = 4 * 3'600'000;
    std::vector<std::string> mute_time_intervals;
    std::vector<std::string> active_time_intervals;
    TemplateMap labels;
    std::string key;   // the matchers from the root on: {}/{team="db"}; nodes may share it
    size_t index = 0;  // in the tree, unique: the order of walking down
    std::vector<Route> routes;

    // The nodes at which an alert of these labels stays, in the tree's order; at least one for a root without
    // matchers. They live as long as this.
    std::vector<const Route*> match(const LabelSet& alert) const;
    // Those of `alert` by which alerts are grouped here.
    LabelSet group_labels(const LabelSet& alert) const;
    // This and all below, in the order of walking down.
    std::vector<const Route*> all() const;

 private:
    void collect(const LabelSet& alert, std::vector<const Route*>& out) const;
    void collect_all(std::vector<const Route*>& out) const;
};

// The key of a group in notifications: `{}/{team="db"}:{alertname="HighErrorRate"}`.
std::string group_key(const Route& route, const LabelSet& group_labels);

}  // namespace kw::alerting
