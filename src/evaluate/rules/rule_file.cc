#include "rules/rule_file.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "model/sample.h"
#include "promql/printer.h"
#include "settings/schema.h"
#include "settings/section.h"
#include "templates/prometheus_functions.h"
#include "templates/template.h"
#include "yaml/yaml.h"

namespace kw::rules {
namespace {

using namespace settings;

constexpr std::string_view kOnNoData[] = {"resolve", "keep", "alert"};

Result<void> check_label_names(const Section& section) {
    for (const auto& [name, values] : section.map("labels")) {
        if (name == kMetricName) {
            return section.error("labels", "{} is the metric's name; remove it", name);
        }
    }
    return {};
}

Result<void> check_record(const Section& rule) {
    for (const std::string_view key : {"for", "keep_firing_for", "annotations", "on_no_data"}) {
        if (rule.is_written(key)) return rule.error(key, "is for alerting rules; remove it");
    }
    if (!is_valid_metric_name(rule.text("record"), NameScheme::kUtf8) ||
        rule.text("record").find_first_of("{}") != std::string::npos) {
        return rule.error("record", "{} is not a metric name", kw::quoted(rule.text("record")));
    }
    return {};
}

// Texts of an alerting rule must be templates.
Result<void> check_templates(const Section& rule, std::string_view key) {
    for (const auto& [name, values] : rule.map(key)) {
        templates::TemplateSet set;
        const Result<void> added =
            set.add("__alert_" + rule.text("alert"), values.front(),
                    templates::prometheus_function_names(), kTemplateVariables);
        if (!added.ok()) return rule.error(key, "{}: {}", name, added.error().message);
    }
    return {};
}

Result<void> check_rule(Section& rule) {
    if (rule.has("record") && rule.has("alert")) {
        return rule.error("alert", "stands beside record; a rule is one of the two");
    }
    if (!rule.has("record") && !rule.has("alert")) {
        return rule.error("", "has neither record nor alert; give it one of the two");
    }
    KW_TRY(check_label_names(rule));
    if (rule.has("record")) return check_record(rule);
    KW_TRY(check_templates(rule, "labels"));
    return check_templates(rule, "annotations");
}

constexpr Field kRuleFields[] = {
    text("record"),
    text("alert"),
    required(text("expr")),
    duration("for"),
    duration("keep_firing_for"),
    labels("labels"),
    labels("annotations"),
    one_of("on_no_data", kOnNoData),
};
constexpr Block kRuleBlock = {"rule", kRuleFields, check_rule};

Result<void> check_group(Section& group) {
    if (group.integer("limit") < 0) return group.error("limit", "must be 0 or more");
    return check_label_names(group);
}
constexpr Field kGroupFields[] = {
    required(text("name")),
    duration("interval"),
    duration("query_offset"),
    integer("limit"),
    labels("labels"),
    one_of("on_no_data", kOnNoData),
    blocks("rules", kRuleBlock),
};
constexpr Block kGroupBlock = {"rule group", kGroupFields, check_group};

// A group alone, whose name is known.
constexpr Field kLoneGroupFields[] = {
    text("name"),
    duration("interval"),
    duration("query_offset"),
    integer("limit"),
    labels("labels"),
    one_of("on_no_data", kOnNoData),
    blocks("rules", kRuleBlock),
};
constexpr Block kLoneGroupBlock = {"rule group", kLoneGroupFields, check_group};

Result<void> check_groups(Section& file) {
    std::set<std::string_view> names;
    for (const Section& group : file.sections("groups")) {
        if (!names.insert(group.text("name")).second) {
            return group.error("name", "{} names another group of the file already; choose another",
                               kw::quoted(group.text("name")));
        }
    }
    return {};
}
constexpr Field kRuleFileFields[] = {blocks("groups", kGroupBlock)};
constexpr Block kRuleFileBlock = {"rule file", kRuleFileFields, check_groups};

TextPairs pairs_of(const Section& section, std::string_view key) {
    TextPairs pairs;
    for (const auto& [name, values] : section.map(key)) pairs.emplace_back(name, values.front());
    std::sort(pairs.begin(), pairs.end());
    return pairs;
}

// The rule's own labels win over the group's.
TextPairs merged(const TextPairs& group, TextPairs rule) {
    for (const auto& [name, value] : group) {
        const auto has_name = [&](const auto& pair) { return pair.first == name; };
        if (std::none_of(rule.begin(), rule.end(), has_name)) rule.emplace_back(name, value);
    }
    std::sort(rule.begin(), rule.end());
    return rule;
}

Result<Rule> rule_of(const Section& section, const TextPairs& group_labels,
                     std::optional<OnNoData> group_on_no_data, const ReadOptions& options) {
    Rule rule;
    const Result<promql::ExprPtr> parsed = promql::parse(section.text("expr"), options.features);
    if (!parsed.ok()) return section.error("expr", "{}", parsed.error().message);
    rule.kind = section.has("record") ? Rule::Kind::kRecording : Rule::Kind::kAlerting;
    rule.name = section.has("record") ? section.text("record") : section.text("alert");
    rule.expr = promql::print(**parsed);
    rule.labels = merged(group_labels, pairs_of(section, "labels"));
    rule.annotations = pairs_of(section, "annotations");
    rule.for_ms = section.integer("for");
    rule.keep_firing_for_ms = section.integer("keep_firing_for");
    if (rule.kind == Rule::Kind::kAlerting) {
        rule.on_no_data = on_no_data_of(section.text("on_no_data"));
        if (!rule.on_no_data) rule.on_no_data = group_on_no_data;
    }
    rule.line = section.line();
    return rule;
}

Result<void> add_rules(const Sections& sections, const TextPairs& labels,
                       std::optional<OnNoData> on_no_data, const ReadOptions& options,
                       Group& group) {
    for (const Section& section : sections) {
        KW_TRY_ASSIGN(Rule rule, rule_of(section, labels, on_no_data, options));
        group.rules.push_back(std::move(rule));
    }
    return {};
}

Result<Group> group_of(const Section& section, const std::string& path,
                       const ReadOptions& options) {
    Group group;
    group.name = section.text("name");
    group.file = path;
    if (section.integer("interval") > 0) group.interval_ms = section.integer("interval");
    if (section.is_written("query_offset")) group.query_offset_ms = section.integer("query_offset");
    group.limit = static_cast<uint64_t>(section.integer("limit"));
    KW_TRY(add_rules(section.sections("rules"), pairs_of(section, "labels"),
                     on_no_data_of(section.text("on_no_data")), options, group));
    return group;
}

// "rules/api.yml" is "api".
std::string stem_of(const std::string& path) {
    std::string name = path.substr(path.find_last_of('/') + 1);
    const size_t dot = name.find('.');
    if (dot != std::string::npos && dot > 0) name.resize(dot);
    return name.empty() ? "rules" : name;
}

bool is_bare_rule(const YamlNode& node) {
    return node.is_map() && std::any_of(node.keys.begin(), node.keys.end(), [](const YamlKey& key) {
               return key.text == "alert" || key.text == "record" || key.text == "expr";
           });
}

void append_pairs(std::string& out, std::string_view key, const TextPairs& pairs) {
    if (pairs.empty()) return;
    out += fmt::format("    {}:\n", key);
    for (const auto& [name, value] : pairs) {
        out += fmt::format("      {}: {}\n", yaml_scalar(name), yaml_scalar(value));
    }
}

void append_rule(std::string& out, const Rule& rule) {
    const bool is_recording = rule.kind == Rule::Kind::kRecording;
    out += fmt::format("  - {}: {}\n", is_recording ? "record" : "alert", yaml_scalar(rule.name));
    out += fmt::format("    expr: {}\n", yaml_scalar(rule.expr));
    if (rule.for_ms > 0) out += fmt::format("    for: {}\n", format_duration_ms(rule.for_ms));
    if (rule.keep_firing_for_ms > 0) {
        out +=
            fmt::format("    keep_firing_for: {}\n", format_duration_ms(rule.keep_firing_for_ms));
    }
    if (rule.on_no_data) {
        out += fmt::format("    on_no_data: {}\n", on_no_data_text(*rule.on_no_data));
    }
    append_pairs(out, "labels", rule.labels);
    append_pairs(out, "annotations", rule.annotations);
}

}  // namespace

std::optional<OnNoData> on_no_data_of(std::string_view text) {
    for (size_t i = 0; i < std::size(kOnNoData); ++i) {
        if (text == kOnNoData[i]) return static_cast<OnNoData>(i);
    }
    return std::nullopt;
}

std::string_view on_no_data_text(OnNoData choice) { return kOnNoData[static_cast<size_t>(choice)]; }

bool Rule::same_as(const Rule& other) const {
    return kind == other.kind && name == other.name && expr == other.expr &&
           labels == other.labels && annotations == other.annotations && for_ms == other.for_ms &&
           keep_firing_for_ms == other.keep_firing_for_ms && on_no_data == other.on_no_data;
}

bool Group::same_as(const Group& other) const {
    return name == other.name && file == other.file && interval_ms == other.interval_ms &&
           query_offset_ms == other.query_offset_ms && limit == other.limit &&
           std::equal(rules.begin(), rules.end(), other.rules.begin(), other.rules.end(),
                      [](const Rule& lhs, const Rule& rhs) { return lhs.same_as(rhs); });
}

size_t RuleFile::rule_count() const {
    size_t count = 0;
    for (const Group& group : groups) count += group.rules.size();
    return count;
}

std::vector<DuplicateRule> RuleFile::duplicates() const {
    std::vector<DuplicateRule> found;
    std::set<std::pair<std::string, TextPairs>> seen;
    for (const Group& group : groups) {
        for (const Rule& rule : group.rules) {
            if (seen.emplace(rule.name, rule.labels).second) continue;
            LabelBuilder labels;
            for (const auto& [name, value] : rule.labels) labels.set(name, value);
            found.push_back({rule.name, labels.build(), rule.line});
        }
    }
    return found;
}

Result<RuleFile> read_rule_file(std::string_view text, const std::string& path,
                                const ReadOptions& options) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    const settings::ReadOptions reading{.ignores_unknown_keys = options.ignores_unknown_keys};
    RuleFile file;
    file.has_more_documents = document.has_more_documents;
    const YamlNode& root = document.root;
    if (is_bare_rule(root) || root.is_list()) {
        Group group;
        group.name = stem_of(path);
        group.file = path;
        Sections rules;
        if (root.is_list()) {
            KW_TRY_ASSIGN(rules, read_sections(root, kRuleBlock, path, {}, reading));
        } else {
            KW_TRY_ASSIGN(Section rule, read_section(root, kRuleBlock, path, {}, reading));
            rules.push_back(std::move(rule));
        }
        KW_TRY(add_rules(rules, {}, std::nullopt, options, group));
        file.groups.push_back(std::move(group));
    } else {
        KW_TRY_ASSIGN(const Section section, read_section(root, kRuleFileBlock, path, {}, reading));
        for (const Section& one : section.sections("groups")) {
            KW_TRY_ASSIGN(Group group, group_of(one, path, options));
            file.groups.push_back(std::move(group));
        }
    }
    if (file.rule_count() > kRulesMax) {
        return exhausted("{}: {} rules, the limit is {}; split the file", path, file.rule_count(),
                         kRulesMax);
    }
    return file;
}

