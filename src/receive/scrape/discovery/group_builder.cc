#include "scrape/discovery/group_builder.h"

#include <utility>

#include "scrape/discovery/document.h"

namespace kw::scrape {

Result<void> GroupBuilder::begin_key(std::string_view key) {
    if (key != "targets" && key != "labels") {
        return error(fmt::format("unknown key {}, want targets or labels", kw::quoted(key)));
    }
    if (!keys_.emplace(key).second) return error(fmt::format("{} is there twice", key));
    return {};
}

Result<void> GroupBuilder::add_target(std::string_view address) {
    if (++target_count_ > kDocumentTargetsMax) {
        return exhausted("more than {} targets in one document", kDocumentTargetsMax);
    }
    if (!is_valid_utf8(address)) return error("a target is not UTF-8");
    group_.targets.push_back(LabelSet{{"__address__", address}});
    return {};
}

Result<void> GroupBuilder::add_label(std::string_view name, std::string_view value) {
    if (!is_valid_label_name(name, NameScheme::kUtf8)) {
        return error(fmt::format("{} is not a label's name", kw::quoted(name)));
    }
    if (!is_valid_utf8(value))
        return error(fmt::format("the value of label {} is not UTF-8", name));
    if (!label_names_.emplace(name).second)
        return error(fmt::format("label {} is there twice", name));
    labels_.set(name, value);
    return {};
}

TargetGroup GroupBuilder::finish() {
    group_.labels = labels_.build();
    TargetGroup finished = std::exchange(group_, {});
    labels_ = LabelBuilder();
    keys_.clear();
    label_names_.clear();
    ++group_index_;
    return finished;
}

Error GroupBuilder::error(std::string_view what) const {
    return invalid("target group {}: {}", group_index_, what);
}

}  // namespace kw::scrape
