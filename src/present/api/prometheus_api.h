// Prometheus' HTTP API over a store, an engine and whatever else the server consists of.
//
//   routes ──▶ handler: parameters ─▶ call ─▶ JSON, streamed
//
// A handler is parse, call, format and holds no state. What the composition root does not give stays an honest
// error (errorType not_implemented) or an empty list, as the comment at the member says.
// Threads: handlers run on the server's threads; all given is called from any of them.
// Source: https://prometheus.io/docs/prometheus/latest/querying/api/, /management_api/
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "base/time.h"
#include "intake/relabel.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "rules/rule_manager.h"
#include "scrape/scrape_manager.h"

namespace kw {
class MetricStore;
struct Environment;
namespace net {
struct Request;
class ResponseWriter;
class Router;
}  // namespace net
namespace promql {
class Engine;
}
}  // namespace kw

namespace kw::api {

struct ServerHealth;

// What the API asks of the scrapes. Without them there are no targets.
struct TargetReader {
    std::function<std::vector<scrape::TargetStatus>(std::string_view pool)> active_targets;
    std::function<std::vector<scrape::DroppedTarget>(std::string_view pool)> dropped_targets;
    std::function<std::vector<scrape::PoolStatus>()> pools;
    std::function<std::vector<scrape::TargetMetadata>(
        const std::function<bool(const LabelSet&)>& target_matches, std::string_view metric,
        uint64_t limit)>
        metadata;
    // The relabelling of a pool's targets; nothing when there is no such pool.
    std::function<std::optional<std::vector<intake::RelabelRule>>(std::string_view pool)>
        relabel_rules;
};
// `manager` outlives the reader.
TargetReader target_reader(const scrape::ScrapeManager& manager);

// status/buildinfo.
struct BuildInfo {
    std::string version;
    std::string revision;
    std::string branch;
    std::string build_user;
    std::string build_date;
    std::string compiler;  // stands where Prometheus has goVersion
};

// status/runtimeinfo. Keys that only a Go program has (GOGC, …) are answered empty.
struct RuntimeInfo {
    Millis start_time;
    std::string working_directory;
    std::string hostname;
    bool reload_succeeded = true;
    Millis reload_failed_time;  // of the last reload, when it did not succeed
    Millis last_config_time;
    Millis acting_since;  // of the configuration's scrapes and rules; not part of the answer
    uint64_t corruption_count = 0;
    uint64_t thread_count = 0;
    uint64_t cpu_count = 0;
    uint64_t memory_limit_bytes = 0;
    std::string storage_retention;  // "15d or 10GiB"
};

// status/walreplay: segment numbers.
struct WalReplay {
    int64_t min = 0;
    int64_t max = 0;
    int64_t current = 0;
};

// status/tsdb/blocks.
struct BlockInfo {
    std::string name;  // a ULID
    TimeRange range;
    uint64_t sample_count = 0;
    uint64_t series_count = 0;
    uint64_t chunk_count = 0;
    uint32_t level = 1;
    std::vector<std::string> sources;
};

// A key of the configuration that is valid and does nothing yet.
struct ConfigWarning {
    std::string file;
    int64_t line = 0;
    std::string key;
    std::string message;
};

// The other Alertmanagers that alerts are sent to, and those that relabelling dropped: URLs.
struct KnownAlertmanagers {
    std::vector<std::string> active;
    std::vector<std::string> dropped;
};

struct WriteAnswer {
    int status = 204;
    std::string message;  // empty with 204
};

class PrometheusApi final {
 public:
    struct Options {
        // Steps of one series in an answer, as Prometheus: 11,000 is a minute's resolution for a week.
        uint64_t points_max = 11'000;
        // What the answers of series, labels and the like may hold at a time, one request and all together.
        uint64_t request_memory_bytes = 256 << 20;
        uint64_t memory_bytes = 1 << 30;
        uint64_t write_body_bytes_max = 32 << 20;  // of one remote write, compressed
        // Origins (a regular expression, anchored) whose pages may read answers, as --web.cors.origin.
        std::string cors_origin = ".*";
        bool enable_lifecycle = false;
        bool enable_admin_api = false;
        // Where users reach the server; its host replaces localhost in globalUrl.
        std::string external_url;
    };

    // Everything referred to outlives the routes.
    struct Dependencies {
        Environment& env;
        MetricStore& store;
        promql::Engine& engine;
        Options options{};
        TargetReader targets{};
        std::function<std::vector<rules::GroupView>()> rule_groups{};  // unset: there are none

        std::function<KnownAlertmanagers()> alertmanagers{};  // unset: there are none

        std::function<bool()> is_ready{};            // unset: always
        std::function<bool()> store_is_writable{};   // asked once it is ready; unset: it is
        std::function<std::string()> config_yaml{};  // without secrets; unset: empty
        // Likewise of one scrape pool; nothing when the configuration has none of that name.
        std::function<std::optional<std::string>(std::string_view pool)> pool_yaml{};
        std::map<std::string, std::string> flags{};  // name without dashes to value
        BuildInfo build{};
        std::function<RuntimeInfo()> runtime{};
        std::function<WalReplay()> wal_replay{};  // unset: nothing to replay
        std::function<std::vector<ConfigWarning>()> config_warnings{};
        std::function<std::vector<BlockInfo>()> blocks{};  // by age; unset: there are none
        std::function<LabelSet()> external_labels{};       // unset: none

