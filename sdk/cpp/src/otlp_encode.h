// Spans, log entries and snapshots of metrics as OTLP's protobuf requests
// (ExportTraceServiceRequest, …).
//
// Texts are made valid UTF-8 here, off the host's path. Source: opentelemetry-proto 1.x.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kilowatch/attributes.h"
#include "kilowatch/log.h"
#include "kilowatch/metric_snapshot.h"
#include "kilowatch/trace.h"

namespace kilowatch {

std::string encode_spans(const Attributes& resource,
                         std::span<const std::unique_ptr<SpanData>> spans);
std::string encode_logs(const Attributes& resource, std::span<const LogEntry> entries);
// Cumulative sums. A histogram with classic buckets is sent as Histogram, one that is only native
// as ExponentialHistogram: one name has one type.
std::string encode_metrics(const Attributes& resource, const std::vector<FamilySnapshot>& families,
                           SystemTime now);

// partial_success.rejected_* of a response; 0 where there is none or it cannot be read.
uint64_t rejected_by(std::string_view response);

}  // namespace kilowatch
