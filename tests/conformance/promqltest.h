// Runs scripts in Prometheus' PromQL test language over a MemoryStore.
//
//   load 1m
//       requests_total{job="a"}  0+10x5
//   eval instant at 5m rate(requests_total[5m])
//       {job="a"} 0.16666666666666666
//
// Commands: clear, load, load_with_nhcb, eval instant, eval range, and the older eval_fail, eval_warn, eval_info,
// eval_ordered. Every successful eval instant also runs as a range query whose middle step is the instant.
// load_with_nhcb stores beside each classic histogram the native one with its buckets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "promql/series_notation.h"

namespace kw::conformance {

using promql::is_series_line;
using promql::parse_script_time;
using promql::parse_series_line;
using promql::ScriptPoint;
using promql::SeriesLine;
using promql::trimmed;

struct ScriptCase {
    enum class Outcome : unsigned char { kPassed, kFailed };
    int line = 0;
    std::string command;  // `eval instant at 5m …`
    Outcome outcome = Outcome::kPassed;
    std::string why;  // of a failure
};

// Runs all commands of a script, one report an eval. Errors: kInvalid, with the line, for what is no script.
Result<void> run_script(std::string_view text,
                        const std::function<void(const ScriptCase&)>& report);

// --- promqltest_histogram.cc

// The native histograms, with custom buckets, of the classic ones among the series of a load.
std::vector<SeriesLine> native_series_of(const std::map<LabelSet, SeriesLine>& lines);
std::string point_text(const ScriptPoint& point);
// As Prometheus compares: buckets without observations do not matter, and the hint only where one is wanted.
bool equal_enough(const ScriptPoint& want, const ScriptPoint& got);

// Relative to the sum of both; NaN equals NaN.
bool almost_equal(double a, double b);

}  // namespace kw::conformance
