#include "app/remote_collectors.h"

#include <utility>

namespace kw::app {
namespace {

struct SourceMaker {
    const Environment& env;
    net::Fetcher& fetcher;

    std::unique_ptr<collect::RemoteSource> operator()(
        const collect::PostgresOptions& options) const {
        return std::make_unique<collect::PostgresSource>(env.clock, options);
    }
    std::unique_ptr<collect::RemoteSource> operator()(const collect::RedisOptions& options) const {
        return std::make_unique<collect::RedisSource>(env.clock, options);
    }
    std::unique_ptr<collect::RemoteSource> operator()(const collect::HealthOptions& options) const {
        return std::make_unique<collect::HealthSource>(fetcher, options);
    }
    std::unique_ptr<collect::RemoteSource> operator()(const collect::ProbeOptions& options) const {
        return std::make_unique<collect::ProbeSource>(fetcher, options);
    }
};

}  // namespace

RemoteCollectors::RemoteCollectors(const Environment& env, net::Fetcher& fetcher)
    : env_(env), fetcher_(fetcher) {}

// The workers' last owner, whoever else still holds one: none may be let go of on its own thread.
RemoteCollectors::~RemoteCollectors() {
    (void)apply({});
    end_unused();
    for (const std::shared_ptr<collect::Worker>& worker : retired_) worker->join();
}

RemoteCollectors::Running RemoteCollectors::start(const RemoteCollectorOptions& options) const {
    auto worker =
        std::make_shared<collect::Worker>(env_.clock, "kw-" + options.address,
                                          std::visit(SourceMaker{env_, fetcher_}, options.source));
    auto remote = std::make_shared<const scrape::RemoteCollector>(scrape::RemoteCollector{
        [worker](std::chrono::milliseconds timeout, scrape::RemoteCollector::Done done) {
            worker->begin(timeout, std::move(done));
        },
        [worker] { worker->cancel(); }});
    return {options.source, std::move(worker), std::move(remote)};
}

std::vector<scrape::CollectorJob> RemoteCollectors::apply(
    const std::vector<RemoteCollectorOptions>& options) {
    std::map<std::string, Running> wanted;
    std::vector<scrape::CollectorJob> jobs;
    for (const RemoteCollectorOptions& collector : options) {
        const auto before = running_.find(collector.job.job_name);
        const bool stays = before != running_.end() && before->second.source == collector.source;
        Running running = stays ? before->second : start(collector);
        jobs.push_back({.options = collector.job,
                        .address = collector.address,
                        .labels = collector.labels,
                        .remote = running.remote});
        if (stays) running_.erase(before);
        wanted.emplace(collector.job.job_name, std::move(running));
    }
    for (auto& [pool, running] : running_) retired_.push_back(std::move(running.worker));
    running_ = std::move(wanted);
    return jobs;
}

void RemoteCollectors::end_unused() {
    for (const std::shared_ptr<collect::Worker>& worker : retired_) worker->stop();
    std::erase_if(retired_, [](const std::shared_ptr<collect::Worker>& worker) {
        return worker.use_count() == 1 && worker->is_idle();
    });
}

}  // namespace kw::app
