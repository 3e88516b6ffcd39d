#include "alerting/route.h"

#include <algorithm>
#include <utility>

namespace kw::alerting {
namespace {

Route make_node(const RouteOptions& options, const Route* parent, size_t& next_index) {
    Route node;
    if (parent != nullptr) {
        node = *parent;
        node.routes.clear();
    }
    node.index = next_index++;
    node.matchers = options.matchers;
    sort_matchers(node.matchers);
    node.key = (parent != nullptr ? parent->key + "/" : "") + matchers_text(node.matchers);
    node.continues = options.continues;
    if (!options.receiver.empty()) node.receiver = options.receiver;
    if (!options.group_by.empty()) {
        node.group_by = options.group_by;
        std::sort(node.group_by.begin(), node.group_by.end());
        node.group_by.erase(std::unique(node.group_by.begin(), node.group_by.end()),
                            node.group_by.end());
        node.groups_by_all = false;
    } else if (options.groups_by_all) {
        node.groups_by_all = true;
    }
    node.group_wait_ms = options.group_wait_ms.value_or(node.group_wait_ms);
    node.group_interval_ms = options.group_interval_ms.value_or(node.group_interval_ms);
    node.repeat_interval_ms = options.repeat_interval_ms.value_or(node.repeat_interval_ms);
    node.mute_time_intervals = options.mute_time_intervals;
    node.active_time_intervals = options.active_time_intervals;
    for (const auto& [name, value] : options.labels) {
        const auto same_name = [&](const auto& label) { return label.first == name; };
        const auto found = std::find_if(node.labels.begin(), node.labels.end(), same_name);
        if (found == node.labels.end()) {
            node.labels.emplace_back(name, value);
        } else {
            found->second = value;
        }
    }
    for (const RouteOptions& child : options.routes) {
        // A copy of the node as a parent, without the children made so far.
        Route inherited = node;
        inherited.routes.clear();
        node.routes.push_back(make_node(child, &inherited, next_index));
    }
    return node;
}

}  // namespace

Matcher old_style_equal(std::string name, std::string value) {
    return Matcher::equal(std::move(name), std::move(value));
}

Result<Matcher> old_style_regex(std::string name, const std::string& pattern) {
    return Matcher::make(MatchOp::kRegex, std::move(name), "^(?:" + pattern + ")$");
}

Route Route::make(const RouteOptions& root) {
    size_t next_index = 0;
    return make_node(root, nullptr, next_index);
}

std::vector<const Route*> Route::match(const LabelSet& alert) const {
    std::vector<const Route*> found;
    collect(alert, found);
    return found;
}

void Route::collect(const LabelSet& alert, std::vector<const Route*>& out) const {
    if (!matches_all(matchers, alert)) return;
    const size_t before = out.size();
    for (const Route& child : routes) {
        const size_t before_child = out.size();
        child.collect(alert, out);
        if (out.size() > before_child && !child.continues) break;
    }
    if (out.size() == before) out.push_back(this);
}

LabelSet Route::group_labels(const LabelSet& alert) const {
    if (groups_by_all) return alert;
    LabelBuilder builder;
    for (const std::string& name : group_by) builder.set(name, alert.get(name));
    return builder.build();
}

std::vector<const Route*> Route::all() const {
    std::vector<const Route*> nodes;
    collect_all(nodes);
    return nodes;
}

void Route::collect_all(std::vector<const Route*>& out) const {
    out.push_back(this);
    for (const Route& child : routes) child.collect_all(out);
}

std::string group_key(const Route& route, const LabelSet& group_labels) {
    std::string out = route.key + ":{";
    bool is_first = true;
    for (const LabelView& label : group_labels) {
        if (!is_first) out += ", ";
        is_first = false;
        out += label.name;
        out += '=';
        out += go_quoted(label.value);
    }
    return out + '}';
}

}  // namespace kw::alerting
