#include "platform/service.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>

namespace energy {
namespace {

using Clock = std::chrono::steady_clock;
using kilowatch::SpanKind;
using kilowatch::SpanStatus;

constexpr std::chrono::milliseconds kCheckTime{1500};  // after which a check counts as failed
constexpr std::chrono::seconds kHealthAge{2};          // answers are kept this long

// 0.2 and 0.1 are the guide's targets for answers and inferences: a bound at the target makes the share exact.
const std::vector<double> kRequestBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.2,
                                         0.3,   0.5,  1,     2.5,  5,   10};

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Until a model's answer has told.
constexpr const char* kUnknownVersion = "unknown";

std::string new_request_id() {
    static std::atomic<uint64_t> next{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return fmt::format("req-{:x}-{:x}", static_cast<uint64_t>(now) >> 10, next.fetch_add(1));
}

kilowatch::SdkOptions sdk_options(const ServiceOptions& options,
                                  std::function<kilowatch::TraceTags()> fill_tags) {
    kilowatch::SdkOptions result;
    result.fill_tags = std::move(fill_tags);
    result.resource.service_name = options.name;
    result.resource.service_version = "1";
    result.resource.environment = options.environment;
    result.log.service = options.name;
    result.log.path = options.log_path;
    result.log.form = options.log_form;
    if (!options.otlp_endpoint.empty()) {
        kilowatch::OtlpOptions otlp;
        otlp.endpoint = options.otlp_endpoint;
        otlp.batch_delay = std::chrono::milliseconds(500);
        result.otlp = otlp;
    }
    if (options.profile) result.profile = kilowatch::CpuProfilerOptions{.hertz = 19};
    return result;
}

int status_of(kw::Code code) {
    switch (code) {
        case kw::Code::kInvalid: return 400;
        case kw::Code::kDenied: return 403;
        case kw::Code::kNotFound: return 404;
        case kw::Code::kConflict: return 409;
        case kw::Code::kExhausted:
        case kw::Code::kUnavailable: return 503;
        case kw::Code::kTimeout: return 504;
        default: return 500;
    }
}

}  // namespace

// Shared with the threads of checks, which may outlive the request that waited for them.
struct Service::HealthState {
    std::vector<HealthCheck> checks;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<bool> up;
    std::vector<bool> running;
    std::vector<Clock::time_point> started, done;
};

Service::Service(const ServiceOptions& options, FaultPlayer player, bool border)
    : options_(options),
      border_(border),
      sdk_(std::make_unique<kilowatch::Sdk>(
          sdk_options(options, [this] { return tags_without_request(); }))),
      health_(std::make_shared<HealthState>()) {
    faults_ = std::make_unique<FaultSwitch>(player, metrics());
    requests_ = &metrics().counter_family("http_requests_total", "Requests answered.",
                                          {"endpoint", "method", "status"});
    seconds_ = &metrics().histogram_family(
        "http_request_duration_seconds", "Time to answer a request.", {"endpoint", "method"},
        {.bounds = kRequestBounds, .native = kilowatch::NativeOptions{}});
    messages_ = &metrics().counter_family("log_messages_total", "Log entries written.", {"level"});
    for (const std::string_view level : {"DEBUG", "INFO", "WARNING", "ERROR"})
        messages_->with({level});
    component_up_ = &metrics().gauge_family(
        "health_component_up", "1 where the last check of /health passed.", {"component"});
    clock_collector_ =
        metrics().add_collector([clock = options.clock](kilowatch::CollectorSink& sink) {
            sink.gauge("simulated_time_seconds", "Simulated time, Unix seconds.", {},
                       static_cast<double>(clock.now_s()));
        });
    // The platform speaks plain HTTP on loopback; where TLS ends in front of a service, its exporter says so.
    metrics()
        .gauge_family("encryption_enabled", "1 where traffic is encrypted.", {"service"})
        .with({options.name})
        .set(0);
}

Service::~Service() { stop(); }

void Service::route(const std::string& method, const std::string& path, Handler handler) {
    routes_[{method, path}] = std::move(handler);
    requests_->with({path, method, "200"});
    requests_->with({path, method, "500"});
    requests_->with({path, method, "503"});
    seconds_->with({path, method});
}

void Service::add_health_check(HealthCheck check) {
    component_up_->with({check.component}).set(0);
    health_->checks.push_back(std::move(check));
    health_->up.push_back(false);
    health_->running.push_back(false);
    health_->started.emplace_back();
    health_->done.emplace_back();
}

kw::Result<int> Service::start() {
    server_ = std::make_unique<HttpServer>(
        [this](const HttpRequest& request) { return answer(request); });
    KW_TRY_ASSIGN(const int port, server_->start(options_.port));
    log(kilowatch::LogLevel::kInfo, "listening", {{"port", port}});
    return port;
}

void Service::stop() {
    if (server_) server_->stop();
    std::unique_lock lock(
        health_->mutex);  // checks use what the caller destroys next; each has a time limit
    health_->changed.wait(lock, [this] {
        return std::find(health_->running.begin(), health_->running.end(), true) ==
               health_->running.end();
    });
}

void Service::log(kilowatch::LogLevel level, std::string_view message,
                  kilowatch::Attributes details) {
    messages_->with({kilowatch::to_string(level)}).increment();
    sdk_->log().log(level, message, std::move(details));
}

kw::Result<HttpResponse> Service::call(const HttpClient& client, std::string_view peer,
                                       const std::string& method, const std::string& target,
                                       const std::string& body,
                                       std::map<std::string, std::string> headers) {
    const std::string path = target.substr(0, target.find('?'));
    kilowatch::ScopedSpan span = sdk_->tracer().start_scoped(
        method + " " + path, {.kind = SpanKind::kClient,
                              .parent = {},
                              .root = false,
                              .start = {},
                              .attributes = {{"peer.service", peer},
                                             {"http.request.method", method},
                                             {"url.path", path}},
                              .links = {}});
    kilowatch::inject(
        kilowatch::current_context(),
        [&](std::string_view name, std::string_view value) { headers[std::string(name)] = value; });
    kw::Result<HttpResponse> result = client.call(method, target, headers, body);
    if (!result.ok()) {
        span->set_status(SpanStatus::kError, result.error().message);
    } else {
        span->set_attribute("http.response.status_code", result->status);
        kilowatch::TraceTags learnt;  // from an answer of our own: who asked, and what answered
        const auto header = [&](const char* name) {
            const auto found = result->headers.find(name);
            return found == result->headers.end() ? std::string() : found->second;
        };
        learnt.user_id = header("x-user-id");
        learnt.model_version = header("x-model-version");
        learnt.data_version = header("x-data-version");
        span.set_tags(learnt);
    }
    return result;
}

HttpResponse Service::answer(const HttpRequest& request) {
    if (request.method == "GET" &&
        (request.path == "/metrics" || request.path.starts_with("/debug/pprof/"))) {
        kilowatch::EndpointAnswer own =
            sdk_->answer(request.target, request.header_or("accept", ""));
        return {own.status, own.content_type, std::move(own.body), {}};
    }
    if (request.path == "/faults" || request.path.starts_with("/faults/"))
        return fault_router_ ? fault_router_(request) : faults_->answer(request);
    if (request.method == "GET" && request.path == "/health") return health();
    const auto found = routes_.find({request.method, request.path});
    if (found != routes_.end()) return answer_traced(request, request.path, found->second);
    return answer_traced(request, "other", [](const HttpRequest& unknown, kilowatch::ScopedSpan&) {
        return error_response(404,
                              "there is no " + unknown.method + " " + unknown.path.substr(0, 100));
    });
}

HttpResponse Service::answer_traced(const HttpRequest& request, const std::string& endpoint,
                                    const Handler& handler) {
    const auto start = Clock::now();
    const kilowatch::Context incoming = kilowatch::extract(
        [&](std::string_view name) -> std::optional<std::string> {
            const auto found = request.headers.find(std::string(name));
            if (found == request.headers.end()) return std::nullopt;
            return found->second;
        },
        !border_);
    kilowatch::ScopedSpan span = sdk_->tracer().start_scoped(
        request.method + " " + endpoint,
        {.kind = SpanKind::kServer,
         .parent = incoming,
         .root = false,
         .start = {},
         .attributes = {{"http.request.method", request.method}, {"http.route", endpoint}},
         .links = {}});
    kilowatch::TraceTags tags = version_tags();
    if (!incoming.tags || incoming.tags->user_id.empty()) tags.user_id = "anonymous";
    tags.environment = options_.environment;
    span.set_tags(tags);
    HttpResponse response;
    try {
        response = handler(request, span);
    } catch (const std::exception& error) {  // a bug of one request ends that request alone
        span->record_exception("std::exception", error.what());
        response = error_response(500, "internal error");
        log(kilowatch::LogLevel::kError, "request failed",
            {{"endpoint", endpoint}, {"exception", error.what()}});
    }
    const double seconds = since(start);
    const std::string status = std::to_string(response.status);
    requests_->with({endpoint, request.method, status}).increment();
    seconds_->with({endpoint, request.method}).observe(seconds);
    span->set_attribute("http.response.status_code", response.status);
    if (response.status >= 500) span->set_status(SpanStatus::kError, "status " + status);
    const auto level = response.status >= 500   ? kilowatch::LogLevel::kError
                       : response.status >= 400 ? kilowatch::LogLevel::kWarning
                                                : kilowatch::LogLevel::kInfo;
    log(level, "Request processed",
        {{"endpoint", endpoint},
         {"method", request.method},
         {"status", response.status},
         {"duration_ms", seconds * 1000}});
    return response;
}

HttpResponse Service::health() {
    HealthState& state = *health_;
    const auto begun = Clock::now();
    std::unique_lock lock(state.mutex);
    for (size_t i = 0; i < state.checks.size(); ++i) {
        if (state.running[i] || begun - state.done[i] < kHealthAge) continue;
        state.running[i] = true;
        state.started[i] = begun;
        std::thread([shared = health_, i] {
            const bool up = shared->checks[i].check();
            const std::scoped_lock inner(shared->mutex);
            shared->up[i] = up;
            shared->running[i] = false;
            shared->done[i] = Clock::now();
            shared->changed.notify_all();
        }).detach();
    }
    state.changed.wait_until(lock, begun + kCheckTime, [&] {
        return std::find(state.running.begin(), state.running.end(), true) == state.running.end();
    });
    bool healthy = true, whole = true;
    std::string components;
    for (size_t i = 0; i < state.checks.size(); ++i) {
        const bool late = state.running[i] && Clock::now() - state.started[i] >= kCheckTime;
        const bool up = state.up[i] && !late;
        whole = whole && up;
        healthy = healthy && (up || !state.checks[i].vital);
        component_up_->with({state.checks[i].component}).set(up ? 1 : 0);
        components += fmt::format("{}{}:{}", components.empty() ? "" : ",",
                                  json_text(state.checks[i].component), up);
    }
    const std::string_view status = !healthy ? "unhealthy" : whole ? "healthy" : "degraded";
    return {healthy ? 200 : 503,
            "application/json",
            fmt::format(R"({{"status":"{}","components":{{{}}}}})", status, components),
            {}};
}

void Service::set_versions(const std::string& model_version, const std::string& data_version) {
    const std::scoped_lock lock(versions_mutex_);
    model_version_ = model_version;
    data_version_ = data_version;
}

kilowatch::TraceTags Service::tags_without_request() const {
    kilowatch::TraceTags tags = version_tags();
    tags.request_id = new_request_id();
    tags.user_id = "system";
    if (tags.model_version.empty()) tags.model_version = kUnknownVersion;
    if (tags.data_version.empty()) tags.data_version = kUnknownVersion;
    tags.environment = options_.environment;
    return tags;
}

kilowatch::TraceTags Service::version_tags() const {
    const std::scoped_lock lock(versions_mutex_);
    kilowatch::TraceTags tags;
    tags.model_version = model_version_;
    tags.data_version = data_version_;
    return tags;
}

std::string json_text(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else if (static_cast<unsigned char>(c) >= 0x80) {
            result += '?';  // what we quote back is user input of unknown encoding
        } else {
            result += c;
        }
    }
    return result + "\"";
}

HttpResponse error_response(int status, std::string_view text) {
    return {status, "application/json", "{\"error\":" + json_text(text) + "}", {}};
}

HttpResponse error_response(const kw::Error& error) {
    return error_response(status_of(error.code), error.message);
}

}  // namespace energy
