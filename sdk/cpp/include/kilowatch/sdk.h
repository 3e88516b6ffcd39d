// Everything together, for a process that wants all of it:
//
//     kilowatch::Sdk sdk({.resource = {.service_name = "api", .environment = "production"},
//                         .endpoint = kilowatch::EndpointOptions{.port = 8080},
//                         .otlp = kilowatch::OtlpOptions{}});
//     auto& requests = sdk.metrics().counter_family("requests_total", "Requests.", {"status"});
//     auto span = sdk.tracer().start_scoped("GET /forecast");
//     sdk.log().info("Request processed", {{"status", 200}});
//
// Make one in main() and pass references; its destructor flushes, for `otlp->shutdown_timeout` at
// most. Each part can be had alone from its own header.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "kilowatch/attributes.h"
#include "kilowatch/endpoint.h"
#include "kilowatch/exposition.h"
#include "kilowatch/log.h"
#include "kilowatch/metrics.h"
#include "kilowatch/otlp.h"
#include "kilowatch/process_metrics.h"
#include "kilowatch/profile.h"
#include "kilowatch/trace.h"

namespace kilowatch {

struct SdkOptions {
    Resource resource = {};
    double sample_ratio = 1;                    // see TracerOptions
    std::function<TraceTags()> fill_tags = {};  // see TracerOptions
    // `service` is the resource's where it is left as it is
    LogOptions log = {};
    std::optional<EndpointOptions> endpoint = {};    // set: /metrics and profiles over HTTP
    std::optional<OtlpOptions> otlp = {};            // set: push
    std::optional<CpuProfilerOptions> profile = {};  // set: profile all the time
    std::chrono::seconds profile_push_interval{10};  // where otlp->profile_url is set
    bool process_metrics = true;
};

class Sdk final {
 public:
    explicit Sdk(const SdkOptions& options);
    ~Sdk();
    Sdk(const Sdk&) = delete;
    Sdk& operator=(const Sdk&) = delete;

    Registry& metrics();
    Tracer& tracer();
    Logger& log();
    CpuProfiler& profiler();         // not running unless options.profile was set
    uint16_t endpoint_port() const;  // 0: there is none

    // For a host with an HTTP server of its own: see endpoint.h.
    EndpointAnswer answer(std::string_view target, std::string_view accept);

    // Writes the log and pushes what is queued. False: not all of it within `timeout`.
    bool flush(std::chrono::milliseconds timeout);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kilowatch
