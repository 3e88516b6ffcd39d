// Metrics: counters, gauges and histograms that cost a few nanoseconds where they are counted, and
// are read when somebody scrapes or the exporter pushes.
//
//     Counter& started = registry.counter("jobs_started_total", "Jobs that were started.");
//     started.increment();
//     auto& requests = registry.counter_family("requests_total", "Requests.", {"status"});
//     requests.with({"200"}).increment();  // a look-up; keep the reference where it is hot
//     Histogram& seconds = registry.histogram("http_request_duration_seconds", "Time to answer.",
//                                             {.native = NativeOptions{}});
//     seconds.observe(0.012);  // both forms: classic buckets and a native histogram
//
// Laws
//   1. An instrument lives as long as its registry and never moves. Asking again for the same name
//      gives the same one.
//   2. Nothing throws into the host (memory aside). A name that is not a metric's, a type that
//      contradicts an earlier one, or other label names than the first time, give an instrument
//      that works and is exposed nowhere; that is counted
//      (kilowatch_sdk_dropped_total{kind="metrics"}) and said once through set_diagnostics().
//   3. Memory is bounded: a family has at most `series_max` series; further label values share one
//      series whose values are all "__overflow__", and are counted. A registry has at most
//      kFamiliesMax families.
// Threads: instruments from any thread, without a lock but for native histograms (a lock of one
// observation); registration takes a lock.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kilowatch/attributes.h"
#include "kilowatch/metric_snapshot.h"

namespace kilowatch {

// A sum that only grows. Counts go to a cell of the thread's own cache line, so that threads do not
// share one.
class Counter final {
 public:
    Counter();
    Counter(const Counter&) = delete;
    Counter& operator=(const Counter&) = delete;

    void increment(uint64_t count = 1) {
        cells_[thread_cell() & cell_mask_].count.fetch_add(count, std::memory_order_relaxed);
    }
    // For sums that are not whole, such as seconds. What is negative or not finite is ignored.
    void add(double amount);
    double value() const;

 private:
    struct alignas(64) Cell {
        std::atomic<uint64_t> count{0};
        std::atomic<double> fraction{0};
    };
    static uint32_t next_thread_cell();
    static uint32_t thread_cell() {
        static constinit thread_local uint32_t cell = 0;
        if (cell == 0) [[unlikely]]
            cell = next_thread_cell();
        return cell;
    }

    uint32_t cell_mask_;  // cells: the processors, rounded up to a power of two, at most 8
    std::unique_ptr<Cell[]> cells_;
};

// A value that goes up and down.
class Gauge final {
 public:
    Gauge() = default;
    Gauge(const Gauge&) = delete;
    Gauge& operator=(const Gauge&) = delete;

    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    void add(double amount);
    void increment() { add(1); }
    void decrement() { add(-1); }
    void set_to_now();  // seconds since the Unix epoch
    double value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<double> value_{0};
};

// Seconds that suit requests: from 5 ms to 10 s.
std::vector<double> default_bounds();
// `count` bounds: start, start·factor, start·factor², …; `start` > 0, `factor` > 1, else
// default_bounds().
std::vector<double> exponential_bounds(double start, double factor, size_t count);

// A native (sparse, exponential) histogram: buckets (base^(i-1), base^i] with base = 2^(2^-schema).
struct NativeOptions {
    int schema = 3;              // -4…8; 3: each bucket is 9 % wide
    uint32_t buckets_max = 160;  // past it two neighbours become one (the schema falls by one)
    double zero_threshold = 0x1p-128;  // |value| at most this counts as zero
};

struct HistogramOptions {
    // Upper bounds of the classic buckets, ascending, without +Inf; empty: no classic buckets. What
    // is not ascending or not finite is sorted, made unique, and dropped.
    std::vector<double> bounds = default_bounds();
    std::optional<NativeOptions> native = {};  // set: the native form, too
};

// A distribution. With a sampled span current on the thread, an observation leaves an exemplar
// (trace_id, span_id) at its bucket, at most one a bucket and 100 ms.
class Histogram final {
 public:
    explicit Histogram(const HistogramOptions& options);
    ~Histogram();
    Histogram(const Histogram&) = delete;
    Histogram& operator=(const Histogram&) = delete;