Result<Group> read_rule_group(std::string_view text, const std::string& name,
                              const ReadOptions& options) {
    const std::string path = "group";
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    if (document.has_more_documents) return invalid("group: a second document; send one group");
    const settings::ReadOptions reading{.ignores_unknown_keys = options.ignores_unknown_keys};
    KW_TRY_ASSIGN(Section section, read_section(document.root, kLoneGroupBlock, path, {}, reading));
    if (section.has("name") && section.text("name") != name) {
        return section.error("name", "is {}, and the group asked for is {}; make them equal",
                             kw::quoted(section.text("name")), kw::quoted(name));
    }
    section.put("name", name);
    KW_TRY_ASSIGN(Group group, group_of(section, std::string(kApiFile), options));
    if (group.rules.empty()) return section.error("rules", "there are none; a group needs one");
    if (group.rules.size() > kRulesMax) {
        return exhausted("group: {} rules, the limit is {}", group.rules.size(), kRulesMax);
    }
    return group;
}

std::string group_yaml(const Group& group) {
    std::string out = fmt::format("name: {}\n", yaml_scalar(group.name));
    if (group.interval_ms)
        out += fmt::format("interval: {}\n", format_duration_ms(*group.interval_ms));
    if (group.query_offset_ms)
        out += fmt::format("query_offset: {}\n", format_duration_ms(*group.query_offset_ms));
    if (group.limit > 0) out += fmt::format("limit: {}\n", group.limit);
    out += "rules:\n";
    for (const Rule& rule : group.rules) append_rule(out, rule);
    return out;
}

