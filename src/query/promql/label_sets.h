// Label sets that operators derive from others: without the metric's name, reduced to groups, matched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"

namespace kw::promql {

// Labels about the metric and not about the series' source: they go with the name when a value is no longer
// the metric's: __name__, __type__, __unit__.
bool is_metric_label(std::string_view name);

// `labels` without those.
LabelSet without_name(const LabelSet& labels);

// Chooses labels by a sorted list of names. Built once an operation, used once a series.
class LabelChoice final {
 public:
    enum class Kind : unsigned char {
        kOnly,           // those in the list
        kExcept,         // those not in the list
        kExceptAndName,  // those not in the list, nor the metric's name
    };
    LabelChoice(Kind kind, std::vector<std::string> names);

    LabelSet of(const LabelSet& labels) const;
    bool takes(std::string_view name) const;

 private:
    const Kind kind_;
    std::vector<std::string> names_;  // sorted, unique
};

}  // namespace kw::promql
