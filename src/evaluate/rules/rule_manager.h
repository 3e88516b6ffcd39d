// All rule groups of the server: their schedule, reloads, and what is shown of them.
//
//   files ─read_rule_file()─▶ Groups ─apply()──────────┐
//   API ─▶ RuleBook ────────▶ Groups ─set_api_groups()─┴▶ schedule ─▶ ActiveGroup::evaluate() on threads of its own
//
// One thread keeps the schedule; groups are evaluated on `concurrency` threads, and the independent rules of a
// group share them. A group is evaluated once at a time; times that pass meanwhile are missed and counted.
// A reload keeps groups that did not change; a changed one hands the state of its rules on; the series of one
// that is gone end two intervals later, but for those that another group writes now. At stop() nothing ends:
// a restart of the server is no end of its rules' series.
// Threads: all members from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/time.h"
#include "rules/active_group.h"
#include "rules/alert.h"
#include "rules/rule_file.h"

namespace kw::rules {

struct ManagerOptions {
    size_t concurrency = 4;  // rules at a time
    int64_t resend_delay_ms = 60'000;
    int64_t outage_tolerance_ms = 3'600'000;
    int64_t grace_period_ms = 600'000;
    // Without, nothing happens but in run_due(): for tests, which own the clock.
    bool own_threads = true;
};

struct RuleSet {
    std::vector<Group> groups;  // file and name together are unique
    GroupDefaults defaults;
    LabelSet external_labels;
    std::string external_url;
};

// For the API: what a group is and how its rules fare.
struct RuleView {
    Rule rule;
    std::shared_ptr<const RuleStatus> status;
};
struct GroupView {
    std::string name;
    std::string file;
    int64_t interval_ms = 0;
    int64_t query_offset_ms = 0;
    uint64_t limit = 0;
    double evaluation_seconds = 0;
    Millis last_evaluation;  // Millis{0}: never
    std::vector<RuleView> rules;
};

class RuleManager final {
 public:
    // Everything given outlives it; `sink` may be null. Nothing runs before apply().
    RuleManager(Environment& env, promql::Engine& engine, MetricStore& store, AlertSink* sink,
                const ManagerOptions& options);
    // stop().
    ~RuleManager();
    RuleManager(const RuleManager&) = delete;
    RuleManager& operator=(const RuleManager&) = delete;

    // Replaces the groups of files. Returns when the new ones are scheduled; groups that change are waited for.
    void apply(RuleSet set);
    // Replaces the groups made through the API, likewise. They run once apply() was called.
    void set_api_groups(std::vector<Group> groups);
    // What the groups have that say nothing else.
    GroupDefaults defaults() const;
    // Ends the schedule, cancels evaluations that run, and waits for them.
    void stop();

    // Begins the evaluations that are due. Returns when the next one is; Millis::max() when there is none.
    Millis run_due();

    // Sorted by file, then by name.
    std::vector<GroupView> groups() const;
    // prometheus_rule_*, in text exposition format 0.0.4.
    void render_metrics(std::string& out) const;

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::rules