std::string rule_file_yaml(const std::vector<Group>& groups) {
    std::string out = "groups:\n";
    for (const Group& group : groups) {
        const std::string yaml = group_yaml(group);
        bool is_first = true;
        for (size_t at = 0; at < yaml.size();) {
            const size_t end = yaml.find('\n', at);
            out += is_first ? "  - " : "    ";
            out.append(yaml, at, end + 1 - at);
            is_first = false;
            at = end + 1;
        }
    }
    return out;
}

ErrorPlace place_of(std::string_view error, std::string_view path) {
    ErrorPlace place;
    place.message = std::string(error);
    if (!error.starts_with(path) || error.size() <= path.size() || error[path.size()] != ':') {
        return place;
    }
    std::string_view rest = error.substr(path.size() + 1);
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), place.line);
    if (failed != std::errc()) return place;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    // A column may follow: "group:3:5: ".
    const size_t colon = rest.find(": ");
    if (colon == std::string_view::npos) return place;
    rest.remove_prefix(colon + 2);
    // A key is one word with a message behind it.
    const size_t key_end = rest.find(": ");
    if (key_end != std::string_view::npos &&
        rest.substr(0, key_end).find_first_of(" \"") == std::string_view::npos) {
        place.key = std::string(rest.substr(0, key_end));
        rest.remove_prefix(key_end + 2);
    }
    place.message = std::string(rest);
    return place;
}

}  // namespace kw::rules
