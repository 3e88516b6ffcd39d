// Sdk: the parts in the order in which they need each other; destroyed in reverse, so that what
// produces ends before what sends.
#include "kilowatch/sdk.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "diagnostics.h"
#include "worker_thread.h"

namespace kilowatch {
namespace {

// Where nothing is pushed, spans still propagate and mark logs and exemplars.
class NowhereSink final : public SpanSink {
 public:
    bool take(std::unique_ptr<SpanData>) override { return true; }
};

LogOptions log_options(const SdkOptions& options) {
    LogOptions log = options.log;
    if (log.service == LogOptions().service) log.service = options.resource.service_name;
    return log;
}

}  // namespace

struct Sdk::State {
    explicit State(const SdkOptions& options)
        : exporter(options.otlp
                       ? std::make_unique<OtlpExporter>(options.resource, *options.otlp, registry)
                       : nullptr),
          profiler(options.profile.value_or(CpuProfilerOptions{}), registry),
          tracer(exporter ? static_cast<SpanSink&>(*exporter) : nowhere,
                 {.sample_ratio = options.sample_ratio,
                  .environment = options.resource.environment,
                  .fill_tags = options.fill_tags}),
          log(log_options(options), registry, exporter.get()),
          profile_push_interval(options.profile_push_interval) {
        if (options.process_metrics) process_metrics = add_process_metrics(registry);
        if (options.profile && profiler.start() && exporter && !options.otlp->profile_url.empty()) {
            try {
                profile_pusher = start_worker("kw-profile-push", [this] { push_profiles(); });
            } catch (const std::exception& failure) {
                diagnose(std::string("profiles: no thread: ") + failure.what());
            }
        }
        if (options.endpoint) endpoint.emplace(*options.endpoint, registry, &profiler);
    }
    ~State() {
        {
            const std::lock_guard lock(mutex);
            stopping = true;
        }
        wake.notify_all();
    }

    void push_profiles() {
        std::unique_lock lock(mutex);
        SystemTime start = std::chrono::system_clock::now();
        while (!stopping) {
            wake.wait_for(lock, profile_push_interval, [&] { return stopping; });
            lock.unlock();
            const SystemTime end = std::chrono::system_clock::now();
            exporter->take_profile(profiler.take_continuous(), start, end);
            start = end;
            lock.lock();
        }
    }

    Registry registry;
    NowhereSink nowhere;
    std::unique_ptr<OtlpExporter> exporter;
    CpuProfiler profiler;
    Tracer tracer;
    Logger log;
    CollectorHandle process_metrics;
    std::chrono::seconds profile_push_interval;
    std::mutex mutex;
    std::condition_variable wake;
    bool stopping = false;
    std::optional<Endpoint> endpoint;
    std::jthread profile_pusher;
};

Sdk::Sdk(const SdkOptions& options) : state_(std::make_unique<State>(options)) {}
Sdk::~Sdk() = default;

Registry& Sdk::metrics() { return state_->registry; }
Tracer& Sdk::tracer() { return state_->tracer; }
Logger& Sdk::log() { return state_->log; }
CpuProfiler& Sdk::profiler() { return state_->profiler; }
uint16_t Sdk::endpoint_port() const { return state_->endpoint ? state_->endpoint->port() : 0; }

EndpointAnswer Sdk::answer(std::string_view target, std::string_view accept) {
    return kilowatch::answer(target, accept, state_->registry, &state_->profiler);
}

bool Sdk::flush(std::chrono::milliseconds timeout) {
    const auto start = std::chrono::steady_clock::now();
    const bool written = state_->log.flush(timeout);
    if (!state_->exporter) return written;
    const auto left = timeout - std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - start);
    return state_->exporter->flush(std::max(left, std::chrono::milliseconds(0))) && written;
}

}  // namespace kilowatch
