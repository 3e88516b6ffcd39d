// Groups as template values; contract in the header.
#include "alerting/template_data.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <vector>

#include "templates/prometheus_functions.h"

namespace kw::alerting {
namespace {

using templates::List;
using templates::Map;
using templates::Value;
using Arguments = std::span<const Value>;

Value strings(std::vector<std::string> texts) {
    List list;
    for (std::string& text : texts) list.emplace_back(std::move(text));
    return Value::list(std::move(list));
}

std::string name_in(const Value& pair) { return *pair.as_map()->entries.at("Name").as_string(); }
std::string value_in(const Value& pair) { return *pair.as_map()->entries.at("Value").as_string(); }

// Names and values in an order, with .Names and .Values.
class PairList final : public templates::Object {
 public:
    explicit PairList(List pairs) : pairs_(std::move(pairs)) {}
    std::string type_name() const override { return "template.Pairs"; }
    const List* list() const override { return &pairs_; }
    std::string text() const override {
        std::string out;
        for (const Value& pair : pairs_)
            out += fmt::format("{}{}={}", out.empty() ? "" : ", ", name_in(pair), value_in(pair));
        return out;
    }
    Result<Value> member(std::string_view name, Arguments arguments) const override {
        if (!arguments.empty()) return invalid("{} takes no arguments", name);
        if (name == "String") return Value(text());
        if (name != "Names" && name != "Values")
            return invalid("can't evaluate field {} in type template.Pairs", name);
        std::vector<std::string> texts;
        for (const Value& pair : pairs_)
            texts.push_back(name == "Names" ? name_in(pair) : value_in(pair));
        return strings(std::move(texts));
    }

 private:
    List pairs_;
};

// Labels or annotations: a map of texts, with methods.
class TextMap final : public templates::Object {
 public:
    explicit TextMap(Map map) : map_(std::move(map)) { map_.kind = Map::Kind::kStrings; }
    std::string type_name() const override { return "template.KV"; }
    const Map* map() const override { return &map_; }
    std::string text() const override { return sorted_pairs().text(); }
    Result<Value> member(std::string_view name, Arguments arguments) const override {
        if (name == "Remove") return removed(arguments);
        if (!arguments.empty())
            return invalid("{} has arguments but cannot be invoked as function", name);
        if (name == "SortedPairs") return Value(std::make_shared<const PairList>(sorted_pairs()));
        if (name == "Names" || name == "Values") return sorted_pairs().member(name, {});
        if (name == "String") return Value(text());
        const auto found = map_.entries.find(name);
        return found == map_.entries.end() ? Value("") : found->second;
    }

 private:
    // By name, alertname first.
    PairList sorted_pairs() const {
        List pairs;
        const auto add = [&](const std::string& name, const Value& value) {
            Map pair{Map::Kind::kStruct, {}};
            pair.entries.emplace("Name", name);
            pair.entries.emplace("Value", value);
            pairs.push_back(Value::map(std::move(pair)));
        };
        const auto first = map_.entries.find("alertname");
        if (first != map_.entries.end()) add(first->first, first->second);
        for (const auto& [name, value] : map_.entries)
            if (name != "alertname") add(name, value);
        return PairList(std::move(pairs));
    }

    Result<Value> removed(Arguments arguments) const {
        if (arguments.size() != 1 || arguments[0].as_list() == nullptr)
            return invalid("Remove wants a list of names");
        Map rest = map_;
        for (const Value& name : *arguments[0].as_list()) rest.entries.erase(name.text());
        return Value(std::make_shared<const TextMap>(std::move(rest)));
    }

    Map map_;
};

// A list of alerts with .Firing and .Resolved.
class AlertList final : public templates::Object {
 public:
    explicit AlertList(List alerts) : alerts_(std::move(alerts)) {}
    std::string type_name() const override { return "template.Alerts"; }
    const List* list() const override { return &alerts_; }
    std::string text() const override { return Value::list(alerts_).text(); }
    Result<Value> member(std::string_view name, Arguments arguments) const override {
        if (!arguments.empty() || (name != "Firing" && name != "Resolved"))
            return invalid("can't evaluate field {} in type template.Alerts", name);
        const std::string_view want = name == "Firing" ? "firing" : "resolved";
        List some;
        for (const Value& alert : alerts_)
            if (*alert.as_map()->entries.at("Status").as_string() == want) some.push_back(alert);
        return Value::list(std::move(some));
    }

