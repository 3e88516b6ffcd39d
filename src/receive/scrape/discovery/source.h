// One file_sd or http_sd block: how it is refreshed, and the groups that it found last.
// Threads: the discovery's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/metrics.h"
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
    Counter& file_refreshes;
    Counter& http_refreshes;
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

}  // namespace kw::scrape
