#include "rules/rule_file.h"

#include <algorithm>
#include <map>
#include <set>

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
    required(text("name")), duration("interval"), duration("query_offset"),
    integer("limit"),       labels("labels"),     blocks("rules", kRuleBlock),
};
constexpr Block kGroupBlock = {"rule group", kGroupFields, check_group};

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
                     const ReadOptions& options) {
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
    for (size_t i = 0; i < std::size(kOnNoData); ++i) {
        if (section.text("on_no_data") == kOnNoData[i]) rule.on_no_data = static_cast<OnNoData>(i);
    }
    rule.line = section.line();
    return rule;
}

Result<void> add_rules(const Sections& sections, const TextPairs& labels,
                       const ReadOptions& options, Group& group) {
    for (const Section& section : sections) {
        KW_TRY_ASSIGN(Rule rule, rule_of(section, labels, options));
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
    KW_TRY(add_rules(section.sections("rules"), pairs_of(section, "labels"), options, group));
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

}  // namespace

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
        KW_TRY(add_rules(rules, {}, options, group));
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

}  // namespace kw::rules
