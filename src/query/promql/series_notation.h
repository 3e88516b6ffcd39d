// The notation of series in Prometheus' test language, in which scripts and unit tests of rules write samples.
//
//   requests_total{job="a"}  0+10x5 _ 7x2 stale {{…}}
//
// Points are one step apart: `_` none, `stale` a staleness marker, `1+2x3` is 1 3 5 7, `7x2` is 7 7 7.
// `{{…}}` is a native histogram (model/histogram_text.h), `{{…}}+{{…}}x3` and `{{…}}x3` repeat like numbers.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace kw::promql {

// One point of a series line.
struct ScriptPoint {
    enum class Kind : unsigned char { kNone, kFloat, kHistogram };
    Kind kind = Kind::kNone;
    double value = 0;
    std::shared_ptr<const Histogram> histogram;  // kHistogram
};

struct SeriesLine {
    LabelSet labels;
    std::vector<ScriptPoint> points;
    // With `@st`: the start of each sample as a distance to it, for the series line that follows.
    bool is_starts = false;
    std::vector<std::optional<int64_t>> starts_ms;
};

// Errors of all: kInvalid.

// `name{a="b"} 1+2x3 _ {{…}}`.
Result<SeriesLine> parse_series_line(std::string_view line);
// `name{a="b"}` alone; nothing is the empty set.
Result<LabelSet> parse_series_labels(std::string_view text);
// `1+2x3 _ {{…}}` alone; at most some million points.
Result<std::vector<ScriptPoint>> parse_series_points(std::string_view text);
// Whether a line begins like a series and not like a number.
bool is_series_line(std::string_view line);
// `5m`, `-1h`, `300` (seconds).
Result<int64_t> parse_script_time(std::string_view text);
std::string_view trimmed(std::string_view text);

}  // namespace kw::promql
