// Limits on the labels of one series, of a scrape's job or of all remote writers.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/labels.h"

namespace kw::intake {

// 0: no limit.
struct SeriesLimits {
    uint64_t labels_max = 0;             // labels of a series, __name__ among them
    uint64_t label_name_bytes_max = 0;   // of each name
    uint64_t label_value_bytes_max = 0;  // of each value, the metric's name among them

    bool operator==(const SeriesLimits&) const = default;
};

// Errors: kExhausted, naming the series, the label, what was found and the limit.
Result<void> check_limits(const LabelSet& labels, const SeriesLimits& limits);

// Whether the metric's name is there and it and all label names are valid under `scheme`.
// Errors: kInvalid.
Result<void> check_names(const LabelSet& labels, NameScheme scheme);

}  // namespace kw::intake
