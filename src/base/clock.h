// Time as something a test can own. RealClock asks the kernel, FakeClock is set by hand.
// Threads: all members from any thread.
#pragma once

#include <atomic>

#include "base/time.h"

namespace kw {

class Clock {
 public:
    virtual ~Clock() = default;
    // Wall time.
    virtual Millis now() const = 0;
    // Nanoseconds since an arbitrary start, never going back: for durations and deadlines.
    virtual int64_t steady_ns() const = 0;
};

class RealClock final : public Clock {
 public:
    Millis now() const override;
    int64_t steady_ns() const override;
};

class FakeClock final : public Clock {
 public:
    explicit FakeClock(Millis now) : now_ms_(now.count) {}
    Millis now() const override { return {now_ms_.load()}; }
    int64_t steady_ns() const override { return now_ms_.load() * 1'000'000; }
    void set(Millis now) { now_ms_.store(now.count); }
    void advance(int64_t distance_ms) { now_ms_.fetch_add(distance_ms); }

 private:
    std::atomic<int64_t> now_ms_;
};

}  // namespace kw
