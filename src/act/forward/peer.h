// One Alertmanager: what waits for it, and the one request that is under way.
//
//   push() ─▶ queue ─▶ POST of at most kBatchMax ─▶ answer: counted ─▶ the next
//
// A batch that fails is not repeated: a rule says a firing alert again every resend delay, and a resolved one for a
// quarter of an hour. When the queue is full, the oldest go.
//
// Own metrics, as Prometheus', each with the URL as `alertmanager`: prometheus_notifications_sent_total,
// prometheus_notifications_errors_total, prometheus_notifications_dropped_total, prometheus_notifications_queue_length,
// prometheus_notifications_queue_capacity, prometheus_notifications_latency_seconds.
// Threads: all members from any thread; nothing waits for the network but wait_until_idle().
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "base/environment.h"
#include "base/mutex.h"
#include "net/http_client.h"

namespace kw {
class Counter;
class Gauge;
class HistogramMetric;
}  // namespace kw

namespace kw::forward {

// An alert as JSON, shared by the queues that it waits in.
using AlertText = std::shared_ptr<const std::string>;

inline constexpr size_t kBatchMax = 64;

class Peer final : public std::enable_shared_from_this<Peer> {
 public:
    // `env` and `fetcher` outlive what is under way. `capacity`: alerts.
    Peer(Environment& env, net::Fetcher& fetcher, std::string url, size_t capacity);
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // Of the requests from now on.
    void configure(std::shared_ptr<const net::HttpClientOptions> client, int64_t timeout_ms)
        KW_EXCLUDES(mutex_);
    void push(std::span<const AlertText> alerts) KW_EXCLUDES(mutex_);
    // Cancels what is under way and drops what waits; nothing is taken any more.
    void stop() KW_EXCLUDES(mutex_);
    // Until nothing waits and nothing is under way, at most `timeout_ms`.
    void wait_until_idle(int64_t timeout_ms) KW_EXCLUDES(mutex_);

 private:
    void begin_next() KW_EXCLUDES(mutex_);
    void take_answer(size_t count, int64_t began_ns, const Result<net::FetchResponse>& answer)
        KW_EXCLUDES(mutex_);

    Environment& env_;
    net::Fetcher& fetcher_;
    const std::string url_;
    const size_t capacity_;
    Counter& sent_;
    Counter& errors_;
    Counter& dropped_;
    Gauge& length_;
    Gauge& capacity_gauge_;
    HistogramMetric& latency_;

    Mutex mutex_;
    CondVar idle_;
    std::shared_ptr<const net::HttpClientOptions> client_ KW_GUARDED_BY(mutex_);
    int64_t timeout_ms_ KW_GUARDED_BY(mutex_) = 10'000;
    std::deque<AlertText> queue_ KW_GUARDED_BY(mutex_);
    bool is_sending_ KW_GUARDED_BY(mutex_) = false;
    bool is_stopped_ KW_GUARDED_BY(mutex_) = false;
    bool is_failing_ KW_GUARDED_BY(mutex_) = false;  // said in the log already
    net::Fetcher::FetchId fetch_ KW_GUARDED_BY(mutex_) = 0;
    uint64_t fetch_number_ KW_GUARDED_BY(mutex_) = 0;
};

}  // namespace kw::forward
