// What a metric's name, type and help should be like: the remarks of `check metrics`. They are advice; an
// exposition with remarks is scraped like any other.
//
// Source: https://prometheus.io/docs/practices/naming/, in the words and with the rules of Prometheus'
// linter, so that the output of both can be compared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kw::wire {

struct LintRemark {
    std::string metric;
    std::string text;
    bool operator==(const LintRemark&) const = default;
    auto operator<=>(const LintRemark&) const = default;
};

// Remarks on a text of format 0.0.4, sorted by metric and text.
// Errors: kInvalid where the text is no exposition; the message begins with "line N: ".
Result<std::vector<LintRemark>> lint_exposition(std::string_view text);

struct MetricCardinality {
    std::string metric;
    uint64_t series = 0;  // of a histogram or summary: all of its lines
};

// How many series each family has, the most first. Errors: as above.
Result<std::vector<MetricCardinality>> count_series(std::string_view text);

}  // namespace kw::wire
