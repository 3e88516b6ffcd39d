// What is read off a rule's expression: which series it reads, and the query that tells whether it has data.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "promql/parser.h"
#include "rules/rule_file.h"

namespace kw::rules {

// The names of the series that the selectors of an expression read.
struct ReadNames {
    std::vector<std::string> names;  // sorted, unique
    bool reads_any = false;          // a selector without a fixed name: it may read every series
};
ReadNames read_names(const promql::Expr& expr);

// A query that gives a sample for every label set for which `expr` has data, whether or not its conditions are
// met: every comparison becomes one with `bool`, and of `unless` the left side stays. Empty when the expression
// compares nothing: then an empty answer and no data are the same.
std::string presence_query(const promql::Expr& expr);

// The longest time from the beginning of a cause to the alert: the expression's windows fill and its offsets pass, `for` goes
// by in whole intervals, and the evaluation before the cause was just over. Durations that the query computes count as 0.
int64_t slowest_detection_ms(const promql::Expr& expr, int64_t for_ms, int64_t interval_ms);

// The order in which the rules of a group may run: those of one wave at the same time, wave after wave. Two rules
// of which one reads what the other writes, or that write the same name, stand in different waves in the order
// of the file, so that the answers are those of running one after the other.
std::vector<std::vector<size_t>> plan_waves(const std::vector<Rule>& rules,
                                            const promql::ParseOptions& features);

}  // namespace kw::rules
