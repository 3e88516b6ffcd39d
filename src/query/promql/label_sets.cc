#include "promql/label_sets.h"

#include <algorithm>

#include "base/check.h"

namespace kw::promql {
namespace {

template <typename Keep>
LabelSet filtered(const LabelSet& labels, Keep keep) {
    std::vector<LabelView> kept;
    size_t count = 0;
    for (const LabelView& label : labels) {
        ++count;
        if (keep(label.name)) kept.push_back(label);
    }
    if (kept.size() == count) return labels;
    Result<LabelSet> built = LabelSet::from_sorted(kept);
    KW_CHECK(built.ok());
    return std::move(built).value();
}

}  // namespace

bool is_metric_label(std::string_view name) {
    return name.starts_with("__") &&
           (name == kMetricName || name == "__type__" || name == "__unit__");
}

LabelSet without_name(const LabelSet& labels) {
    return filtered(labels, [](std::string_view name) { return !is_metric_label(name); });
}

LabelChoice::LabelChoice(Kind kind, std::vector<std::string> names)
    : kind_(kind), names_(std::move(names)) {
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

bool LabelChoice::takes(std::string_view name) const {
    const bool listed = std::binary_search(names_.begin(), names_.end(), name);
    switch (kind_) {
        case Kind::kOnly: return listed;
        case Kind::kExcept: return !listed;
        case Kind::kExceptAndName: return !listed && name != kMetricName;
    }
    return false;
}

LabelSet LabelChoice::of(const LabelSet& labels) const {
    return filtered(labels, [this](std::string_view name) { return takes(name); });
}

}  // namespace kw::promql
