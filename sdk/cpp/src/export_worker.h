// The exporter without its thread and its clock: bounded queues that hosts fill, and step(), which
// sends what is due. otlp.cc calls step() in a loop; a test calls it with times of its own.
//
// Each kind of signal has a queue and at most one batch in flight, encoded once. A batch leaves
// when it was accepted, refused for good, or tried for `retry_for`; then the next one is made from
// what waits. While a receiver is away the waits grow from 1 s to 30 s, across batches, until
// something is accepted. Threads: take() from any; step() from one at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kilowatch/otlp.h"
#include "transport.h"

namespace kilowatch {

class ExportWorker final {
 public:
    using Time = std::chrono::steady_clock::time_point;

    // All outlive the worker.
    ExportWorker(const Resource& resource, const OtlpOptions& options, Registry& registry,
                 HttpTransport& transport);

    // True: there was room. `full` says that a whole batch waits, so that the thread should be
    // woken.
    bool take(std::unique_ptr<SpanData> span, Time now, bool& full);
    bool take(LogEntry entry, Time now, bool& full);
    bool take_profile(std::string pprof, SystemTime start, SystemTime end);

    // Sends what is due at `now`; with `everything` also what would wait for company, the metrics
    // included. Returns when to be called again at the latest. Blocks while a request runs.
    Time step(Time now, bool everything);

    // Nothing waits and nothing is in flight.
    bool empty() const;
    // Whether the last metrics were accepted.
    bool metrics_sent() const;
    // Gives up what is left, counted with `reason`.
    void drop_all(std::string_view reason);
    // Makes step() return soon.
    void cancel() { cancelled_ = true; }

 private:
    struct Batch {
        HttpPost post;
        uint64_t count = 0;  // items within
        Time first_tried;
        bool tried = false;
    };
    struct Lane {  // of one kind of signal
        explicit Lane(const char* name) : kind(name) {}
        const char* kind;
        bool enabled = true;
        std::optional<Batch> in_flight;
        std::chrono::milliseconds wait{0};  // grows with failures
        Time next_try{};
    };
    struct Profile {
        std::string pprof;
        SystemTime start;
        SystemTime end;
    };

    enum class Sent : uint8_t { kDone, kLater };
    Sent send(Lane& lane, Time now);
    void back_off(Lane& lane, Time now, std::optional<std::chrono::milliseconds> asked);
    void lose(Lane& lane, std::string_view reason);
    HttpPost post_of(std::string_view path, std::string body) const;

    std::optional<Batch> next_spans(Time now, bool everything);
    std::optional<Batch> next_logs(Time now, bool everything);
    std::optional<Batch> next_profile();
    std::optional<Batch> next_metrics(Time now, bool everything);
    bool ready(size_t waiting, Time oldest, Time now, bool everything) const;

    const OtlpOptions options_;
    const Resource resource_values_;
    const Attributes resource_;
    Registry& registry_;
    CounterFamily& exported_;
    HttpTransport& transport_;
    std::atomic<bool> cancelled_{false};

    mutable std::mutex mutex_;  // of the queues
    std::deque<std::unique_ptr<SpanData>> spans_;
    std::deque<LogEntry> logs_;
    size_t span_bytes_ = 0;  // of spans_, estimated
    size_t log_bytes_ = 0;
    std::deque<Profile> profiles_;
    Time spans_since_{};  // when the oldest began to wait
    Time logs_since_{};
    bool idle_ = true;  // nothing in flight

    // Of the stepping thread:
    Lane span_lane_{"spans"};
    Lane log_lane_{"logs"};
    Lane metric_lane_{"metrics"};
    Lane profile_lane_{"profiles"};
    Time metrics_due_{};
    bool metrics_sent_ = false;
};

}  // namespace kilowatch
