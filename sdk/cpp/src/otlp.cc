// OtlpExporter: the export worker, its thread, and the real clock.
#include "kilowatch/otlp.h"

#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "diagnostics.h"
#include "export_worker.h"
#include "worker_thread.h"

namespace kilowatch {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The thread looks for spans that became old at least this often; hosts wake it for full batches
// only.
constexpr milliseconds kLookInterval{200};

// name=value,name=value with percent-encoding, as W3C Baggage has it without properties.
std::vector<std::pair<std::string, std::string>> parse_headers(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!text.empty()) {
        const size_t end = text.find(',');
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string_view::npos) continue;
        std::string value;
        for (size_t i = equals + 1; i < pair.size(); ++i) {
            unsigned byte = 0;
            if (pair[i] == '%' && i + 2 < pair.size() &&
                std::from_chars(&pair[i + 1], &pair[i + 1] + 2, byte, 16).ptr == &pair[i + 1] + 2) {
                value += static_cast<char>(byte);
                i += 2;
            } else {
                value += pair[i];
            }
        }
        std::string name(pair.substr(0, equals));
        std::erase(name, ' ');
        out.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

const char* variable(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): once, at start
    return value && *value ? value : nullptr;
}

}  // namespace

OtlpOptions options_from_environment(OtlpOptions options) {
    if (const char* endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT")) options.endpoint = endpoint;
    if (const char* headers = variable("OTEL_EXPORTER_OTLP_HEADERS"))
        options.headers = parse_headers(headers);
    if (const char* compression = variable("OTEL_EXPORTER_OTLP_COMPRESSION"))
        options.gzip = std::string_view(compression) == "gzip";
    if (const char* timeout = variable("OTEL_EXPORTER_OTLP_TIMEOUT")) {
        const std::string_view text = timeout;
        int64_t ms = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
        if (error == std::errc() && end == text.data() + text.size() && ms > 0)
            options.request_timeout = milliseconds(ms);
    }
    return options;
}

struct OtlpExporter::State {
    State(const Resource& resource, const OtlpOptions& options_, Registry& registry,
          std::unique_ptr<HttpTransport> transport_)
        : options(options_),
          transport(std::move(transport_)),
          worker(resource, options, registry, *transport) {}

    void run() {
        std::unique_lock lock(mutex);
        while (!stopping) {
            const uint64_t ticket = flushes_asked;
            const bool everything = ticket != flushes_done;
            lock.unlock();
            const auto next = worker.step(steady_clock::now(), everything);
            const bool clean =
                worker.empty() && (!options.metrics || !everything || worker.metrics_sent());
            lock.lock();
            if (everything && clean) {
                flushes_done = ticket;
                flushed.notify_all();
            }
            const auto until = std::min(next, steady_clock::now() + kLookInterval);
            wake.wait_until(lock, until,
                            [&] { return stopping || woken || flushes_asked != ticket; });
            woken = false;
        }
    }

    void notify() {
        {
            const std::lock_guard lock(mutex);
            woken = true;
        }
        wake.notify_one();
    }

    const OtlpOptions options;
    const std::unique_ptr<HttpTransport> transport;
    ExportWorker worker;

    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable flushed;
    bool stopping = false;
    bool woken = false;
    uint64_t flushes_asked = 0;
    uint64_t flushes_done = 0;  // the newest that found nothing left
    std::jthread thread;
};

OtlpExporter::OtlpExporter(const Resource& resource, const OtlpOptions& options, Registry& registry)
    : OtlpExporter(resource, options, registry, curl_transport()) {}

OtlpExporter::OtlpExporter(const Resource& resource, const OtlpOptions& options, Registry& registry,
                           std::unique_ptr<HttpTransport> transport)
    : state_(std::make_unique<State>(resource, options, registry, std::move(transport))) {
    try {
        state_->thread = start_worker("kw-otlp", [state = state_.get()] { state->run(); });
    } catch (const std::exception& failure) {
        diagnose(std::string("otlp: no thread: ") + failure.what());
    }
}

OtlpExporter::~OtlpExporter() {
    flush(state_->options.shutdown_timeout);
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->worker.cancel();
    state_->wake.notify_all();
    if (state_->thread.joinable()) state_->thread.join();
    state_->worker.drop_all("shutdown");
}

bool OtlpExporter::take(std::unique_ptr<SpanData> span) {
    bool full = false;
    const bool taken = state_->worker.take(std::move(span), steady_clock::now(), full);
    if (full) state_->notify();
    return taken;
}

bool OtlpExporter::take(LogEntry entry) {
    bool full = false;
    const bool taken = state_->worker.take(std::move(entry), steady_clock::now(), full);
    if (full) state_->notify();
    return taken;
}

bool OtlpExporter::take_profile(std::string pprof, SystemTime start, SystemTime end) {
    const bool taken = state_->worker.take_profile(std::move(pprof), start, end);
    state_->notify();
    return taken;
}

bool OtlpExporter::flush(milliseconds timeout) {
    if (!state_->thread.joinable()) return false;
    std::unique_lock lock(state_->mutex);
    const uint64_t ticket = ++state_->flushes_asked;
    state_->wake.notify_one();
    return state_->flushed.wait_for(lock, timeout, [&] { return state_->flushes_done >= ticket; });
}

}  // namespace kilowatch
