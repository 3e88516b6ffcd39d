// The server's own metrics. A module makes its counters, gauges and histograms from the registry it
// is given, keeps the references, and counts; /metrics renders the registry.
//
//   Counter& appended = registry.counter("prometheus_tsdb_head_samples_appended_total",
//                                        "Samples appended.", {{"type", "float"}});
//   appended.add(batch_size);
//
// Instruments live as long as the registry. Asking again for the same name and labels gives the
// same one. Threads: instruments from any thread without a lock; registration takes one.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace kw {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Counter final {
 public:
    void add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
    uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<uint64_t> value_{0};
};

class Gauge final {
 public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    void add(double value);
    double value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<double> value_{0};
};

class HistogramMetric final {
 public:
    // `bounds`: upper bounds, ascending, without +Inf.
    explicit HistogramMetric(std::vector<double> bounds);
    void observe(double value);

    const std::vector<double>& bounds() const { return bounds_; }
    uint64_t bucket_count(size_t index) const {
        return buckets_[index].load(std::memory_order_relaxed);
    }
    double sum() const { return sum_.value(); }

 private:
    const std::vector<double> bounds_;
    std::deque<std::atomic<uint64_t>> buckets_;  // one more than bounds: the last is +Inf
    Gauge sum_;
};

class MetricRegistry final {
 public:
    MetricRegistry() = default;
    MetricRegistry(const MetricRegistry&) = delete;
    MetricRegistry& operator=(const MetricRegistry&) = delete;

    Counter& counter(std::string_view name, std::string_view help, const MetricLabels& labels = {})
        KW_EXCLUDES(mutex_);
    Gauge& gauge(std::string_view name, std::string_view help, const MetricLabels& labels = {})
        KW_EXCLUDES(mutex_);
    HistogramMetric& histogram(std::string_view name, std::string_view help,
                               const std::vector<double>& bounds, const MetricLabels& labels = {})
        KW_EXCLUDES(mutex_);
    // A value that is read when rendered. `read` must stay callable while the registry lives, and
    // must not call the registry. `is_counter` decides the TYPE.
    void callback(std::string_view name, std::string_view help, bool is_counter,
                  const MetricLabels& labels, std::function<double()> read) KW_EXCLUDES(mutex_);

    // Everything in text exposition format 0.0.4, families sorted by name.
    void render(std::string& out) const KW_EXCLUDES(mutex_);

 private:
    struct Callback {
        std::function<double()> read;
    };
    struct Family {
        std::string help;
        const char* type = "untyped";
        // Labels as rendered, `a="b",c="d"`, to the instrument; exactly one map is in use.
        std::map<std::string, Counter> counters;
        std::map<std::string, Gauge> gauges;
        std::map<std::string, HistogramMetric> histograms;
        std::map<std::string, Callback> callbacks;
    };
    Family& family(std::string_view name, std::string_view help, const char* type)
        KW_REQUIRES(mutex_);

    mutable Mutex mutex_;
    std::map<std::string, Family, std::less<>> families_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw
