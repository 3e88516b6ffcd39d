#include "base/cancel.h"

namespace kw {
namespace {

int64_t steady_now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace

Result<void> CancelToken::check() const {
    if (parent_ != nullptr) KW_TRY(parent_->check());
    if (cancelled_.load(std::memory_order_relaxed))
        return cancelled("cancelled: the client has gone");
    const int64_t deadline = deadline_ns_.load(std::memory_order_relaxed);
    if (deadline == INT64_MAX) return {};
    if (checks_.fetch_add(1, std::memory_order_relaxed) % 64 != 0) return {};
    if (steady_now_ns() >= deadline) {
        // Every later check fails too, whatever its number.
        checks_.store(0, std::memory_order_relaxed);
        return timed_out("timed out after {} ms", timeout_.count());
    }
    return {};
}

void CancelToken::set_timeout(std::chrono::milliseconds timeout) {
    timeout_ = timeout;
    deadline_ns_.store(steady_now_ns() + std::chrono::nanoseconds(timeout).count(),
                       std::memory_order_relaxed);
    checks_.store(0, std::memory_order_relaxed);
}

}  // namespace kw
