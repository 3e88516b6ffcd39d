// Prometheus' protobuf exposition: messages io.prometheus.client.MetricFamily, each with its
// length before it. The only form that carries native histograms, beside the classic buckets of
// the same histogram.
#pragma once

#include <string>
#include <vector>

#include "kilowatch/metric_snapshot.h"

namespace kilowatch {

std::string render_protobuf(const std::vector<FamilySnapshot>& families);

}  // namespace kilowatch
