// Counts the bytes that a piece of work holds and refuses past a limit. Budgets form a tree: a
// query's reserve counts against the query and against the server. Threads: from any thread. The
// parent outlives the child.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace kw {

class MemoryBudget final {
 public:
    explicit MemoryBudget(uint64_t limit_bytes, MemoryBudget* parent = nullptr)
        : limit_bytes_(limit_bytes), parent_(parent) {}
    ~MemoryBudget();
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    // Errors: kExhausted; nothing is counted then.
    Result<void> reserve(uint64_t bytes);
    // `bytes` were reserved before.
    void release(uint64_t bytes);

    // How much could be reserved now, here and above.
    uint64_t free_bytes() const;
    uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
    uint64_t peak_bytes() const { return peak_bytes_.load(std::memory_order_relaxed); }
    uint64_t limit_bytes() const { return limit_bytes_; }

 private:
    const uint64_t limit_bytes_;
    MemoryBudget* const parent_;
    std::atomic<uint64_t> used_bytes_{0};
    std::atomic<uint64_t> peak_bytes_{0};
};

// Releases what it reserved when it goes out of scope.
class MemoryReservation final {
 public:
    explicit MemoryReservation(MemoryBudget& budget) : budget_(budget) {}
    ~MemoryReservation() { budget_.release(bytes_); }
    MemoryReservation(const MemoryReservation&) = delete;
    MemoryReservation& operator=(const MemoryReservation&) = delete;

    Result<void> grow(uint64_t bytes) {
        KW_TRY(budget_.reserve(bytes));
        bytes_ += bytes;
        return {};
    }
    uint64_t bytes() const { return bytes_; }

 private:
    MemoryBudget& budget_;
    uint64_t bytes_ = 0;
};

}  // namespace kw
