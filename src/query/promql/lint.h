// The linter: what a query that parses most likely does not mean, with the place and a mend.
//
//   counter-without-rate     a counter is shown, compared or summed as it stands: its value since its process started
//   lifetime-ratio           a share of raw counters: over their whole life, and 0/0 where nothing happened yet
//   lifetime-quantile        a quantile of raw buckets: likewise
//   rate-of-gauge            rate(), irate(), increase() of what is no counter
//   delta-of-counter         delta(), deriv(), … of a counter: a restart is a fall
//   average-of-counter       avg_over_time() and its like of a counter
//   rate-of-aggregate        rate() of a sum in a subquery: the restart of one counter is lost in it
//   rate-of-each-series      a comparison of rate(x[…]), per series and second, as if it were a share
//   ratio-against-percent    a share of 0 to 1 compared with a number above 1
//   percent-against-ratio    a percentage compared with a number below 1
//   short-window             a window of fewer than four scrape intervals
//   quantile-without-le      histogram_quantile() of buckets that were summed without their bound
//   no-series                a selector that matches nothing, with the nearest name or value that exists
//
// What is not known of the data (a LintFacts member that is unset or does not know) gives no finding, but for the
// names that end as counters do by convention (_total, _bucket).
// Cost: linear in the tree, and some questions to `facts` for each of its first 50 selectors.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "promql/ast.h"

namespace kw::promql {

struct LintFinding {
    std::string_view rule;  // of the list above
    Span where;
    std::string message;
    std::string suggestion;  // what to write instead; may be empty
};

// What is known of the data that the query would read.
struct LintFacts {
    // The type that targets say a metric family has; kUnknown where none says anything.
    std::function<MetricType(std::string_view family)> type_of;
    // The longest scrape interval among the targets that have the metric, ms.
    std::function<std::optional<int64_t>(std::string_view family)> interval_ms;
    std::function<Result<bool>(const std::vector<Matcher>&)> has_series;
    // The names of the labels of the series that match, and one label's values.
    std::function<Result<std::vector<std::string>>(const std::vector<Matcher>&)> label_names;
    std::function<Result<std::vector<std::string>>(std::string_view label,
                                                   const std::vector<Matcher>&)>
        label_values;
};

// `expr` is typed and its durations are resolved. In the order of the text. Errors: those of `facts`.
Result<std::vector<LintFinding>> lint(const Expr& expr, const LintFacts& facts);

// The string of `candidates` that is nearest to `text` by Damerau-Levenshtein distance (optimal string alignment),
// when that is small against its length; else empty. O(|text| · length of all candidates).
std::string nearest_of(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace kw::promql
