// The YAML side of document.h, over yaml-cpp, whose exceptions end here.
#include <yaml-cpp/yaml.h>

#include <string>

#include "scrape/discovery/document.h"
#include "scrape/discovery/group_builder.h"

namespace kw::scrape {
namespace {

// "line 3: …"; yaml-cpp counts from 0.
Error at(const YAML::Node& node, Error error) {
    const int line = node.Mark().line;
    if (line < 0) return error;
    return std::move(error).with_context("line " + std::to_string(line + 1));
}

Result<TargetGroup> read_group(const YAML::Node& node, GroupBuilder& builder) {
    if (!node.IsMap()) return builder.error("want a mapping with targets and labels");
    for (const auto& entry : node) {
        if (!entry.first.IsScalar()) return builder.error("a key is not a text");
        const std::string key = entry.first.Scalar();
        const YAML::Node& value = entry.second;
        KW_TRY(builder.begin_key(key));
        if (value.IsNull()) continue;
        if (key == "targets") {
            if (!value.IsSequence()) return builder.error("targets is not a list");
            for (const YAML::Node& target : value) {
                if (!target.IsScalar()) return builder.error("a target is not a text");
                KW_TRY(builder.add_target(target.Scalar()));
            }
        } else {
            if (!value.IsMap()) return builder.error("labels is not a mapping");
            for (const auto& label : value) {
                if (!label.first.IsScalar()) return builder.error("a label's name is not a text");
                if (!label.second.IsScalar() && !label.second.IsNull()) {
                    return builder.error("a label's value is not a text");
                }
                KW_TRY(builder.add_label(label.first.Scalar(), label.second.Scalar()));
            }
        }
    }
    return builder.finish();
}

}  // namespace

Result<std::vector<TargetGroup>> parse_yaml_document(std::string_view text) {
    if (text.size() > kDocumentBytesMax) return exhausted("more than {} bytes", kDocumentBytesMax);
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
        std::vector<TargetGroup> groups;
        if (documents.empty() || documents.front().IsNull()) return groups;
        if (documents.size() > 1) return invalid("more than one YAML document");
        if (!documents.front().IsSequence()) return invalid("want a list of target groups");
        GroupBuilder builder;
        for (const YAML::Node& item : documents.front()) {
            Result<TargetGroup> group = read_group(item, builder);
            if (!group.ok()) return at(item, std::move(group).error());
            groups.push_back(std::move(group).value());
        }
        return groups;
    } catch (const YAML::Exception& e) {
        return invalid("line {}: {}", e.mark.line + 1, e.msg);
    }
}

}  // namespace kw::scrape
