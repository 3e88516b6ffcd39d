// The targets of one job: what discovery found, relabelled, without doubles, within the limits.
//
// A target is known by its labels and URL. One that a change of groups or options leaves as it was
// goes on undisturbed, with its schedule, its cache and its health; one that scrapes differently
// now is replaced without a gap in its series; one that is gone is retired with staleness markers.
// Threads: the manager's, under its lock, as far as they change something.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scrape/target.h"

namespace kw::scrape {

class Pool final {
 public:
    Pool(std::shared_ptr<TargetContext> context, std::string name);

    // New options (discovery in them is not looked at) and the groups that they give themselves.
    // The targets follow at the next sync().
    void configure(JobOptions options, Asking asking, std::vector<TargetGroup> static_groups);
    void set_discovered_groups(std::vector<TargetGroup> groups);

    // What is to be done once the lock is released.
    struct Changes {
        std::vector<std::shared_ptr<Target>> started;
        std::vector<std::shared_ptr<Target>> replaced;  // retired without markers
        std::vector<std::shared_ptr<Target>> gone;      // retired with them
        struct Failure {
            std::string pool;
            LabelSet discovered;
            std::string error;
        };
        std::vector<Failure> failures;  // targets that could not be made, to be logged
    };
    // Makes the targets what the options and groups say, if something changed since the last time.
    void sync(Changes& changes);
    // All targets, for a pool that is gone.
    void clear(Changes& changes);

    const std::string& name() const { return name_; }
    const JobOptions& options() const { return options_; }
    const std::map<std::string, std::shared_ptr<Target>>& targets() const { return targets_; }
    const std::vector<DroppedTarget>& dropped() const { return dropped_; }
    uint64_t dropped_count() const { return dropped_count_; }

 private:
    void sync_group(const TargetGroup& group,
                    std::map<std::string, std::shared_ptr<Target>>& current, Changes& changes);

    const std::shared_ptr<TargetContext> context_;
    const std::string name_;
    JobOptions options_;
    std::shared_ptr<const TargetJob> job_;  // replaced only when targets would scrape differently
    std::vector<TargetGroup> static_groups_;
    std::vector<TargetGroup> discovered_groups_;
    bool is_dirty_ = true;
    std::map<std::string, std::shared_ptr<Target>> targets_;  // by identity: labels and URL
    std::vector<DroppedTarget> dropped_;
    uint64_t dropped_count_ = 0;
    Gauge& target_gauge_;
    Gauge& discovered_gauge_;
    Counter& sync_count_;
    Counter& failure_count_;
    Counter& limit_hits_;
};

}  // namespace kw::scrape
