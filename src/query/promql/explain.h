// The plan of a query as a tree of values that can be shown: what Engine::explain() answers with.
//
// A node is an operator. With ANALYZE it has a cost: `self_s` is the time that threads worked in this operator alone,
// `total_s` with those below; on several threads the sum may be more than the query took. What was evaluated for
// whoever is above stays counted where it was done, so that the self times of a plan add up to the query's work.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/sample.h"
#include "promql/engine.h"

namespace kw::promql {

class Profile;
class QueryContext;

struct PlanCost {
    double self_s = 0;
    double total_s = 0;
    uint64_t series = 0;  // that the operator gave
    uint64_t values =
        0;  // present ones, of all steps; of a range selector, samples in its windows' span
    uint64_t samples = 0;     // that it decoded from the store
    uint64_t bytes_peak = 0;  // of the query's memory that it held at once
};

// How much an operator holds at a time, beside its answer's labels.
enum class PlanHolds : unsigned char {
    kSeries,  // one series a thread: streams
    kGroups,  // its groups
    kAll,     // all series below it
};
std::string_view plan_holds_name(PlanHolds holds);  // "series", "groups", "all"

struct PlanNode {
    std::string kind;      // "aggregation", "function", "selector", …
    std::string title;     // "sum by (job)", "rate", "x{job=\"a\"}[5m]": a line for people
    std::string text;      // of the expression, as written, at most 200 bytes
    std::string position;  // line and column, "1:5"
    PlanHolds holds = PlanHolds::kSeries;
    bool once = false;               // the same at all steps: evaluated at one
    StepGrid grid;                   // at which it is evaluated
    std::vector<size_t> selections;  // that it reads: indexes of Explanation::selections
    std::optional<PlanCost> cost;
    std::vector<PlanNode> children;
};

// Series read from the store, once for all who read them.
struct PlanSelection {
    std::string matchers;  // up{job="a"}
    std::string position;  // of the first who reads it
    TimeRange range;       // both ends inclusive
    uint64_t series = 0;
    uint64_t samples_estimate = 0;  // at most so many samples are in the range
};

struct Explanation {
    bool is_analyzed = false;
    std::optional<PlanNode> plan;  // set
    std::vector<PlanSelection> selections;
    // Of the whole query; without ANALYZE the result has no series.
    QueryResult result;
    uint64_t series_count = 0;  // of the result
    uint64_t bytes_peak = 0;    // of the query's memory
};

// The tree that `profile` recorded. Errors: those of selecting what was not selected yet.
Result<void> explain_into(QueryContext& context, const Profile& profile, Explanation& out);

}  // namespace kw::promql