 private:
    List alerts_;
};

Value text_map(const LabelSet& labels) {
    Map map;
    for (const LabelView& label : labels)
        map.entries.emplace(std::string(label.name), std::string(label.value));
    return Value(std::make_shared<const TextMap>(std::move(map)));
}

Value text_map(const std::vector<std::pair<std::string, std::string>>& texts) {
    Map map;
    for (const auto& [name, text] : texts) map.entries.insert_or_assign(name, Value(text));
    return Value(std::make_shared<const TextMap>(std::move(map)));
}

double seconds(Millis time) { return static_cast<double>(time.count) / 1000; }

Value alert_value(const Alert& alert, Millis now) {
    const bool is_resolved = alert.is_resolved_at(now);
    Map map{Map::Kind::kStruct, {}};
    map.entries.emplace("Status", is_resolved ? "resolved" : "firing");
    map.entries.emplace("Labels", text_map(alert.labels));
    map.entries.emplace("Annotations", text_map(alert.annotations));
    map.entries.emplace("StartsAt", templates::time_value(seconds(alert.starts_at)));
    map.entries.emplace("EndsAt",
                        templates::time_value(seconds(is_resolved ? alert.ends_at : kZeroTime)));
    map.entries.emplace("GeneratorURL", alert.generator_url);
    map.entries.emplace("Fingerprint", fingerprint_text(alert.labels));
    map.entries.emplace("NoData", is_resolved && alert.is_no_data);
    return Value::map(std::move(map));
}

}  // namespace

LabelSet common_labels(std::span<const AlertPtr> alerts) {
    if (alerts.empty()) return {};
    LabelBuilder common(alerts[0]->labels);
    for (const LabelView& label : alerts[0]->labels)
        for (const AlertPtr& alert : alerts)
            if (alert->labels.get(label.name) != label.value) common.remove(label.name);
    return common.build();
}

Annotations common_annotations(std::span<const AlertPtr> alerts) {
    if (alerts.empty()) return {};
    Annotations common = alerts[0]->annotations;
    std::erase_if(common, [&](const auto& annotation) {
        return !std::all_of(alerts.begin(), alerts.end(), [&](const AlertPtr& alert) {
            return std::find(alert->annotations.begin(), alert->annotations.end(), annotation) !=
                   alert->annotations.end();
        });
    });
    return common;
}

std::string_view status_of(std::span<const AlertPtr> alerts, Millis now) {
    const bool fires = std::any_of(alerts.begin(), alerts.end(), [&](const AlertPtr& alert) {
        return !alert->is_resolved_at(now);
    });
    return fires ? "firing" : "resolved";
}

bool is_no_data(std::span<const AlertPtr> alerts, Millis now) {
    return !alerts.empty() && std::all_of(alerts.begin(), alerts.end(), [&](const AlertPtr& alert) {
        return alert->is_resolved_at(now) && alert->is_no_data;
    });
}

templates::Value template_data(const Notification& notification, const Receiver& receiver,
                               std::span<const AlertPtr> alerts, std::string_view external_url) {
    List values;
    for (const AlertPtr& alert : alerts) values.push_back(alert_value(*alert, notification.now));
    Map data{Map::Kind::kStruct, {}};
    data.entries.emplace("Receiver", notification.receiver);
    data.entries.emplace("Status", std::string(status_of(alerts, notification.now)));
    data.entries.emplace("NoData", is_no_data(alerts, notification.now));
    data.entries.emplace("Alerts", Value(std::make_shared<const AlertList>(std::move(values))));
    data.entries.emplace("GroupLabels", text_map(notification.group_labels));
    data.entries.emplace("CommonLabels", text_map(common_labels(alerts)));
    data.entries.emplace("CommonAnnotations", text_map(common_annotations(alerts)));
    data.entries.emplace("RouteLabels", text_map(notification.route_labels));
    data.entries.emplace("ReceiverLabels", text_map(receiver.labels));
    data.entries.emplace("ExternalURL", std::string(external_url));
    return Value::map(std::move(data));
}

std::string rfc3339(Millis time) {
    int64_t whole = time.count / 1000;
    int64_t fraction = time.count % 1000;
    if (fraction < 0) {
        fraction += 1000;
        --whole;
    }
    const std::time_t unix_time = whole;
    std::tm fields{};
    ::gmtime_r(&unix_time, &fields);
    std::string text =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", fields.tm_year + 1900, fields.tm_mon + 1,
                    fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec);
    if (fraction != 0) {
        text += fmt::format(".{:03}", fraction);
        while (text.ends_with('0')) text.pop_back();
    }
    return text + "Z";
}

}  // namespace kw::alerting
