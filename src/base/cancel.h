// Asks long work to stop: because whoever asked has gone, or because its deadline passed.
//
// The owner keeps the CancelToken; work takes a `const CancelToken&` and calls check() once per
// batch (some thousand samples), which costs a relaxed load, and the clock every 64th time.
// Threads: cancel() and check() from any thread. The token outlives the work.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace kw {

class CancelToken {
 public:
    CancelToken() = default;
    // Stops when `parent` does, too: work inside work with a deadline of its own. `parent` outlives this.
    explicit CancelToken(const CancelToken& parent, std::chrono::milliseconds timeout)
        : parent_(&parent) {
        set_timeout(timeout);
    }
    CancelToken(const CancelToken&) = delete;
    CancelToken& operator=(const CancelToken&) = delete;

    // Errors: kCancelled after cancel(), kTimeout after the deadline.
    Result<void> check() const;
    bool stopped() const { return !check().ok(); }

    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    // Steady time, as std::chrono::steady_clock counts it. Call before the work starts.
    void set_timeout(std::chrono::milliseconds timeout);

 private:
    const CancelToken* const parent_ = nullptr;
    std::atomic<bool> cancelled_{false};
    std::atomic<int64_t> deadline_ns_{INT64_MAX};
    std::chrono::milliseconds timeout_{0};
    mutable std::atomic<uint32_t> checks_{0};
};

}  // namespace kw
