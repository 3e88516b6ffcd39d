#include "intake/series_limits.h"

namespace kw::intake {

Result<void> check_limits(const LabelSet& labels, const SeriesLimits& limits) {
    if (limits.labels_max != 0 && labels.size() > limits.labels_max) {
        return exhausted("{} has {} labels, over the limit of {}", labels.to_string(),
                         labels.size(), limits.labels_max);
    }
    if (limits.label_name_bytes_max == 0 && limits.label_value_bytes_max == 0) return {};
    for (const LabelView& label : labels) {
        if (limits.label_name_bytes_max != 0 && label.name.size() > limits.label_name_bytes_max) {
            return exhausted("{}: the name of label {} has {} bytes, over the limit of {}",
                             labels.metric_name(), label.name, label.name.size(),
                             limits.label_name_bytes_max);
        }
        if (limits.label_value_bytes_max != 0 &&
            label.value.size() > limits.label_value_bytes_max) {
            return exhausted("{}: the value of label {} has {} bytes, over the limit of {}",
                             labels.metric_name(), label.name, label.value.size(),
                             limits.label_value_bytes_max);
        }
    }
    return {};
}

Result<void> check_names(const LabelSet& labels, NameScheme scheme) {
    const std::string_view name = labels.metric_name();
    if (name.empty()) return invalid("{} has no metric name", labels.to_string());
    if (!is_valid_metric_name(name, scheme))
        return invalid("{} is no valid metric name", quoted(name));
    for (const LabelView& label : labels) {
        if (!is_valid_label_name(label.name, scheme)) {
            return invalid("{} of {} is no valid label name", quoted(label.name), quoted(name));
        }
    }
    return {};
}

}  // namespace kw::intake
