// A group of rules at work: evaluates them at its times, in waves of independent rules, and counts.
//
// Times are slotted: interval × n + an offset that is a hash of file and name, so that groups do not all run at
// once and a restart keeps the slots.
// Threads: evaluate() and adopt() one at a time; the others from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/environment.h"
#include "base/time.h"
#include "rules/active_rule.h"
#include "rules/duration_summary.h"
#include "rules/rule_file.h"

namespace kw::rules {

struct GroupDefaults {
    int64_t interval_ms = 60'000;
    int64_t query_offset_ms = 0;
    OnNoData on_no_data = OnNoData::kResolve;
    bool operator==(const GroupDefaults&) const = default;
};

// Of all groups of a server.
struct RuleDurations {
    DurationSummary of_rules;
    DurationSummary of_groups;
};

struct GroupOptions {
    GroupDefaults defaults;
    RuleDurations* durations =
        nullptr;  // where evaluations are observed; outlives the group; null: nowhere
    int64_t resend_delay_ms = 60'000;
    ActiveRule::RestoreOptions restore;
};

// Of the last evaluation and in all.
struct GroupCounts {
    std::atomic<uint64_t> evaluations{0};  // of rules
    std::atomic<uint64_t> failures{0};     // of rules
    std::atomic<uint64_t> iterations{0};   // of the group, missed ones too
    std::atomic<uint64_t> missed{0};
    std::atomic<uint64_t> last_samples{0};
    std::atomic<int64_t> last_duration_ns{0};
    std::atomic<int64_t> last_rules_duration_ns{0};  // the sum over rules
    std::atomic<int64_t> last_evaluation_ms{0};      // 0: never
    std::atomic<int64_t> last_restore_ns{0};
};

// The first time at or after `t` at which a group is evaluated: the slots of its file and name.
Millis next_slot(std::string_view file, std::string_view name, int64_t interval_ms, Millis t);

class ActiveGroup final {
 public:
    // `env` and what the context refers to outlive it. `is_restored`: nothing is to be taken over from the store.
    ActiveGroup(Environment& env, Group group, const std::shared_ptr<const RuleContext>& context,
                const GroupOptions& options, bool is_restored);
    ActiveGroup(const ActiveGroup&) = delete;
    ActiveGroup& operator=(const ActiveGroup&) = delete;

    const Group& group() const { return group_; }
    int64_t interval_ms() const { return interval_ms_; }
    int64_t query_offset_ms() const { return query_offset_ms_; }
    const std::vector<std::unique_ptr<ActiveRule>>& rules() const { return rules_; }
    const GroupCounts& counts() const { return counts_; }
    // "rules/api.yml;group", as metrics name it.
    std::string key() const { return group_.file + ";" + group_.name; }

    // The first time of its schedule at or after `t`.
    Millis next_time(Millis t) const;
    // Counts evaluations that came too late to be made.
    void count_missed(uint64_t count);

    // Evaluates all rules as of `at`, `parallel` at a time, and tells `sink` (may be null).
    void evaluate(Millis at, ThreadPool* pool, AlertSink* sink, const CancelToken& cancel);

    // Takes over what a group of the same name knew before a reload. Rules are the same whose name and labels are;
    // series of others end at the next evaluation.
    void adopt(ActiveGroup& from);
    // Markers for everything that it wrote, but for what `is_kept`.
    void end(Millis at, const std::function<bool(const LabelSet&)>& is_kept);
    bool writes(const LabelSet& labels) const;

 private:
    void evaluate_rule(ActiveRule& rule, Millis at, const CancelToken& cancel);
    void restore(const CancelToken& cancel);
    void end_left_over(Millis at);

    Environment& env_;
    const Group group_;
    const GroupOptions options_;
    const int64_t interval_ms_;
    const int64_t query_offset_ms_;
    std::vector<std::unique_ptr<ActiveRule>> rules_;
    std::vector<std::vector<size_t>> waves_;
    std::vector<std::unique_ptr<intake::ComputedSeries>> left_over_;  // of rules that are gone
    GroupCounts counts_;
    uint64_t rounds_until_restore_;  // 0: done
};

}  // namespace kw::rules
