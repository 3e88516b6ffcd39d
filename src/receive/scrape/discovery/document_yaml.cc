// The YAML side of document.h.
#include <string>

#include "scrape/discovery/document.h"
#include "scrape/discovery/group_builder.h"
#include "yaml/yaml.h"

namespace kw::scrape {
namespace {

// A target is a node, and so is each label's value: kDocumentTargetsMax of them and room for labels.
constexpr YamlLimits kLimits{
    .bytes_max = kDocumentBytesMax, .depth_max = 16, .nodes_max = 3'000'000};

Result<void> read_labels(const YamlNode& labels, GroupBuilder& builder) {
    if (!labels.is_map()) return builder.error("labels is not a mapping");
    for (size_t i = 0; i < labels.items.size(); ++i) {
        const YamlNode& value = labels.items[i];
        if (value.is_list() || value.is_map()) {
            return builder.error("a label's value is not a text");
        }
        KW_TRY(builder.add_label(labels.keys[i].text, value.is_null() ? "" : value.text));
    }
    return {};
}

Result<void> read_targets(const YamlNode& targets, GroupBuilder& builder) {
    if (!targets.is_list()) return builder.error("targets is not a list");
    for (const YamlNode& target : targets.items) {
        if (target.kind != YamlNode::Kind::kScalar) return builder.error("a target is not a text");
        KW_TRY(builder.add_target(target.text));
    }
    return {};
}

Result<TargetGroup> read_group(const YamlNode& node, GroupBuilder& builder) {
    if (!node.is_map()) return builder.error("want a mapping with targets and labels");
    for (size_t i = 0; i < node.items.size(); ++i) {
        const std::string& key = node.keys[i].text;
        const YamlNode& value = node.items[i];
        KW_TRY(builder.begin_key(key));
        if (value.is_null()) continue;
        KW_TRY(key == "targets" ? read_targets(value, builder) : read_labels(value, builder));
    }
    return builder.finish();
}

}  // namespace

Result<std::vector<TargetGroup>> parse_yaml_document(std::string_view text) {
    KW_TRY_ASSIGN(const YamlDocument document, parse_yaml(text, "", kLimits));
    if (document.has_more_documents) return invalid("more than one YAML document");
    std::vector<TargetGroup> groups;
    if (document.root.is_null()) return groups;
    if (!document.root.is_list()) return invalid("want a list of target groups");
    GroupBuilder builder;
    for (const YamlNode& item : document.root.items) {
        Result<TargetGroup> group = read_group(item, builder);
        if (!group.ok()) {
            return std::move(group).error().with_context(fmt::format("line {}", item.line));
        }
        groups.push_back(std::move(group).value());
    }
    return groups;
}

}  // namespace kw::scrape
