#include "app/serve_flags.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <iterator>

#include "model/sample.h"

namespace kw::app {
namespace {

Result<int64_t> duration_of(std::string_view flag, std::string_view text, bool zero_allowed) {
    Result<int64_t> duration_ms = parse_duration_ms(text);
    if (!duration_ms.ok()) {
        return std::move(duration_ms).with_context(fmt::format("--{}", flag));
    }
    if (*duration_ms == 0 && !zero_allowed) return invalid("--{}: must be longer than 0", flag);
    return duration_ms;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) {
        if (!out.empty()) out += ',';
        out += text;
    }
    return out;
}

}  // namespace

void add_serve_flags(CLI::App& command, ServeFlags& flags) {
    command.get_formatter()->column_width(44);
    command
        .add_option("--config.file", flags.config_file,
                    "Configuration, in the form of prometheus.yml")
        ->capture_default_str();
    command
        .add_option("--storage.path", flags.storage_path, "Folder of all data; made when absent")
        ->capture_default_str();
    command
        .add_option(
            "--storage.wal.sync", flags.wal_sync,
            "acked: a push is acknowledged after its flush to disk; interval: after the write, "
            "flushed within 100 ms")
        ->check(CLI::IsMember({"acked", "interval"}))
        ->capture_default_str();
    command.add_option(
        "--alertmanager.config.file", flags.alertmanager_config_file,
        "Routes, receivers and the like of alerts, in Alertmanager's format; without "
        "it `alertmanager:` in the configuration file counts");
    command
        .add_option("--storage.tsdb.retention.time", flags.retention_time,
                    "How long samples are kept (15d, 1y; 0: without limit)")
        ->capture_default_str();
    command
        .add_option("--storage.tsdb.retention.size", flags.retention_size,
                    "The most that stored samples may take (512MB, 10GB; 0: without limit)")
        ->capture_default_str();
    command
        .add_option("--web.listen-address", flags.listen_addresses,
                    "host:port to listen on, repeatable; other than loopback only with TLS and "
                    "authentication in --web.config.file")
        ->capture_default_str();
    command.add_option(
        "--web.external-url", flags.external_url,
        "The URL under which users reach the server, with a path when behind a proxy");
    command.add_option("--web.config.file", flags.web_config_file,
                       "TLS and basic authentication, in Prometheus' format");
    command.add_option("--web.page-title", flags.page_title, "Title of the web UI")
        ->capture_default_str();
    command.add_flag("--web.enable-lifecycle", flags.enable_lifecycle,
                     "Allow POST to /-/reload and /-/quit");
    command.add_flag("--web.enable-admin-api", flags.enable_admin_api,
                     "Allow deleting series and taking snapshots over the API");
    command
        .add_option("--web.max-connections", flags.connections_max,
                    "The most connections at a time")
        ->check(CLI::Range(1u, 1'000'000u))
        ->capture_default_str();
    command
        .add_option("--web.read-timeout", flags.read_timeout,
                    "How long an idle connection is kept, and a request may take to arrive")
        ->capture_default_str();
    command.add_option("--query.timeout", flags.query_timeout, "The longest that a query may run")
        ->capture_default_str();
    command
        .add_option("--query.max-samples", flags.query_max_samples,
                    "The most samples that a query may hold in memory")
        ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40))
        ->capture_default_str();
    command
        .add_option("--query.max-concurrency", flags.query_max_concurrency,
                    "The most queries that run at a time; others wait")
        ->check(CLI::Range(1u, 10'000u))
        ->capture_default_str();
    command
        .add_option("--query.lookback-delta", flags.query_lookback_delta,
                    "How far back an instant selector looks for a sample")
        ->capture_default_str();
    command
        .add_option("--enable-feature", flags.enable_features,
                    "promql-experimental-functions, promql-delayed-name-removal, "
                    "promql-duration-expr, promql-extended-range-selectors, "
                    "promql-binop-fill-modifiers, zstd-scrape, exemplar-storage (always on); "
                    "repeatable, comma-separated")
        ->delimiter(',')
        ->check(CLI::IsMember({"promql-experimental-functions", "promql-delayed-name-removal",
                               "promql-duration-expr", "promql-extended-range-selectors",
                               "promql-binop-fill-modifiers", "zstd-scrape", "exemplar-storage"}));
    command
        .add_option("--rules.alert.for-outage-tolerance", flags.rules_outage_tolerance,
                    "The longest outage after which the `for` state of alerts is restored")
        ->capture_default_str();
    command
        .add_option(
            "--rules.alert.for-grace-period", flags.rules_grace_period,
            "The least time between a restart and a restored alert's firing; state is kept only "
            "of alerts whose `for` is longer")
        ->capture_default_str();
    command
        .add_option("--rules.alert.resend-delay", flags.rules_resend_delay,
                    "The least time between two messages of one alert")
        ->capture_default_str();
    command
        .add_option("--rules.max-concurrent-evals", flags.rules_max_concurrency,
                    "The most rules that are evaluated at a time")
        ->check(CLI::Range(1u, 1'000u))
        ->capture_default_str();
    command
        .add_option("--alerting.notification-queue-capacity", flags.notification_queue_capacity,
                    "The most alerts that wait for each other Alertmanager; past it the oldest go")
        ->check(CLI::Range(uint64_t{1}, uint64_t{10'000'000}))
        ->capture_default_str();
    command
        .add_flag(
            "--alerting.drain-notification-queue-on-shutdown,"
            "!--no-alerting.drain-notification-queue-on-shutdown",
            flags.drains_notification_queue,
            "Send what waits for other Alertmanagers before the end, for 10 s at most")
        ->default_str("true");
    command.add_option("--log.level", flags.log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
        ->capture_default_str();
    command.add_option("--log.format", flags.log_format, "logfmt or json")
        ->check(CLI::IsMember({"logfmt", "json"}))
        ->capture_default_str();
}

Result<uint64_t> parse_size_bytes(std::string_view text) {
    static constexpr std::string_view kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    if (error != std::errc()) return invalid("'{}' is not a size, want one like 512MB", text);
    if (unit.empty() && count == 0) return uint64_t{0};
    for (size_t i = 0; i < std::size(kUnits); ++i) {
        if (unit != kUnits[i]) continue;
        const uint64_t factor = uint64_t{1} << (10 * i);
        if (count > UINT64_MAX / factor) return invalid("'{}' is too large", text);
        return count * factor;
    }
    return invalid("'{}' is not a size: its unit must be one of B, KB, MB, GB, TB, PB, EB", text);
}

Result<ServeSettings> check_serve_flags(const ServeFlags& flags) {
    ServeSettings settings;
    settings.flags = flags;
    KW_TRY_ASSIGN(settings.retention_ms,
                  duration_of("storage.tsdb.retention.time", flags.retention_time, true));
    Result<uint64_t> size = parse_size_bytes(flags.retention_size);
    if (!size.ok()) return std::move(size).error().with_context("--storage.tsdb.retention.size");
    settings.retention_bytes = *size;
    KW_TRY_ASSIGN(settings.read_timeout_ms,
                  duration_of("web.read-timeout", flags.read_timeout, false));
    KW_TRY_ASSIGN(settings.query_timeout_ms,
                  duration_of("query.timeout", flags.query_timeout, false));
    KW_TRY_ASSIGN(settings.query_lookback_ms,
                  duration_of("query.lookback-delta", flags.query_lookback_delta, false));
    KW_TRY_ASSIGN(
        settings.rules_outage_tolerance_ms,
        duration_of("rules.alert.for-outage-tolerance", flags.rules_outage_tolerance, true));
    KW_TRY_ASSIGN(settings.rules_grace_period_ms,
                  duration_of("rules.alert.for-grace-period", flags.rules_grace_period, true));
    KW_TRY_ASSIGN(settings.rules_resend_delay_ms,
                  duration_of("rules.alert.resend-delay", flags.rules_resend_delay, true));
    if (flags.wal_sync != "acked" && flags.wal_sync != "interval") {
        return invalid("--storage.wal.sync: '{}', want acked or interval", flags.wal_sync);
    }
    settings.wal_sync_acked = flags.wal_sync == "acked";
    KW_TRY_ASSIGN(settings.log_level, parse_log_level(flags.log_level));
    KW_TRY_ASSIGN(settings.log_format, parse_log_format(flags.log_format));
    if (flags.storage_path.empty()) return invalid("--storage.path: must not be empty");
    if (!flags.external_url.empty() && !flags.external_url.starts_with("http://") &&
        !flags.external_url.starts_with("https://")) {
        return invalid("--web.external-url: '{}', want http://host/path or https://host/path",
                       flags.external_url);
    }
    return settings;
}

std::map<std::string, std::string> flag_values(const ServeFlags& flags) {
    const auto truth = [](bool value) { return std::string(value ? "true" : "false"); };
    return {
        {"config.file", flags.config_file},
        {"alertmanager.config.file", flags.alertmanager_config_file},
        {"storage.path", flags.storage_path},
        {"storage.wal.sync", flags.wal_sync},
        {"storage.tsdb.retention.time", flags.retention_time},
        {"storage.tsdb.retention.size", flags.retention_size},
        {"web.listen-address", joined(flags.listen_addresses)},
        {"web.external-url", flags.external_url},
        {"web.config.file", flags.web_config_file},
        {"web.page-title", flags.page_title},
        {"web.enable-lifecycle", truth(flags.enable_lifecycle)},
        {"web.enable-admin-api", truth(flags.enable_admin_api)},
        {"web.max-connections", std::to_string(flags.connections_max)},
        {"web.read-timeout", flags.read_timeout},
        {"query.timeout", flags.query_timeout},
        {"query.max-samples", std::to_string(flags.query_max_samples)},
        {"query.max-concurrency", std::to_string(flags.query_max_concurrency)},
        {"query.lookback-delta", flags.query_lookback_delta},
        {"enable-feature", joined(flags.enable_features)},
        {"rules.alert.for-outage-tolerance", flags.rules_outage_tolerance},
        {"rules.alert.for-grace-period", flags.rules_grace_period},
        {"rules.alert.resend-delay", flags.rules_resend_delay},
        {"rules.max-concurrent-evals", std::to_string(flags.rules_max_concurrency)},
        {"alerting.notification-queue-capacity", std::to_string(flags.notification_queue_capacity)},
        {"alerting.drain-notification-queue-on-shutdown", truth(flags.drains_notification_queue)},
        {"log.level", flags.log_level},
        {"log.format", flags.log_format},
    };
}

}  // namespace kw::app
