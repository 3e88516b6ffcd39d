// Finds target groups: file_sd (watched, and read again at its refresh interval), http_sd and dns_sd.
//
//   files, URLs, names ──refresh──▶ documents ──changed?──▶ publish(job, all groups of the job)
//
// What cannot be read or parsed leaves the groups of before in place, is logged and counted; a file
// that is gone takes its groups along. One thread reads files and keeps the schedule; answers are
// parsed on the pool.
// Threads: all members from any thread; `publish` is called by the thread that discovers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "net/dns_resolver.h"
#include "scrape/options.h"

namespace kw::net {
class Fetcher;
}

namespace kw::scrape {

struct DiscoveryOptions {
    std::string job_name;
    std::vector<FileSdOptions> files;
    std::vector<HttpSdOptions> urls;
    std::vector<DnsSdOptions> names;
    bool is_empty() const { return files.empty() && urls.empty() && names.empty(); }
    bool operator==(const DiscoveryOptions&) const = default;
};

class Discovery final {
 public:
    using Publish =
        std::function<void(const std::string& job_name, std::vector<TargetGroup> groups)>;

    // Everything given outlives it. Without `own_thread` nothing happens but in run_due(): for
    // tests. `name` is that of the series: for whom targets are found.
    Discovery(Environment& env, net::Fetcher& fetcher, Publish publish, bool own_thread = true,
              std::string_view name = "scrape", net::DnsResolver::Options dns = {});
    // stop().
    ~Discovery();
    Discovery(const Discovery&) = delete;
    Discovery& operator=(const Discovery&) = delete;

    // Replaces what is discovered. A source that was there before keeps its groups and its
    // schedule.
    void apply(std::vector<DiscoveryOptions> jobs);
    void stop();

    // Takes what has come and refreshes what is due.
    void run_due();

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::scrape
