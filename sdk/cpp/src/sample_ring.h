// A ring of words from one signal handler to one reading thread.
//
// A record is its length in words and that many words, written whole or not at all. The writer
// moves `head_` with a release after the words; the reader, who acquires it, sees them, and gives
// the room back by `tail_`. Neither ever waits, and the handler calls nothing but atomics that are
// lock-free.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kilowatch {

class SampleRing final {
 public:
    static constexpr size_t kWords = 4096;  // 32 KiB: at 100 Hz half a second of the deepest stacks

    // False: no room.
    bool write(std::span<const uint64_t> record) {
        const uint64_t head = head_.load(std::memory_order_relaxed);
        const uint64_t used = head - tail_.load(std::memory_order_acquire);
        if (used + record.size() + 1 > kWords) return false;
        words_[head % kWords] = record.size();
        for (size_t i = 0; i < record.size(); ++i) words_[(head + 1 + i) % kWords] = record[i];
        head_.store(head + 1 + record.size(), std::memory_order_release);
        return true;
    }

    // Calls `take(std::span<const uint64_t>)` for each record.
    template <class Take>
    void read(const Take& take) {
        std::array<uint64_t, kWords> record;
        uint64_t tail = tail_.load(std::memory_order_relaxed);
        const uint64_t head = head_.load(std::memory_order_acquire);
        while (tail != head) {
            const size_t size = words_[tail % kWords];
            for (size_t i = 0; i < size; ++i) record[i] = words_[(tail + 1 + i) % kWords];
            tail += 1 + size;
            tail_.store(tail, std::memory_order_release);
            take(std::span<const uint64_t>(record.data(), size));
        }
    }

 private:
    static_assert(std::atomic<uint64_t>::is_always_lock_free);
    std::atomic<uint64_t> head_{0};
    std::atomic<uint64_t> tail_{0};
    std::array<uint64_t, kWords> words_{};
};

}  // namespace kilowatch
