// The flags of `kilowatch serve`: Prometheus' names where one exists. What they mean stands in docs/serve.md
// and in --help, whose texts are here; the values are checked before anything is opened.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace kw::app {

struct ServeFlags {
    std::string config_file = "prometheus.yml";
    std::string alertmanager_config_file;  // --alertmanager.config.file
    std::string storage_path = "data/";
    std::string wal_sync = "acked";      // or "interval"
    std::string retention_time = "15d";  // a duration; 0 with a size: no limit by age
    std::string retention_size = "0";    // "512MB", "10GB"; 0: no limit by size

    std::vector<std::string> listen_addresses = {"127.0.0.1:9090"};
    std::string external_url;
    std::string web_config_file;
    std::string page_title = "Kilowatch";
    bool enable_lifecycle = false;
    bool enable_admin_api = false;
    uint32_t connections_max = 512;
    std::string read_timeout = "5m";

    std::string query_timeout = "2m";
    uint64_t query_max_samples = 50'000'000;
    uint32_t query_max_concurrency = 20;
    std::string query_lookback_delta = "5m";
    std::vector<std::string> enable_features;

    std::string rules_outage_tolerance = "1h";  // --rules.alert.for-outage-tolerance
    std::string rules_grace_period = "10m";     // --rules.alert.for-grace-period
    std::string rules_resend_delay = "1m";      // --rules.alert.resend-delay
    uint32_t rules_max_concurrency = 4;         // --rules.max-concurrent-evals

    uint64_t notification_queue_capacity = 10'000;  // --alerting.notification-queue-capacity
    bool drains_notification_queue = true;  // --alerting.drain-notification-queue-on-shutdown

    std::string log_level = "info";
    std::string log_format = "logfmt";
};

// The flags as numbers and times, checked.
struct ServeSettings {
    ServeFlags flags;
    int64_t retention_ms = 0;      // 0: no limit
    uint64_t retention_bytes = 0;  // 0: no limit
    int64_t read_timeout_ms = 0;
    int64_t query_timeout_ms = 0;
    int64_t query_lookback_ms = 0;
    int64_t rules_outage_tolerance_ms = 0;
    int64_t rules_grace_period_ms = 0;
    int64_t rules_resend_delay_ms = 0;
    bool wal_sync_acked = true;
    LogLevel log_level = LogLevel::kInfo;
    LogFormat log_format = LogFormat::kLogfmt;
};

// Adds the flags to `command`; they are written to `flags`, which outlives the parsing.
void add_serve_flags(CLI::App& command, ServeFlags& flags);

// Errors: kInvalid, naming the flag, what was found and what is wanted.
Result<ServeSettings> check_serve_flags(const ServeFlags& flags);

// "512MB" is 512 * 1024^2, as Prometheus' retention sizes: units B, KB, MB, GB, TB, PB, EB; "0" alone too.
// Errors: kInvalid.
Result<uint64_t> parse_size_bytes(std::string_view text);

// Name without dashes in front to value, for /api/v1/status/flags.
std::map<std::string, std::string> flag_values(const ServeFlags& flags);

}  // namespace kw::app
