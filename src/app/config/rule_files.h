// Rule files: groups of recording and alerting rules, held against their schema, with every expression
// parsed. Rules are not evaluated yet; `check` and the loading of a configuration want to know that a file is
// one.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace kw::app {

// Two rules of a file that give the same series.
struct DuplicateRule {
    std::string name;  // of the metric or the alert
    LabelSet labels;
    int line = 0;  // of the later one
    bool operator==(const DuplicateRule&) const = default;
};

struct RuleFileSummary {
    size_t group_count = 0;
    size_t rule_count = 0;
    std::vector<DuplicateRule> duplicates;
};

// Errors: kInvalid, with file, line, key and mend; kExhausted.
Result<RuleFileSummary> check_rule_file(std::string_view text, const std::string& path);

}  // namespace kw::app
