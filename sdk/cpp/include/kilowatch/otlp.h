// Pushes spans, log entries, metrics and profiles to a receiver: OTLP over HTTP with protobuf
// bodies, and pprof for profiles.
//
//   host ──take()──▶ bounded queue ──▶ one thread: batch, encode, gzip ──▶ POST /v1/traces, …
//                        └ full: drop the newest, count it      └ back-off, Retry-After
//
// Laws
//   1. Nothing blocks or throws into the host.
//   2. Memory is bounded by the queues and one batch a signal, however long the receiver is away.
//      Metrics need no queue: the next push has the newest totals.
//   3. What is lost is counted: kilowatch_sdk_dropped_total{kind="spans|logs|profiles",
//      reason="queue_full|rejected|retries|shutdown"}, and so are metrics that were refused; what
//      arrived: kilowatch_sdk_exported_total{kind}.
//   4. Retried are 429, 502, 503, 504 and failed connections, waiting 1 s, 2 s, 4 s, … up to 30 s
//      with ±20 % of chance, or as long as Retry-After says (at most `retry_after_max`); other
//      answers lose the batch. A batch is tried for `retry_for` at most, and then gives way to
//      newer ones.
// Threads: all. fork(): the child has no thread; make a new exporter there.
// Source: OTLP 1.x, "OTLP/HTTP"; the environment variables are read by options_from_environment()
// only.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kilowatch/attributes.h"
#include "kilowatch/log.h"
#include "kilowatch/metrics.h"
#include "kilowatch/trace.h"

namespace kilowatch {

class HttpTransport;  // src/transport.h: libcurl, or a test's

struct OtlpOptions {
    // its paths are /v1/traces, /v1/logs, /v1/metrics
    std::string endpoint = "http://127.0.0.1:4318";
    // sent with every request, such as Authorization
    std::vector<std::pair<std::string, std::string>> headers = {};
    bool gzip = true;
    bool traces = true;
    bool logs = true;
    bool metrics = true;
    std::string profile_url = {};  // profiles are posted to it; empty: they are not pushed

    uint32_t spans_queued_max = 8192;  // some 500 bytes each: 4 MB
    uint32_t logs_queued_max = 8192;
    uint32_t profiles_queued_max = 4;
    size_t queued_bytes_max = 16 << 20;           // of spans, and as much again of entries
    uint32_t batch_max = 512;                     // spans or entries a request
    std::chrono::milliseconds batch_delay{1000};  // the longest that a span waits for others
    std::chrono::milliseconds metrics_interval{15'000};
    std::chrono::milliseconds request_timeout{10'000};
    std::chrono::milliseconds retry_for{300'000};
    std::chrono::milliseconds retry_after_max{300'000};
    // the most that the destructor waits to send what is queued
    std::chrono::milliseconds shutdown_timeout{3'000};
};

// OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _COMPRESSION and _TIMEOUT over `options`, where they are
// set and valid.
OtlpOptions options_from_environment(OtlpOptions options);

class OtlpExporter final : public SpanSink, public LogSink {
 public:
    // `registry` outlives the exporter: it is what is pushed, and where losses are counted.
    OtlpExporter(const Resource& resource, const OtlpOptions& options, Registry& registry);
    // The same over a transport of the caller's, for tests.
    OtlpExporter(const Resource& resource, const OtlpOptions& options, Registry& registry,
                 std::unique_ptr<HttpTransport> transport);
    ~OtlpExporter() override;

    bool take(std::unique_ptr<SpanData> span) override;
    bool take(LogEntry entry) override;
    // A gzipped pprof of [start, end); see profile.h.
    bool take_profile(std::string pprof, SystemTime start, SystemTime end);

    // Sends what is queued and the metrics. False: not all of it was accepted within `timeout`.
    bool flush(std::chrono::milliseconds timeout);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kilowatch
