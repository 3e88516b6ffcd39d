#include "forward/peer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

namespace kw::forward {
namespace {

constexpr uint64_t kAnswerBytesMax = 1 << 20;
std::vector<double> latency_bounds() { return {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30}; }

}  // namespace

Peer::Peer(Environment& env, net::Fetcher& fetcher, std::string url, size_t capacity)
    : env_(env),
      fetcher_(fetcher),
      url_(std::move(url)),
      capacity_(capacity),
      sent_(env.metrics.counter("prometheus_notifications_sent_total",
                                "Total number of alerts sent.", {{"alertmanager", url_}})),
      errors_(env.metrics.counter("prometheus_notifications_errors_total",
                                  "Total number of sent alerts affected by errors.",
                                  {{"alertmanager", url_}})),
      dropped_(env.metrics.counter(
          "prometheus_notifications_dropped_total",
          "Total number of alerts dropped due to errors when sending to Alertmanager.",
          {{"alertmanager", url_}})),
      length_(env.metrics.gauge("prometheus_notifications_queue_length",
                                "The number of alert notifications in the queue.",
                                {{"alertmanager", url_}})),
      capacity_gauge_(env.metrics.gauge("prometheus_notifications_queue_capacity",
                                        "The capacity of the alert notifications queue.",
                                        {{"alertmanager", url_}})),
      latency_(env.metrics.histogram("prometheus_notifications_latency_seconds",
                                     "Latency of sending alert notifications.", latency_bounds(),
                                     {{"alertmanager", url_}})) {
    capacity_gauge_.set(static_cast<double>(capacity_));
}

void Peer::configure(std::shared_ptr<const net::HttpClientOptions> client, int64_t timeout_ms) {
    const MutexLock lock(mutex_);
    client_ = std::move(client);
    timeout_ms_ = timeout_ms;
}

void Peer::push(std::span<const AlertText> alerts) {
    size_t dropped_count = 0;
    {
        const MutexLock lock(mutex_);
        if (is_stopped_) return;
        queue_.insert(queue_.end(), alerts.begin(), alerts.end());
        if (queue_.size() > capacity_) {
            dropped_count = queue_.size() - capacity_;
            queue_.erase(queue_.begin(),
                         queue_.begin() + static_cast<std::ptrdiff_t>(dropped_count));
        }
        length_.set(static_cast<double>(queue_.size()));
    }
    if (dropped_count > 0) {
        dropped_.add(dropped_count);
        env_.log.warn("the queue of an Alertmanager is full, the oldest alerts are dropped",
                      {{"alertmanager", url_}, {"alerts", std::to_string(dropped_count)}});
    }
    begin_next();
}

void Peer::begin_next() {
    net::FetchRequest request;
    size_t count = 0;
    uint64_t number = 0;
    {
        const MutexLock lock(mutex_);
        if (is_sending_ || is_stopped_) return;
        if (queue_.empty()) {
            idle_.notify_all();
            return;
        }
        count = std::min(queue_.size(), kBatchMax);
        request.body = "[";
        for (size_t i = 0; i < count; ++i) {
            if (i > 0) request.body += ',';
            request.body += *queue_.front();
            queue_.pop_front();
        }
        request.body += ']';
        length_.set(static_cast<double>(queue_.size()));
        request.options = client_;
        request.timeout = std::chrono::milliseconds(timeout_ms_);
        is_sending_ = true;
        fetch_ = 0;
        number = ++fetch_number_;
    }
    request.method = "POST";
    request.url = url_;
    request.headers.set("Content-Type", "application/json");
    request.body_bytes_max = kAnswerBytesMax;
    const int64_t began_ns = env_.clock.steady_ns();
    const net::Fetcher::FetchId id = fetcher_.fetch(
        std::move(request),
        [self = shared_from_this(), count, began_ns](const Result<net::FetchResponse>& answer) {
            self->take_answer(count, began_ns, answer);
        });
    bool ends_now = false;
    {
        const MutexLock lock(mutex_);
        // The answer may be there already, and the next request under way.
        if (is_sending_ && fetch_number_ == number) {
            fetch_ = id;
            ends_now = is_stopped_;
        }
    }
    if (ends_now) fetcher_.cancel(id);
}

void Peer::take_answer(size_t count, int64_t began_ns, const Result<net::FetchResponse>& answer) {
    latency_.observe(static_cast<double>(env_.clock.steady_ns() - began_ns) / 1e9);
    sent_.add(count);
    std::string error;
    if (!answer.ok()) {
        error = answer.error().message;
    } else if (answer->status / 100 != 2) {
        error = fmt::format("bad response status {}", answer->status);
    }
    if (!error.empty()) {
        errors_.add(count);
        dropped_.add(count);
    }
    bool is_news = false;
    {
        const MutexLock lock(mutex_);
        is_sending_ = false;
        is_news = is_failing_ != !error.empty() && !is_stopped_;
        is_failing_ = !error.empty();
        if (queue_.empty() || is_stopped_) idle_.notify_all();
    }
    if (is_news && !error.empty()) {
        env_.log.error("alerts do not reach an Alertmanager",
                       {{"alertmanager", url_}, {"alerts", std::to_string(count)}, {"err", error}});
    } else if (is_news) {
        env_.log.info("alerts reach an Alertmanager again", {{"alertmanager", url_}});
    }
    begin_next();
}

void Peer::stop() {
    net::Fetcher::FetchId id = 0;
    size_t dropped_count = 0;
    {
        const MutexLock lock(mutex_);
        is_stopped_ = true;
        dropped_count = queue_.size();
        queue_.clear();
        length_.set(0);
        if (is_sending_) id = fetch_;
    }
    dropped_.add(dropped_count);
    if (id != 0) fetcher_.cancel(id);
}

void Peer::wait_until_idle(int64_t timeout_ms) {
    const int64_t deadline_ns = env_.clock.steady_ns() + timeout_ms * 1'000'000;
    const MutexLock lock(mutex_);
    while (is_sending_ || !queue_.empty()) {
        const int64_t left_ns = deadline_ns - env_.clock.steady_ns();
        if (left_ns <= 0) return;
        idle_.wait_for(mutex_, std::chrono::nanoseconds(left_ns));
    }
}

}  // namespace kw::forward
