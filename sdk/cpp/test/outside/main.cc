#include <poll.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "kilowatch/sdk.h"

[[gnu::noinline]] double model_inference(int zone) {
    KW_PROFILE_CPU("model_inference");
    double load = 0;
    for (int i = 0; i < 1'000'000; ++i) load += (zone - load) / 3;
    return load;
}

// Until standard input ends, looked at every 5 ms.
bool goes_on() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return poll(&input, 1, 5) == 0;
}

int main() {
    kilowatch::SdkOptions options;
    options.resource.service_name = "api";
    options.resource.environment = "production";
    options.log.form = kilowatch::LogOptions::Form::kMetadata;
    options.endpoint = kilowatch::EndpointOptions{};         // a free port of loopback
    options.otlp = kilowatch::options_from_environment({});  // OTEL_EXPORTER_OTLP_ENDPOINT, …
    kilowatch::Sdk sdk(options);

    auto& requests = sdk.metrics().counter_family("http_requests_total", "Requests.", {"status"});
    auto& seconds = sdk.metrics().histogram("model_inference_duration_seconds", "Inference.",
                                            {.native = kilowatch::NativeOptions{}});
    std::fprintf(stderr, "port %u\n", sdk.endpoint_port());

    double load = 0;
    while (goes_on()) {
        auto span = sdk.tracer().start_scoped("GET /forecast");
        span.set_tags({.request_id = "r-1", .user_id = "u-1", .model_version = "2024-12"});
        {
            const kilowatch::Timer timer(seconds);
            load = model_inference(7);
        }
        requests.with({"200"}).increment();
        sdk.log().info("Request processed", {{"endpoint", "/forecast"}, {"load", load}});
    }
    return std::isfinite(load) ? 0 : 1;
}
