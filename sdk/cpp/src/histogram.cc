// Histogram: classic buckets as plain atomics, the native form under a lock of its own, exemplars
// beside both.
//
// Without the native form observe() takes no lock: a bucket's count and the sum are added one
// after the other, so that a reader may see one without the other, for one observation. With it
// everything is one step under `mutex`.
#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include <time.h>

#include "kilowatch/metrics.h"
#include "kilowatch/trace.h"
#include "native_histogram.h"

namespace kilowatch {
namespace {

constexpr size_t kBoundsMax = 1000;
constexpr int64_t kExemplarPauseNanos = 100'000'000;

// Of the kernel's last tick: 4 ms old at most, and some 5 ns to ask for.
int64_t coarse_nanos() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::vector<double> usable_bounds(std::vector<double> bounds) {
    std::erase_if(bounds, [](double bound) { return !std::isfinite(bound); });
    std::sort(bounds.begin(), bounds.end());
    bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
    if (bounds.size() > kBoundsMax) bounds.resize(kBoundsMax);
    return bounds;
}

struct ExemplarSlot {
    std::atomic<int64_t> next_nanos{0};  // when the next one may be taken
    bool filled = false;
    double value = 0;
    SystemTime time;
    TraceId trace_id;
    SpanId span_id;
};

}  // namespace

std::vector<double> default_bounds() {
    return {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

std::vector<double> exponential_bounds(double start, double factor, size_t count) {
    if (!(start > 0) || !(factor > 1) || count == 0) return default_bounds();
    std::vector<double> bounds;
    for (size_t i = 0; i < std::min(count, kBoundsMax); ++i, start *= factor)
        bounds.push_back(start);
    return bounds;
}

struct Histogram::State {
    explicit State(const HistogramOptions& options)
        : bounds(usable_bounds(options.bounds)),
          counts(new std::atomic<uint64_t>[bounds.size() + 1]()),
          slots(new ExemplarSlot[bounds.size() + 1]) {
        if (options.native) native.emplace(*options.native);
    }

    size_t bucket_of(double value) const {
        const auto at = std::partition_point(bounds.begin(), bounds.end(),
                                             [&](double bound) { return !(value <= bound); });
        return at - bounds.begin();
    }
    void add(size_t bucket, double value) {
        counts[bucket].fetch_add(1, std::memory_order_relaxed);
        sum.fetch_add(value, std::memory_order_relaxed);
    }
    void keep_exemplar(size_t bucket, double value, const SpanContext& span) {
        ExemplarSlot& slot = slots[bucket];
        const int64_t now = coarse_nanos();
        if (now < slot.next_nanos.load(std::memory_order_relaxed)) return;
        const std::unique_lock lock(exemplar_mutex, std::try_to_lock);
        if (!lock) return;  // somebody leaves one just now
        slot.next_nanos.store(now + kExemplarPauseNanos, std::memory_order_relaxed);
        slot.filled = true;
        slot.value = value;
        slot.time = std::chrono::system_clock::now();
        slot.trace_id = span.trace_id;
        slot.span_id = span.span_id;
    }

    const std::vector<double> bounds;
    const std::unique_ptr<std::atomic<uint64_t>[]> counts;  // one more than bounds
    std::atomic<double> sum{0};
    std::mutex mutex;  // of the native form
    std::optional<NativeHistogram> native;
    std::mutex exemplar_mutex;
    const std::unique_ptr<ExemplarSlot[]> slots;  // one more than bounds
};

Histogram::Histogram(const HistogramOptions& options) : state_(std::make_unique<State>(options)) {}
Histogram::~Histogram() = default;

void Histogram::observe(double value) {
    const size_t bucket = state_->bucket_of(value);
    if (state_->native) {
        const std::lock_guard lock(state_->mutex);
        state_->add(bucket, value);
        state_->native->observe(value);
    } else {
        state_->add(bucket, value);
    }
    const SpanContext& span = current_context().span;
    if (span.sampled) state_->keep_exemplar(bucket, value, span);
}

HistogramValue Histogram::value() const {
    HistogramValue out;
    const auto read = [&] {
        out.bounds = state_->bounds;
        for (size_t i = 0; i <= state_->bounds.size(); ++i)
            out.counts.push_back(state_->counts[i].load(std::memory_order_relaxed));
        out.sum = state_->sum.load(std::memory_order_relaxed);
    };
    if (state_->native) {
        const std::lock_guard lock(state_->mutex);
        read();
        out.native = state_->native->value();
    } else {
        read();
    }
    out.count = std::accumulate(out.counts.begin(), out.counts.end(), uint64_t{0});
    if (out.bounds.empty()) out.counts.clear();

    const std::lock_guard lock(state_->exemplar_mutex);
    for (size_t i = 0; i <= state_->bounds.size(); ++i) {
        const ExemplarSlot& slot = state_->slots[i];
        out.exemplars.emplace_back();
        if (slot.filled)
            out.exemplars.back() =
                Exemplar{slot.value, slot.time, slot.trace_id.hex(), slot.span_id.hex()};
    }
    return out;
}

}  // namespace kilowatch
