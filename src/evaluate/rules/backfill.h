// Recording rules over history: what they would have written had they been there, written now.
//
//   next(): a window of time ─▶ each group in order ─▶ each rule in order:
//           range query in chunks ─▶ labels replaced ─▶ without times that the series has already ─▶ append()
//
// Invariants
//   1. A sample that is there stays: the same range twice changes nothing.
//   2. A rule sees what rules before it gave in the same window. Where rules read what they themselves or later
//      ones write, a window is one evaluation, so that each sees what it would have seen then.
//   3. Times are the group's own slots (next_slot()), so that a rule that runs already is met at its own times.
//   4. Where a series ends within the range it gets a staleness marker, as from a rule that runs; none at the end.
//   5. Memory: kPointsMax values of an answer, and the series of one rule.
// An evaluation that fails (two series of the same labels, over the group's limit) is left out and counted, as a
// rule that runs would leave it out; the chunk is halved until it is known which.
// Threads: one.
// Source: `promtool tsdb create-blocks-from rules`, which however lets no rule see another's output.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/time.h"
#include "contract/metric_store.h"
#include "model/labels.h"
#include "rules/active_group.h"
#include "rules/rule_file.h"

namespace kw::promql {
class Engine;
struct QueryResult;
}  // namespace kw::promql

namespace kw::rules {

struct BackfillSpec {
    std::vector<Group> groups;       // their alerting rules are passed over
    Millis start;                    // inclusive, both
    Millis end;                      // times of samples
    std::optional<int64_t> step_ms;  // instead of the groups' intervals
    // Something was written before `start`: series that end right there get their marker.
    bool continues = false;
};

struct BackfillCounts {
    uint64_t stored = 0;
    uint64_t kept = 0;      // a sample stood there
    uint64_t too_old = 0;   // before the store's retention
    uint64_t refused = 0;   // over a limit, the store's or of labels
    uint64_t failures = 0;  // evaluations that gave nothing
    std::string first_error;
    bool operator==(const BackfillCounts&) const = default;
};

class Backfill final {
 public:
    // 500,000 values: 4 MB of columns, and some 20 MB while they are held against the store.
    static constexpr size_t kPointsMax = 500'000;
    // Of the group that is evaluated most often, a window.
    static constexpr int64_t kWindowSlots = 500;

    // Everything referred to outlives it. `defaults` are those of groups that say nothing else.
    Backfill(promql::Engine& engine, MetricStore& store, BackfillSpec spec,
             const GroupDefaults& defaults);
    Backfill(const Backfill&) = delete;
    Backfill& operator=(const Backfill&) = delete;

    // Writes the next window. False: everything is written.
    // Errors: kCancelled; kUnavailable, of the store. Then nothing after position() is promised.
    Result<bool> next(const CancelToken& cancel);

    // What is before it is written.
    Millis position() const { return position_; }
    // Of the range, 0 to 1.
    double fraction() const;
    const BackfillCounts& counts() const { return counts_; }
    size_t rule_count() const { return rules_.size(); }

 private:
    struct ActiveSeries {
        SeriesRef ref;
        bool is_present = false;  // at the slot that was evaluated last
    };
    struct RuleState {
        const Group* group = nullptr;
        const Rule* rule = nullptr;
        int64_t interval_ms = 0;
        int64_t offset_ms = 0;  // samples are this much before the slot
        bool is_begun = false;
        uint64_t series_last = 0;
        std::unordered_map<LabelSet, ActiveSeries, LabelSetHash> series;
    };
    // Evaluations at first, first + interval, …
    struct Slots {
        Millis first;  // of samples
        int64_t interval_ms = 0;
        size_t count = 0;
        Millis at(size_t i) const { return first + static_cast<int64_t>(i) * interval_ms; }
        Millis last() const { return at(count - 1); }
    };
    struct Rows;
    struct Existing;

    Slots slots_within(const RuleState& rule, Millis from, Millis to) const;
    Result<void> run(RuleState& rule, Slots slots, const CancelToken& cancel);
    // One query; halves itself where it fails.
    Result<void> run_chunk(RuleState& rule, const Slots& slots, bool is_lead,
                           const CancelToken& cancel);
    Result<void> write(RuleState& rule, const Slots& slots, const promql::QueryResult& result,
                       bool is_lead, const CancelToken& cancel);
    Result<void> append(RuleState& rule, Rows& rows);
    void note(uint64_t& count, uint64_t by, std::string_view why);

    promql::Engine& engine_;
    MetricStore& store_;
    const BackfillSpec spec_;
    std::vector<RuleState> rules_;
    int64_t window_ms_ = 1;
    Millis position_;
    BackfillCounts counts_;
};

}  // namespace kw::rules
