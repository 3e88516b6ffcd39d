// What every process of the platform is around its own work: the SDK, an HTTP server whose requests are traced,
// counted, timed and logged, calls to other processes that carry the trace on, the simulated clock, and a switch
// for faults.
//
// Exposed by every service: http_requests_total{endpoint,method,status}, http_request_duration_seconds{endpoint,
// method} (classic and native), log_messages_total{level}, health_component_up{component}, process_*,
// encryption_enabled{service}, simulated_time_seconds, fault_active{fault}.
// Counters that matter are made with their labels before anything happens, so that their first increment is seen.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kilowatch/sdk.h"
#include "platform/faults.h"
#include "platform/http.h"
#include "world/slot.h"

namespace energy {

struct ServiceOptions {
    std::string name;
    int port = 0;
    std::string environment = "demo";
    std::string log_path;  // empty: standard output
    // The guide writes log entries in two forms: the gateway in the second, the others in the first.
    kilowatch::LogOptions::Form log_form = kilowatch::LogOptions::Form::kDetails;
    std::string otlp_endpoint;  // empty: nothing is pushed
    SimClock clock;
    bool profile = true;  // the continuous profiler, for /debug/pprof/profile and pushing
};

// A component that /health asks. `check` runs on a thread of its own and may be left behind when it is late.
struct HealthCheck {
    std::string component;
    std::function<bool()> check;
    bool vital = true;  // false: the whole is then degraded, not unhealthy
};

class Service final {
 public:
    using Handler = std::function<HttpResponse(const HttpRequest&, kilowatch::ScopedSpan&)>;

    // `border` is true where strangers call: their trace goes on, but their tags do not count.
    Service(const ServiceOptions& options, FaultPlayer player, bool border);
    ~Service();

    kilowatch::Sdk& sdk() { return *sdk_; }
    kilowatch::Registry& metrics() { return sdk_->metrics(); }
    FaultSwitch& faults() { return *faults_; }
    const SimClock& clock() const { return options_.clock; }
    const ServiceOptions& options() const { return options_; }

    // Before start() only. An exact path; unknown paths are 404 under the endpoint "other".
    void route(const std::string& method, const std::string& path, Handler handler);
    void add_health_check(HealthCheck check);
    // Who answers below /faults instead of this process's own switch.
    void set_fault_router(std::function<HttpResponse(const HttpRequest&)> router) {
        fault_router_ = std::move(router);
    }

    // Listens and answers in the background; gives the port.
    kw::Result<int> start();
    void stop();

    void log(kilowatch::LogLevel level, std::string_view message,
             kilowatch::Attributes details = {});

    // Calls another process within a client span, passing trace and tags on.
    kw::Result<HttpResponse> call(const HttpClient& client, std::string_view peer,
                                  const std::string& method, const std::string& target,
                                  const std::string& body = {},
                                  std::map<std::string, std::string> headers = {});

    HttpResponse health();

    // The versions that this process last heard of: tags of every span that begins here, until a request knows better.
    void set_versions(const std::string& model_version, const std::string& data_version);
    kilowatch::TraceTags version_tags() const;

 private:
    // Of spans that no request began, and of what a request does not say: a span goes without none of the five.
    kilowatch::TraceTags tags_without_request() const;

    struct HealthState;
    HttpResponse answer(const HttpRequest& request);
    HttpResponse answer_traced(const HttpRequest& request, const std::string& endpoint,
                               const Handler& handler);

    ServiceOptions options_;
    bool border_;
    std::unique_ptr<kilowatch::Sdk> sdk_;
    std::unique_ptr<FaultSwitch> faults_;
    std::function<HttpResponse(const HttpRequest&)> fault_router_;
    std::map<std::pair<std::string, std::string>, Handler> routes_;  // method, path
    kilowatch::CounterFamily* requests_;
    kilowatch::HistogramFamily* seconds_;
    kilowatch::CounterFamily* messages_;
    kilowatch::GaugeFamily* component_up_;
    std::shared_ptr<HealthState> health_;
    mutable std::mutex versions_mutex_;
    std::string model_version_, data_version_;
    kilowatch::CollectorHandle clock_collector_;
    std::unique_ptr<HttpServer> server_;
};

// {"error": "…"} with the text escaped.
HttpResponse error_response(int status, std::string_view text);
HttpResponse error_response(const kw::Error& error);  // by its code
std::string json_text(std::string_view text);         // quoted and escaped

}  // namespace energy
