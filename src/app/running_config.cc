#include "app/running_config.h"

#include "app/config/alertmanager/alertmanager_config.h"
#include "app/config/rule_groups.h"
#include "base/clock.h"
#include "base/fs/file_system.h"
#include "base/log.h"
#include "base/metrics.h"

namespace kw::app {

RunningConfig::RunningConfig(Environment& env, Options options)
    : env_(env),
      options_(std::move(options)),
      success_gauge_(
          env.metrics.gauge("prometheus_config_last_reload_successful",
                            "Whether the last configuration reload attempt was successful.")),
      time_gauge_(env.metrics.gauge("prometheus_config_last_reload_success_timestamp_seconds",
                                    "Timestamp of the last successful configuration reload.")) {}

Result<Config> RunningConfig::read() const {
    LoadOptions load;
    load.external_url = options_.external_url;
    KW_TRY_ASSIGN(Config config, load_config(env_.files, options_.path, load));
    KW_TRY(load_rule_groups(env_.files, config, options_.features));
    KW_TRY(read_alertmanager_file(config));
    return config;
}

// After it there is always something that holds for alerts.
Result<void> RunningConfig::read_alertmanager_file(Config& config) const {
    const std::string& path = options_.alertmanager_path;
    if (path.empty()) {
        if (config.alertmanager == nullptr) {
            config.alertmanager = default_alertmanager(options_.external_url).settings;
            return add_notifications(config);
        }
        return {};
    }
    if (config.alertmanager != nullptr) {
        return invalid("{}: alertmanager: is also in {} of --alertmanager.config.file; remove one",
                       options_.path, path);
    }
    KW_TRY_ASSIGN(AlertmanagerConfig read,
                  load_alertmanager(env_.files, path, options_.external_url));
    config.alertmanager = std::move(read.settings);
    for (ConfigWarning& warning : read.warnings) config.warnings.push_back(std::move(warning));
    return add_notifications(config);
}

Result<void> RunningConfig::load() {
    MutexLock one_at_a_time(reload_mutex_);
    KW_TRY_ASSIGN(Config config, read());
    publish(std::move(config));
    return {};
}

void RunningConfig::apply_first(const Apply& apply) {
    MutexLock one_at_a_time(reload_mutex_);
    const std::shared_ptr<const Config> config = current();
    log_warnings(*config);
    note_applying();
    apply(*config);
    is_applied_ = true;
}

Result<void> RunningConfig::reload(const Apply& apply) {
    MutexLock one_at_a_time(reload_mutex_);
    if (!is_applied_) return unavailable("starting: the write-ahead log is being replayed");
    Result<Config> config = read();
    if (!config.ok()) {
        env_.log.error("configuration not reloaded, the old one stays",
                       {{"err", config.error().message}});
        success_gauge_.set(0);
        MutexLock lock(mutex_);
        reload_succeeded_ = false;
        failed_at_ = env_.clock.now();
        return std::move(config).error();
    }
    log_warnings(*config);
    publish(std::move(config).value());
    note_applying();
    apply(*current());
    env_.log.info("configuration reloaded", {{"file", options_.path}});
    return {};
}

std::shared_ptr<const Config> RunningConfig::current() const {
    MutexLock lock(mutex_);
    return config_;
}

void RunningConfig::publish(Config config) {
    const Millis now = env_.clock.now();
    success_gauge_.set(1);
    time_gauge_.set(static_cast<double>(now.count) / 1000);
    MutexLock lock(mutex_);
    config_ = std::make_shared<const Config>(std::move(config));
    reload_succeeded_ = true;
    loaded_at_ = now;
}

void RunningConfig::note_applying() {
    const Millis now = env_.clock.now();
    MutexLock lock(mutex_);
    applied_at_ = now;
}

void RunningConfig::log_warnings(const Config& config) const {
    for (const ConfigWarning& warning : config.warnings) {
        env_.log.warn("configuration", {{"file", warning.file},
                                        {"line", std::to_string(warning.line)},
                                        {"key", warning.key},
                                        {"warning", warning.message}});
    }
}

std::shared_ptr<const alerting::Settings> RunningConfig::alertmanager() const {
    return current()->alertmanager;
}

std::string RunningConfig::shown_yaml() const { return current()->shown_yaml; }

std::optional<std::string> RunningConfig::shown_job(std::string_view name) const {
    const std::shared_ptr<const Config> config = current();
    const auto found = config->shown_jobs.find(name);
    if (found == config->shown_jobs.end()) return std::nullopt;
    return found->second;
}

LabelSet RunningConfig::external_labels() const { return current()->external_labels; }

uint64_t RunningConfig::exemplars_max() const { return current()->exemplars_max; }

std::vector<api::ConfigWarning> RunningConfig::warnings() const {
    std::vector<api::ConfigWarning> warnings;
    for (const ConfigWarning& warning : current()->warnings) {
        warnings.push_back({warning.file, warning.line, warning.key, warning.message});
    }
    return warnings;
}

api::RuntimeInfo RunningConfig::runtime_info() const {
    MutexLock lock(mutex_);
    api::RuntimeInfo info;
    info.reload_succeeded = reload_succeeded_;
    info.reload_failed_time = failed_at_;
    info.last_config_time = loaded_at_;
    info.acting_since = applied_at_;
    return info;
}

}  // namespace kw::app
