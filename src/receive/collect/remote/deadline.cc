#include "collect/remote/deadline.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/check.h"

namespace kw::collect {

Interrupt::Interrupt() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { KW_CHECK(fd_ >= 0); }
Interrupt::~Interrupt() { ::close(fd_); }

void Interrupt::raise() const {
    const uint64_t one = 1;
    // Fails only when the counter is full, and then it is raised.
    (void)!::write(fd_, &one, sizeof one);
}

void Interrupt::lower() const {
    uint64_t count = 0;
    (void)!::read(fd_, &count, sizeof count);
}

Deadline::Deadline(const Clock& clock, std::chrono::milliseconds timeout,
                   const Interrupt& interrupt)
    : clock_(clock), interrupt_(interrupt), timeout_(timeout), started_ns_(clock.steady_ns()) {}

double Deadline::elapsed_seconds() const {
    return static_cast<double>(clock_.steady_ns() - started_ns_) / 1e9;
}

std::chrono::milliseconds Deadline::remaining() const {
    const std::chrono::milliseconds passed((clock_.steady_ns() - started_ns_) / 1'000'000);
    return std::max(std::chrono::milliseconds(0), timeout_ - passed);
}

Result<void> Deadline::check(std::chrono::milliseconds kept) const {
    pollfd interrupted = {.fd = interrupt_.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&interrupted, 1, 0) > 0) return cancelled("no longer wanted");
    if (remaining() <= kept) return timed_out("no answer within {} ms", (timeout_ - kept).count());
    return {};
}

Result<void> Deadline::wait_ready(int fd, short events, std::chrono::milliseconds kept) const {
    for (;;) {
        pollfd waited[] = {{.fd = interrupt_.fd(), .events = POLLIN, .revents = 0},
                           {.fd = fd, .events = events, .revents = 0}};
        const std::chrono::milliseconds left =
            std::max(std::chrono::milliseconds(0), remaining() - kept);
        const int ready = ::poll(waited, 2, static_cast<int>(left.count()));
        if (ready < 0 && errno != EINTR) return unavailable("poll: errno {}", errno);
        if (ready > 0 && waited[0].revents != 0) return cancelled("no longer wanted");
        if (ready > 0) return {};
        KW_TRY(check(kept));
    }
}

}  // namespace kw::collect
