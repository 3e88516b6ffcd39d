// Which exposition format a body is in, by its Content-Type.
//
// Source: Prometheus 3's rules. A missing or unknown media type is refused unless the job names a
// fallback.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"

namespace kw::wire {

enum class ExpositionFormat : unsigned char {
    kText,         // text/plain; version=0.0.4 (and 1.0.0, which adds quoted names)
    kOpenMetrics,  // application/openmetrics-text; version=1.0.0 (and 0.0.1)
    kProtobuf,     // application/vnd.google.protobuf; MetricFamily messages with their lengths
};

// The format of a scrape's body. `fallback` is used where `content_type` is empty or no exposition
// format. Errors: kUnsupported when there is none.
Result<ExpositionFormat> format_of_content_type(std::string_view content_type,
                                                std::optional<ExpositionFormat> fallback);

}  // namespace kw::wire
