// The collectors that ask other servers, kept over a reload where their configuration is as before, so that
// connections and what was counted stay.
//
//   Config::remote_collectors ──apply()──▶ a collect::Worker each ──▶ scrape::CollectorJob
//
// Threads: one at a time. Outlives the scrape manager that got its jobs; the destructor ends all workers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "base/environment.h"
#include "collect/remote/worker.h"
#include "scrape/scrape_manager.h"

namespace kw::net {
class Fetcher;
}

namespace kw::app {

class RemoteCollectors final {
 public:
    // Both outlive it.
    RemoteCollectors(const Environment& env, net::Fetcher& fetcher);
    ~RemoteCollectors();
    RemoteCollectors(const RemoteCollectors&) = delete;
    RemoteCollectors& operator=(const RemoteCollectors&) = delete;

    // The jobs of `options`, for the scrape manager.
    std::vector<scrape::CollectorJob> apply(const std::vector<RemoteCollectorOptions>& options);
    // Stops the workers that no job of the last apply() needs: once the scrape manager has the new jobs, so that what
    // is cancelled here is nobody's failed scrape.
    void end_unused();

 private:
    struct Running {
        RemoteSourceOptions source;
        std::shared_ptr<collect::Worker> worker;
        std::shared_ptr<const scrape::RemoteCollector> remote;
    };

    Running start(const RemoteCollectorOptions& options) const;

    const Environment& env_;
    net::Fetcher& fetcher_;
    std::map<std::string, Running> running_;  // by pool
    std::vector<std::shared_ptr<collect::Worker>> retired_;
};

}  // namespace kw::app