        // Appends what /metrics has beside the registry, such as process_*: text format 0.0.4, other families.
        std::function<void(std::string&)> further_metrics{};

        // A remote write's body as sent, a snappy block. Unset: 501.
        std::function<WriteAnswer(std::string_view body)> write{};
        // The management API, with enable_lifecycle. reload() returns when the new configuration acts, or says
        // why the old one stays; quit() returns at once.
        std::function<Result<void>()> reload{};
        std::function<void()> quit{};
        // The admin API, with enable_admin_api. An unset one answers 501.
        std::function<Result<void>(const std::vector<Matcher>&, const TimeRange&)> delete_series{};
        std::function<Result<void>()> clean_tombstones{};
        std::function<Result<std::string>(bool skip_head)>
            snapshot{};  // the snapshot's directory name
    };

    explicit PrometheusApi(Dependencies dependencies);
    PrometheusApi(const PrometheusApi&) = delete;
    PrometheusApi& operator=(const PrometheusApi&) = delete;

    // What a handler failed with before it wrote anything; it becomes the answer.
    using Outcome = Result<void>;
    using Member = Outcome (PrometheusApi::*)(const net::Request&, net::ResponseWriter&) const;

    // prometheus_query.cc
    Outcome query(const net::Request& request, net::ResponseWriter& response) const;
    Outcome query_range(const net::Request& request, net::ResponseWriter& response) const;
    Outcome format_query(const net::Request& request, net::ResponseWriter& response) const;
    Outcome parse_query(const net::Request& request, net::ResponseWriter& response) const;
    // query_explain.cc
    Outcome explain_query(const net::Request& request, net::ResponseWriter& response) const;
    // query_lint.cc
    Outcome check_query(const net::Request& request, net::ResponseWriter& response) const;
    // prometheus_series.cc
    Outcome series(const net::Request& request, net::ResponseWriter& response) const;
    Outcome labels(const net::Request& request, net::ResponseWriter& response) const;
    Outcome label_values(const net::Request& request, net::ResponseWriter& response) const;
    // prometheus_targets.cc
    Outcome targets(const net::Request& request, net::ResponseWriter& response) const;
    Outcome target_metadata(const net::Request& request, net::ResponseWriter& response) const;
    Outcome notifications(const net::Request& request, net::ResponseWriter& response) const;
    Outcome scrape_pool_config(const net::Request& request, net::ResponseWriter& response) const;
    Outcome scrape_pools(const net::Request& request, net::ResponseWriter& response) const;
    Outcome metadata(const net::Request& request, net::ResponseWriter& response) const;
    Outcome relabel_steps(const net::Request& request, net::ResponseWriter& response) const;
    // federate.cc
    Outcome federate(const net::Request& request, net::ResponseWriter& response) const;
    // features.cc
    Outcome features(const net::Request& request, net::ResponseWriter& response) const;
    // self_metrics.cc
    Outcome self_metrics(const net::Request& request, net::ResponseWriter& response) const;
    // prometheus_status.cc
    Outcome status_blocks(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_config(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_flags(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_runtime(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_build(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_tsdb(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_wal_replay(const net::Request& request, net::ResponseWriter& response) const;
    Outcome status_warnings(const net::Request& request, net::ResponseWriter& response) const;
    Outcome alertmanagers(const net::Request& request, net::ResponseWriter& response) const;
    // prometheus_rules.cc
    Outcome rules(const net::Request& request, net::ResponseWriter& response) const;
    Outcome alerts(const net::Request& request, net::ResponseWriter& response) const;
    // prometheus_admin.cc
    Outcome delete_series(const net::Request& request, net::ResponseWriter& response) const;
    Outcome clean_tombstones(const net::Request& request, net::ResponseWriter& response) const;
    Outcome snapshot(const net::Request& request, net::ResponseWriter& response) const;
    Outcome write(const net::Request& request, net::ResponseWriter& response) const;
    // management.cc
    Outcome healthy(const net::Request& request, net::ResponseWriter& response) const;
    Outcome ready(const net::Request& request, net::ResponseWriter& response) const;
    Outcome health(const net::Request& request, net::ResponseWriter& response) const;
    Outcome own_metrics(const net::Request& request, net::ResponseWriter& response) const;
    Outcome reload(const net::Request& request, net::ResponseWriter& response) const;
    Outcome quit(const net::Request& request, net::ResponseWriter& response) const;
    // 405: what changes something is asked for by POST or PUT.
    Outcome changes_by_post_only(const net::Request& request, net::ResponseWriter& response) const;

    ServerHealth server_health() const;
    // What /metrics answers.
    std::string own_metrics_text() const;
    bool is_ready() const { return !given_.is_ready || given_.is_ready(); }
    void add_cors_headers(const net::Request& request, net::ResponseWriter& response) const;

 private:
    Dependencies given_;
    std::vector<AnchoredRegex> cors_origin_;  // one, or none: no origin
    // Of what handlers hold for series and labels; mutable as all counting is.
    mutable MemoryBudget memory_;
};

// Adds every route of the API, /metrics, /health and the management API.
void add_prometheus_routes(net::Router& routes, PrometheusApi::Dependencies dependencies);

}  // namespace kw::api
