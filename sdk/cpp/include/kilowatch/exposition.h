// Snapshots of metrics as bytes for a scraper: text 0.0.4, OpenMetrics 1.0 (with exemplars), and
// Prometheus' protobuf (the only one that carries native histograms), chosen by the Accept header.
//
// Source: Prometheus' exposition formats; OpenMetrics 1.0; io.prometheus.client.MetricFamily,
// length-delimited.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kilowatch/metrics.h"

namespace kilowatch {

enum class ExpositionFormat { kText, kOpenMetrics, kProtobuf };

// The best that both know: by quality, at equal quality in the order protobuf, OpenMetrics, text.
// Without a header, or with nothing that we have, text. Headers over 4 KiB count as absent.
ExpositionFormat negotiate_exposition(std::string_view accept);

std::string_view content_type(ExpositionFormat format);

std::string render(const std::vector<FamilySnapshot>& families, ExpositionFormat format);

struct Exposition {
    std::string_view content_type;
    std::string body;
};
// The whole answer to GET /metrics, for a host that has an HTTP server of its own.
Exposition expose(const Registry& registry, std::string_view accept);

}  // namespace kilowatch
