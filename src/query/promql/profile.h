// What each operator of one query is, and with ANALYZE what it did: the tree behind Engine::explain().
//
// The planner enters a node for each expression that becomes an operator (PlanScope) and wraps the operator in one
// that records (observed.h). Time is charged to one node at a time on each thread: that of the innermost operator that
// works there, so that a node's own time has nothing of the operators below it, whatever thread they ran on; waiting
// for other threads is charged to nobody. Bytes are charged to the node that works when QueryContext::keep() counts
// them. A query without a Profile has plain operators, and pays a test of a null pointer per series.
// Threads: the tree is built by one thread; the counters of nodes from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "promql/ast.h"
#include "promql/value.h"

namespace kw::promql {

class ProfileNode final {
 public:
    ProfileNode(const Expr& expr, const StepGrid& grid, bool once)
        : expr(expr), grid(grid), once(once) {}
    ProfileNode(const ProfileNode&) = delete;
    ProfileNode& operator=(const ProfileNode&) = delete;

    void keep_bytes(uint64_t bytes);
    void give_back_bytes(uint64_t bytes);

    const Expr& expr;
    const StepGrid grid;          // at which it is evaluated
    const bool once;              // `@` pins it: evaluated at the first of the steps above it only
    std::vector<size_t> fetches;  // numbers of QueryContext's selections
    std::vector<std::unique_ptr<ProfileNode>> children;

    std::atomic<uint64_t> self_ns{0};
    std::atomic<uint64_t> series{0};   // that it gave
    std::atomic<uint64_t> values{0};   // that it gave: present ones
    std::atomic<uint64_t> samples{0};  // that it decoded from the store
    std::atomic<uint64_t> bytes{0};    // that it holds of the query's memory
    std::atomic<uint64_t> bytes_peak{0};
};

class Profile final {
 public:
    // Null before anything was planned.
    const ProfileNode* root() const { return root_.get(); }
    ProfileNode* root() { return root_.get(); }
    // The node whose operator is being planned, or null.
    ProfileNode* entered() { return entered_; }

 private:
    friend class PlanScope;
    std::unique_ptr<ProfileNode> root_;
    ProfileNode* entered_ = nullptr;
};

// The planning of one expression: what is planned within becomes a child. Without a profile nothing.
class PlanScope final {
 public:
    PlanScope(Profile* profile, const Expr& expr, const StepGrid& grid, bool once);
    ~PlanScope();
    PlanScope(const PlanScope&) = delete;
    PlanScope& operator=(const PlanScope&) = delete;

    ProfileNode* node() const { return node_; }

 private:
    Profile* const profile_;
    ProfileNode* above_ = nullptr;
    ProfileNode* node_ = nullptr;
};

// While it lives the time of this thread is `node`'s (null: nobody's); then again of whom it was before.
class ChargedTime final {
 public:
    explicit ChargedTime(ProfileNode* node);
    ~ChargedTime();
    ChargedTime(const ChargedTime&) = delete;
    ChargedTime& operator=(const ChargedTime&) = delete;

    // Whose this thread's time is.
    static ProfileNode* current();

 private:
    ProfileNode* const before_;
};

}  // namespace kw::promql