    void observe(double value);  // NaN counts into +Inf and the sum becomes NaN, as in Prometheus
    HistogramValue value() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

// Observes the seconds of its life.
class Timer final {
 public:
    explicit Timer(Histogram& histogram)
        : histogram_(histogram), start_(std::chrono::steady_clock::now()) {}
    ~Timer() {
        histogram_.observe(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

 private:
    Histogram& histogram_;
    std::chrono::steady_clock::time_point start_;
};

struct FamilyOptions {
    uint32_t series_max = 1000;  // a counter series costs some 300 bytes, a histogram about 1 KB
};

// The series of one name, by the values of its labels.
template <class Instrument>
class Family final {
 public:
    ~Family();
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;

    // As many values as the family has label names, in their order; else the overflow series,
    // counted. The series is made when asked for the first time. Bytes that are not UTF-8 become
    // '?'.
    Instrument& with(std::initializer_list<std::string_view> values) {
        return with(std::span<const std::string_view>(values.begin(), values.size()));
    }
    Instrument& with(std::span<const std::string_view> values);
    // Forgets a series, which then is exposed no more; a reference to it stays valid as long as the
    // family. A forgotten series still counts against series_max. False where there is none.
    bool remove(std::initializer_list<std::string_view> values);

 private:
    friend class Registry;
    struct State;
    explicit Family(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};
using CounterFamily = Family<Counter>;
using GaugeFamily = Family<Gauge>;
using HistogramFamily = Family<Histogram>;

// What a collector writes into: values that live elsewhere, read when somebody asks.
class CollectorSink {
 public:
    virtual ~CollectorSink() = default;
    virtual void counter(std::string_view name, std::string_view help, const Labels& labels,
                         double value) = 0;
    virtual void gauge(std::string_view name, std::string_view help, const Labels& labels,
                       double value) = 0;
};

// Ends a collector when destroyed; then the collector neither runs nor will. Outlived by the
// registry, or it does nothing.
class CollectorHandle final {
 public:
    CollectorHandle() = default;
    explicit CollectorHandle(std::function<void()> end) : end_(std::move(end)) {}
    CollectorHandle(CollectorHandle&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
    CollectorHandle& operator=(CollectorHandle&& other) noexcept {
        if (this != &other) {
            reset();
            end_ = std::exchange(other.end_, nullptr);
        }
        return *this;
    }
    ~CollectorHandle() { reset(); }
    void reset() {
        if (end_) std::exchange(end_, nullptr)();
    }

 private:
    std::function<void()> end_;
};

class Registry final {
 public:
    static constexpr size_t kFamiliesMax = 5000;

    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    // A counter's name ends in _total (it is added where missing).
    Counter& counter(std::string_view name, std::string_view help);
    Gauge& gauge(std::string_view name, std::string_view help);
    Histogram& histogram(std::string_view name, std::string_view help,
                         const HistogramOptions& options = {});

    CounterFamily& counter_family(std::string_view name, std::string_view help,
                                  std::vector<std::string> label_names,
                                  const FamilyOptions& options = {});
    GaugeFamily& gauge_family(std::string_view name, std::string_view help,
                              std::vector<std::string> label_names,
                              const FamilyOptions& options = {});
    HistogramFamily& histogram_family(std::string_view name, std::string_view help,
                                      std::vector<std::string> label_names,
                                      const HistogramOptions& histogram = {},
                                      const FamilyOptions& options = {});

    // `name` = 1 with constant labels: how versions are exposed (model_version_info{version="…"}
    // 1).
    void info(std::string_view name, std::string_view help, const Labels& labels);

    // `collect` is called at every scrape and push, on that thread, one at a time; it must not call
    // the registry. What it throws is caught and counted. At most 10 000 values a call.
    [[nodiscard]] CollectorHandle add_collector(std::function<void(CollectorSink&)> collect);

    // A count of what the SDK had to give up, exposed as kilowatch_sdk_dropped_total{kind, reason}.
    void count_dropped(std::string_view kind, std::string_view reason, uint64_t count = 1);

    // Everything, families sorted by name, series by label values.
    std::vector<FamilySnapshot> snapshot() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

// Where the SDK says what it cannot throw: one line of text a call, at most ten a second. The
// default writes to standard error. Process-wide; pass an empty function for silence.
void set_diagnostics(std::function<void(std::string_view line)> write);

}  // namespace kilowatch
