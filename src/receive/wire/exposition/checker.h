// Whether an exposition makes sense beyond its lines: what the formats' specifications say about
// families.
//
// A scrape is not held to it, as Prometheus' is not: a server that stops watching a target because
// a histogram lacks its sum helps nobody. `kilowatch check metrics`, the textfile collector and the
// conformance suite are.
//
//   text         one HELP and TYPE a family, TYPE before the first sample; `le` and `quantile` are
//   numbers; only
//                \\, \" and \n are escapes; labels unique; the last line ends with a newline
//   OpenMetrics  families together and once, metadata first, no clashing names; per type the
//   suffixes, labels
//                and values; histograms whole, ordered and cumulative; one label set's samples
//                together and their timestamps in order; exemplars where allowed, at most 128
//                characters of labels
// Source: OpenMetrics 1.0; the text format as Prometheus' client libraries read it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "wire/exposition/format.h"

namespace kw::wire {

// Errors: kInvalid; the message begins with "line N: ".
Result<void> check_exposition(std::string_view text, ExpositionFormat format);

Result<void> check_text(std::string_view text);
Result<void> check_openmetrics(std::string_view text);

}  // namespace kw::wire
