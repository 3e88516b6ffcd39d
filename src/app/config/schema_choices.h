// What texts of the schema that occur in several blocks may be, and the check that goes with them.
#pragma once

#include <string_view>

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

inline constexpr std::string_view kScrapeProtocols[] = {
    "PrometheusProto",     "OpenMetricsText0.0.1", "OpenMetricsText1.0.0",
    "PrometheusText0.0.4", "PrometheusText1.0.0",
};
inline constexpr std::string_view kTlsVersions[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
inline constexpr std::string_view kNameSchemes[] = {"utf8", "legacy"};
inline constexpr std::string_view kEscapingSchemes[] = {"allow-utf-8", "underscores", "dots",
                                                        "values"};

// scrape_protocols of `section`: known ones, each once, not an empty list.
Result<void> check_protocols(const Section& section);

}  // namespace kw::app
