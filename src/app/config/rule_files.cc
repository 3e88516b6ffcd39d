#include "app/config/rule_files.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/config/checks.h"
#include "app/config/section.h"
#include "promql/ast.h"
#include "promql/parser.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

constexpr Field kRuleFields[] = {
    text("record"),
    text("alert"),
    required(text("expr")),
    duration("for"),
    duration("keep_firing_for"),
    labels("labels"),
    labels("annotations"),
};

Result<void> check_record(const Section& rule) {
    for (const std::string_view key : {"for", "keep_firing_for", "annotations"}) {
        if (rule.is_written(key)) return rule.error(key, "is for alerting rules; remove it");
    }
    if (!is_valid_metric_name(rule.text("record"), NameScheme::kUtf8) ||
        rule.text("record").find_first_of("{}") != std::string::npos) {
        return rule.error("record", "{} is not a metric name", kw::quoted(rule.text("record")));
    }
    return {};
}

Result<void> check_rule(Section& rule) {
    KW_TRY(check_exactly_one(rule, {"record", "alert"}));
    if (rule.has("record")) KW_TRY(check_record(rule));
    for (const auto& [name, values] : rule.map("labels")) {
        if (name == kMetricName)
            return rule.error("labels", "{} is the metric's name; remove it", name);
    }
    promql::ParseOptions options;
    options.duration_expressions = true;
    const Result<promql::ExprPtr> parsed = promql::parse(rule.text("expr"), options);
    if (!parsed.ok()) return rule.error("expr", "{}", parsed.error().message);
    return {};
}
constexpr Block kRuleBlock = {"rule", kRuleFields, check_rule};

constexpr Field kGroupFields[] = {
    required(text("name")), duration("interval"), duration("query_offset"),
    integer("limit"),       labels("labels"),     blocks("rules", kRuleBlock),
};
constexpr Block kGroupBlock = {"rule group", kGroupFields};

constexpr Field kRuleFileFields[] = {blocks("groups", kGroupBlock)};
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
constexpr Block kRuleFileBlock = {"rule file", kRuleFileFields, check_groups};

}  // namespace

Result<RuleFileSummary> check_rule_file(std::string_view text, const std::string& path) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, path));
    KW_TRY_ASSIGN(const Section file, read_section(document.root, kRuleFileBlock, path));
    RuleFileSummary summary;
    std::set<std::pair<std::string, LabelSet>> seen;
    for (const Section& group : file.sections("groups")) {
        ++summary.group_count;
        for (const Section& rule : group.sections("rules")) {
            ++summary.rule_count;
            LabelBuilder labels;
            for (const auto& [name, values] : rule.map("labels")) labels.set(name, values.front());
            const std::string& name = rule.has("record") ? rule.text("record") : rule.text("alert");
            if (!seen.emplace(name, labels.build()).second) {
                summary.duplicates.push_back({name, labels.build(), rule.line()});
            }
        }
    }
    return summary;
}

}  // namespace kw::app
