// How long a collector may wait for the server that it asks, and whether anybody still wants the answer.
//
// Every wait of a network collector goes through here: nothing else in it blocks, but for the resolver of host
// names, which has time-outs of its own.
// Threads: an Interrupt from any thread; a Deadline belongs to one.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/result.h"

namespace kw::collect {

// A flag that a poll() can wait for.
class Interrupt final {
 public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    void raise() const;
    void lower() const;
    int fd() const { return fd_; }

 private:
    int fd_ = -1;
};

class Deadline final {
 public:
    // Both outlive it.
    Deadline(const Clock& clock, std::chrono::milliseconds timeout, const Interrupt& interrupt);

    // The whole time that there was.
    std::chrono::milliseconds timeout() const { return timeout_; }
    // 0 when it has passed.
    std::chrono::milliseconds remaining() const;
    // Whether more than `kept` is left and nobody has interrupted. Errors: kTimeout, kCancelled.
    Result<void> check(std::chrono::milliseconds kept = {}) const;
    // Waits until `fd` is ready for one of `events` (POLLIN, POLLOUT) or has failed, as long as more than `kept` is
    // left. Errors: as check().
    Result<void> wait_ready(int fd, short events, std::chrono::milliseconds kept = {}) const;
    // Seconds since it was made.
    double elapsed_seconds() const;

 private:
    const Clock& clock_;
    const Interrupt& interrupt_;
    const std::chrono::milliseconds timeout_;
    const int64_t started_ns_;
};

}  // namespace kw::collect
