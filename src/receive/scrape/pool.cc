#include "scrape/pool.h"

#include <utility>

#include "scrape/accept.h"

namespace kw::scrape {
namespace {

// The options without what only decides which targets there are.
JobOptions scraping_part(JobOptions options) {
    options.static_sds.clear();
    options.file_sds.clear();
    options.http_sds.clear();
    options.dns_sds.clear();
    options.relabel.clear();
    options.limits.targets = 0;
    options.limits.keep_dropped_targets = 0;
    return options;
}

std::shared_ptr<const TargetJob> make_job(JobOptions options, Asking asking) {
    auto job = std::make_shared<TargetJob>();
    job->client = std::make_shared<net::HttpClientOptions>(options.client);
    job->metric_relabel =
        std::make_shared<std::vector<intake::RelabelRule>>(options.metric_relabel);
    job->accept = accept_header(options.protocols, options.name_escaping);
    job->asking = std::move(asking);
    job->options = std::move(options);
    return job;
}

}  // namespace

Pool::Pool(std::shared_ptr<TargetContext> context, std::string name)
    : context_(std::move(context)),
      name_(std::move(name)),
      target_gauge_(context_->env.metrics.gauge("prometheus_target_scrape_pool_targets",
                                                "Current number of targets in this scrape pool.",
                                                {{"scrape_job", name_}})),
      discovered_gauge_(context_->env.metrics.gauge("prometheus_sd_discovered_targets",
                                                    "Current number of discovered targets.",
                                                    {{"config", name_}, {"name", "scrape"}})),
      sync_count_(context_->env.metrics.counter(
          "prometheus_target_scrape_pool_sync_total",
          "Total number of syncs that were executed on a scrape pool.", {{"scrape_job", name_}})),
      failure_count_(context_->env.metrics.counter("prometheus_target_sync_failed_total",
                                                   "Total number of target sync failures.",
                                                   {{"scrape_job", name_}})),
      limit_hits_(
          context_->env.metrics.counter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                                        "Total number of times scrape pools hit the target limit, "
                                        "during sync or config reload.")) {}

void Pool::configure(JobOptions options, Asking asking, std::vector<TargetGroup> static_groups) {
    const bool asks_as_before = job_ && job_->asking.remote == asking.remote;
    if (asks_as_before && options == options_ && static_groups == static_groups_) return;
    JobOptions scraping = scraping_part(options);
    if (!asks_as_before || job_->options != scraping)
        job_ = make_job(std::move(scraping), std::move(asking));
    options_ = std::move(options);
    static_groups_ = std::move(static_groups);
    is_dirty_ = true;
}

void Pool::set_discovered_groups(std::vector<TargetGroup> groups) {
    discovered_groups_ = std::move(groups);
    is_dirty_ = true;
}

void Pool::sync(Changes& changes) {
    if (!std::exchange(is_dirty_, false)) return;
    sync_count_.add();
    dropped_.clear();
    dropped_count_ = 0;
    std::map<std::string, std::shared_ptr<Target>> current;
    for (const TargetGroup& group : static_groups_) sync_group(group, current, changes);
    for (const TargetGroup& group : discovered_groups_) sync_group(group, current, changes);
    for (auto& [identity, target] : targets_) {
        if (target) changes.gone.push_back(std::move(target));
    }
    targets_ = std::move(current);

    std::string error;
    if (options_.limits.targets > 0 && targets_.size() > options_.limits.targets) {
        limit_hits_.add();
        error = fmt::format("target_limit exceeded (number of targets: {}, limit: {})",
                            targets_.size(), options_.limits.targets);
    }
    for (const auto& [identity, target] : targets_) target->set_forced_error(error);
    target_gauge_.set(static_cast<double>(targets_.size()));
    discovered_gauge_.set(static_cast<double>(targets_.size() + dropped_count_));
}

// Moves what stays from targets_ to `current`.
void Pool::sync_group(const TargetGroup& group,
                      std::map<std::string, std::shared_ptr<Target>>& current, Changes& changes) {
    for (const LabelSet& labels : group.targets) {
        LabelSet discovered = discovered_labels(labels, group.labels, options_);
        Result<std::optional<TargetPlan>> planned = plan_target(discovered, options_);
        if (!planned.ok()) {
            failure_count_.add();
            changes.failures.push_back(
                {name_, std::move(discovered), std::move(planned).error().message});
            continue;
        }
        if (!*planned) {
            ++dropped_count_;
            const uint64_t kept_max = options_.limits.keep_dropped_targets;
            if (kept_max == 0 || dropped_.size() < kept_max)
                dropped_.push_back({std::move(discovered), name_});
            continue;
        }
        TargetPlan& plan = **planned;
        std::string identity = fmt::format("{}\n{}", plan.labels.encoded(), plan.url);
        if (current.contains(identity)) continue;
        std::shared_ptr<Target> target;
        if (const auto before = targets_.find(identity);
            before != targets_.end() && before->second) {
            target = std::move(before->second);
            if (target->plan() != plan || &target->job() != job_.get()) {
                changes.replaced.push_back(std::move(target));
                target = nullptr;
            }
        }
        if (!target) {
            target = std::make_shared<Target>(context_, job_, std::move(plan));
            changes.started.push_back(target);
        }
        target->set_discovered(std::move(discovered));
        current.emplace(std::move(identity), std::move(target));
    }
}

void Pool::clear(Changes& changes) {
    for (auto& [identity, target] : targets_) changes.gone.push_back(std::move(target));
    targets_.clear();
    dropped_.clear();
    dropped_count_ = 0;
    target_gauge_.set(0);
    discovered_gauge_.set(0);
}

}  // namespace kw::scrape
