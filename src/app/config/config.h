// The configuration file: prometheus.yml as Prometheus 3 takes it, and our own `collectors`, `identity` and
// `incidents`.
//
//   text ─▶ yaml.h (tree) ─▶ section.h (held against schema_*.cc) ─▶ convert.h (modules' options)
//   ─▶ Config
//
// The whole schema of Prometheus 3 is validated, as upstream does. Keys that are valid and do not
// act yet (inactive.h) load with a warning. Secrets are in the options for those who need them, and
// never in the shown text, the warnings and the errors. An error is the first one,
// "prometheus.yml:12: scrape_configs[0].scrape_timeout: what is wrong; the mend". Threads:
// everything here is a plain function; a Config is a value.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config/notifications.h"
#include "base/result.h"
#include "collect/health/health.h"
#include "collect/postgres/source.h"
#include "collect/probe/probe.h"
#include "collect/redis/source.h"
#include "forward/options.h"
#include "identity/aliases.h"
#include "intake/relabel.h"
#include "model/labels.h"
#include "rules/rule_file.h"
#include "scrape/options.h"

namespace kw::alerting {
struct Settings;
}
namespace kw::incidents {
struct Settings;
}
namespace kw::fs {
class FileSystem;
}

namespace kw::app {

// Something that loads and does not act, or is likely a mistake.
struct ConfigWarning {
    std::string file;
    int line = 0;
    std::string key;  // "scrape_configs[2].consul_sd_configs"
    std::string message;
    bool operator==(const ConfigWarning&) const = default;
};

// "prometheus.yml:12: alerting: does not act yet: …".
std::string to_string(const ConfigWarning& warning);

// A built-in collector, which is on unless it is switched off.
struct CollectorOptions {
    bool enabled = true;
    scrape::JobOptions job;  // name, interval, timeout, metric_relabel; no discovery
    LabelSet labels;         // beside job and instance
    bool operator==(const CollectorOptions&) const = default;
};

// What a collector of another server asks.
using RemoteSourceOptions = std::variant<collect::PostgresOptions, collect::RedisOptions,
                                         collect::HealthOptions, collect::ProbeOptions>;

// A collector that asks another server.
struct RemoteCollectorOptions {
    scrape::JobOptions job;  // as above; its name is "job/instance"
    std::string address;     // as targets show it
    LabelSet labels;         // job and instance among them
    RemoteSourceOptions source;
    bool operator==(const RemoteCollectorOptions&) const = default;
};

struct Config {
    std::vector<scrape::JobOptions> jobs;  // of scrape_configs, then of scrape_config_files
    CollectorOptions host;                 // job "host"
    CollectorOptions process;              // job "kilowatch": the server itself
    std::vector<RemoteCollectorOptions> remote_collectors;
    identity::Aliases aliases;
    LabelSet external_labels;  // variables expanded
    int64_t evaluation_interval_ms = 60'000;
    int64_t rule_query_offset_ms = 0;
    rules::OnNoData on_no_data = rules::OnNoData::kResolve;  // of alerting rules that do not say
    std::vector<std::string> rule_files;                     // globs, below the file's directory

    std::vector<rules::Group> rule_groups;  // of those files; load_rule_groups() fills it

    std::vector<forward::AlertmanagerOptions>
        alertmanagers;                               // of `alerting`: where alerts go as well
    std::vector<intake::RelabelRule> alert_relabel;  // of all alerts of the rules

    // Of `alertmanager`; null: not written, what then holds is the caller's.
    std::shared_ptr<const alerting::Settings> alertmanager;
    // Of `notifications`; in `alertmanager` already where that is written in the same file.
    NotificationOptions notifications;

    // Of `incidents`, with its defaults where nothing is written; never null.
    std::shared_ptr<const incidents::Settings> incidents;

    uint64_t exemplars_max = 100'000;  // storage.exemplars.max_exemplars

    // As /api/v1/status/config shows it: defaults filled in, secrets as <secret>.
    std::string shown_yaml;
    // Likewise of each job, with what it has from `global`: as scrape_pools/config shows it.
    std::map<std::string, std::string, std::less<>> shown_jobs;
    std::vector<ConfigWarning> warnings;  // in the files' order
    std::vector<std::string>
        files;  // all that were read: the file itself, then scrape_config_files
};

struct LoadOptions {
    // Refuses what Prometheus' agent mode refuses: alerting, rule_files, remote_read, and tsdb's
    // storage.
    bool agent_mode = false;
    std::string external_url{};  // for links in notifications
    // Of external_labels. Empty: the process' environment.
    std::function<std::string(std::string_view)> environment{};
};

// Errors: kNotFound and other file errors, kInvalid, kExhausted (over the limits of YAML or of
// RE2).
Result<Config> load_config(fs::FileSystem& files, const std::string& path,
                           const LoadOptions& options = {});

// Likewise from a text that is as if it stood in the file `path`; for tests and for checks of a
// draft.
Result<Config> parse_config(fs::FileSystem& files, std::string_view text, const std::string& path,
                            const LoadOptions& options = {});

// A file that is an HTTP client block alone; paths are below its own folder. Errors: as load_config().
Result<net::HttpClientOptions> load_http_client(fs::FileSystem& files, const std::string& path);
// The same of a text. Errors: kInvalid.
Result<void> check_http_client_text(std::string_view text, const std::string& path);
// tls_config alone.
Result<void> check_tls_config_text(std::string_view text, const std::string& path);
// A document of file_sd_configs as the server will read it: JSON where the name ends so, else YAML.
// Errors: kInvalid, with the place.
Result<std::vector<scrape::TargetGroup>> read_target_groups(std::string_view text,
                                                            const std::string& path);

// The files that a glob names now, sorted. A path without *, ? and [ is itself, when it exists.
Result<std::vector<std::string>> expand_glob(fs::FileSystem& files, const std::string& pattern);

}  // namespace kw::app
