#include "promql/profile.h"

#include <chrono>

namespace kw::promql {
namespace {

struct Charged {
    ProfileNode* node = nullptr;
    std::chrono::steady_clock::time_point since;
};
thread_local Charged charged;

// Charges the time until now to whom it belongs, and the time from now on to `node`.
void charge_from_now_on(ProfileNode* node) {
    const auto now = std::chrono::steady_clock::now();
    if (charged.node != nullptr) {
        const auto ns = (now - charged.since) / std::chrono::nanoseconds(1);
        charged.node->self_ns.fetch_add(static_cast<uint64_t>(ns), std::memory_order_relaxed);
    }
    charged = {node, now};
}

}  // namespace

void ProfileNode::keep_bytes(uint64_t more) {
    const uint64_t now = bytes.fetch_add(more, std::memory_order_relaxed) + more;
    uint64_t peak = bytes_peak.load(std::memory_order_relaxed);
    while (now > peak && !bytes_peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
}

void ProfileNode::give_back_bytes(uint64_t less) {
    bytes.fetch_sub(less, std::memory_order_relaxed);
}

PlanScope::PlanScope(Profile* profile, const Expr& expr, const StepGrid& grid, bool once)
    : profile_(profile) {
    if (profile == nullptr) return;
    above_ = profile->entered_;
    auto node = std::make_unique<ProfileNode>(expr, grid, once);
    node_ = profile->entered_ = node.get();
    if (above_ != nullptr)
        above_->children.push_back(std::move(node));
    else
        profile->root_ = std::move(node);
}

PlanScope::~PlanScope() {
    if (profile_ != nullptr) profile_->entered_ = above_;
}

ChargedTime::ChargedTime(ProfileNode* node) : before_(charged.node) { charge_from_now_on(node); }

ChargedTime::~ChargedTime() { charge_from_now_on(before_); }

ProfileNode* ChargedTime::current() { return charged.node; }

}  // namespace kw::promql
