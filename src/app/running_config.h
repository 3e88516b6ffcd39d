// The configuration that acts now, and how it is replaced: a file that does not load changes nothing.
//
// Own metrics, as Prometheus': prometheus_config_last_reload_successful,
// prometheus_config_last_reload_success_timestamp_seconds.
// Threads: all members from any thread; reloads run one after the other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/prometheus_api.h"
#include "app/config/config.h"
#include "base/environment.h"
#include "base/mutex.h"
#include "promql/parser.h"

namespace kw {
class Gauge;
}

namespace kw::app {

class RunningConfig final {
 public:
    using Apply = std::function<void(const Config&)>;

    struct Options {
        std::string path;
        std::string alertmanager_path;  // of a file of its own; empty: `alertmanager:` of the other
        std::string external_url;
        promql::ParseOptions features;  // of the expressions in rules
    };
    // `env` outlives it. Nothing is read before load().
    RunningConfig(Environment& env, Options options);

    // The first time; nothing is applied. Errors: those of load_config() and load_rule_groups().
    Result<void> load() KW_EXCLUDES(reload_mutex_);
    // Hands the loaded configuration over, and its warnings to the log; reload() does nothing before.
    void apply_first(const Apply& apply) KW_EXCLUDES(reload_mutex_);
    // Reads the file again and applies it. Errors: as load(), also in the log; the old one stays.
    Result<void> reload(const Apply& apply) KW_EXCLUDES(reload_mutex_);

    // Of the configuration that was loaded last.
    std::shared_ptr<const alerting::Settings> alertmanager() const;
    std::string shown_yaml() const;
    // Of a scrape job; nothing when there is none of that name.
    std::optional<std::string> shown_job(std::string_view name) const;
    LabelSet external_labels() const;
    uint64_t exemplars_max() const;
    std::vector<api::ConfigWarning> warnings() const;
    // Whether and when the last reload succeeded, and since when the file acts; the other members are the caller's to fill in.
    api::RuntimeInfo runtime_info() const;

 private:
    Result<Config> read() const;
    Result<void> read_alertmanager_file(Config& config) const;
    std::shared_ptr<const Config> current() const KW_EXCLUDES(mutex_);
    void publish(Config config) KW_EXCLUDES(mutex_);
    void note_applying() KW_EXCLUDES(mutex_);
    void log_warnings(const Config& config) const;

    Environment& env_;
    const Options options_;
    Gauge& success_gauge_;
    Gauge& time_gauge_;

    Mutex reload_mutex_;  // held while a file is read and applied
    bool is_applied_ KW_GUARDED_BY(reload_mutex_) = false;

    mutable Mutex mutex_;
    std::shared_ptr<const Config> config_ KW_GUARDED_BY(mutex_);
    bool reload_succeeded_ KW_GUARDED_BY(mutex_) = true;
    Millis failed_at_ KW_GUARDED_BY(mutex_);
    Millis loaded_at_ KW_GUARDED_BY(mutex_);
    Millis applied_at_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::app
