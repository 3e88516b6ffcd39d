// One block of file_sd, http_sd or dns_sd: how it is refreshed, and the groups that it found last.
// Threads: the discovery's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/metrics.h"
#include "net/dns_resolver.h"
#include "scrape/options.h"

namespace kw::net {
class Fetcher;
}

namespace kw::scrape {

// prometheus_sd_*: made once, shared by all sources.
struct DiscoveryMetrics {
    // `name`: for whom targets are found, "scrape" or "notify".
    DiscoveryMetrics(MetricRegistry& registry, std::string_view name);
    Counter& file_read_errors;
    Counter& http_failures;
    Counter& dns_lookups;
    Counter& dns_lookup_failures;
    Counter& file_refreshes;
    Counter& http_refreshes;
    Counter& dns_refreshes;
    Counter& file_refresh_failures;
    Counter& http_refresh_failures;
    Counter& updates;
};

class FileSource final {
 public:
    FileSource(Environment& env, DiscoveryMetrics& metrics, FileSdOptions options)
        : env_(env), metrics_(metrics), options_(std::move(options)) {}

    const FileSdOptions& options() const { return options_; }
    // The directories that hold its files.
    std::vector<std::string> directories() const;
    // Reads all files again. True when the groups are others now.
    bool refresh();
    // In the order of the files' names.
    std::vector<TargetGroup> groups() const;

 private:
    std::vector<std::string> paths();
    void keep(const std::string& path, std::string_view why);

    Environment& env_;
    DiscoveryMetrics& metrics_;
    const FileSdOptions options_;
    std::map<std::string, std::vector<TargetGroup>> groups_;  // path -> what it says
};

class HttpSource final {
 public:
    HttpSource(Environment& env, DiscoveryMetrics& metrics, HttpSdOptions options);

    const HttpSdOptions& options() const { return options_; }
    const std::vector<TargetGroup>& groups() const { return groups_; }

    using Groups = Result<std::vector<TargetGroup>>;
    // Asks, unless the answer before has not come. `deliver` is called on another thread.
    void refresh(net::Fetcher& fetcher, std::function<void(Groups)> deliver);
    // What was delivered. True when the groups are others now.
    bool take(Groups answer);

 private:
    Environment& env_;
    DiscoveryMetrics& metrics_;
    const HttpSdOptions options_;
    const std::shared_ptr<const net::HttpClientOptions> client_;
    std::vector<TargetGroup> groups_;
    bool is_asking_ = false;
};

class DnsSource final {
 public:
    DnsSource(Environment& env, DiscoveryMetrics& metrics, DnsSdOptions options)
        : env_(env), metrics_(metrics), options_(std::move(options)) {}

    const DnsSdOptions& options() const { return options_; }
    // A group a name.
    std::vector<TargetGroup> groups() const;

    using Deliver = std::function<void(const std::string& name, net::DnsResolver::Answer)>;
    // Looks up each name whose answer before has come. `deliver` is called on another thread.
    void refresh(net::DnsResolver& resolver, const Deliver& deliver);
    // What was delivered. True when the groups are others now.
    bool take(const std::string& name, const net::DnsResolver::Answer& answer);

 private:
    Environment& env_;
    DiscoveryMetrics& metrics_;
    const DnsSdOptions options_;
    std::set<std::string, std::less<>> asked_;
    std::map<std::string, TargetGroup> groups_;  // by name
};

}  // namespace kw::scrape
