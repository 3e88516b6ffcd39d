#include "base/memory_budget.h"

#include <algorithm>

namespace kw {

MemoryBudget::~MemoryBudget() {
    if (parent_ != nullptr) parent_->release(used_bytes_.load());
}

Result<void> MemoryBudget::reserve(uint64_t bytes) {
    const uint64_t used = used_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (used > limit_bytes_) {
        used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
        return exhausted("needs more than its memory limit of {} bytes", limit_bytes_);
    }
    if (parent_ != nullptr) {
        if (Result<void> above = parent_->reserve(bytes); !above.ok()) {
            used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
            return std::move(above).error();
        }
    }
    uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
    while (used > peak &&
           !peak_bytes_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
    }
    return {};
}

uint64_t MemoryBudget::free_bytes() const {
    const uint64_t used = used_bytes();
    const uint64_t here = limit_bytes_ - std::min(used, limit_bytes_);
    return parent_ == nullptr ? here : std::min(here, parent_->free_bytes());
}

void MemoryBudget::release(uint64_t bytes) {
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    if (parent_ != nullptr) parent_->release(bytes);
}

}  // namespace kw
