#include "app/serve.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "alerting/alert_table.h"
#include "alerting/alertmanager.h"
#include "alerting/notify_pipeline.h"
#include "alerting/silence_table.h"
#include "api/alertmanager/alertmanager_api.h"
#include "api/audit/audit_api.h"
#include "api/exemplar_api.h"
#include "api/incidents/incidents_api.h"
#include "api/notifications/notifications_api.h"
#include "api/prometheus_api.h"
#include "api/rules/rule_api.h"
#include "app/config/config.h"
#include "app/config/web_config.h"
#include "app/late_store.h"
#include "app/listen_rules.h"
#include "app/remote_collectors.h"
#include "app/rule_alerts.h"
#include "app/running_config.h"
#include "app/signals.h"
#include "app/snapshot.h"
#include "app/version.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/fs/real.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "collect/collector.h"
#include "forward/forwarder.h"
#include "identity/identity_store.h"
#include "incidents/incidents.h"
#include "intake/remote_write.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/router.h"
#include "promql/engine.h"
#include "rules/backfill_jobs.h"
#include "rules/rule_book.h"
#include "rules/rule_manager.h"
#include "scrape/scrape_manager.h"
#include "state/store.h"
#include "tsdb/block_reader.h"
#include "tsdb/database.h"
#include "tsdb/exemplar_buffer.h"
#include "tsdb/wal_replay.h"
#include "web/web_routes.h"

namespace kw::app {
namespace {

size_t pool_size() { return std::max<size_t>(2, std::thread::hardware_concurrency()); }

std::string own_host_name() {
    utsname names{};
    return ::uname(&names) == 0 ? std::string(names.nodename) : std::string();
}

tsdb::Options store_options(const ServeSettings& settings, uint64_t exemplars_max) {
    tsdb::Options options;
    options.path = fs::join(settings.flags.storage_path, "metrics");
    options.retention_ms = settings.retention_ms;
    options.retention_bytes = settings.retention_bytes;
    options.exemplars_max = exemplars_max;
    options.wal_sync = settings.wal_sync_acked ? tsdb::WalSync::kAcked : tsdb::WalSync::kInterval;
    return options;
}

state::Store::Options state_options(const ServeSettings& settings) {
    state::Store::Options options;
    options.directory = fs::join(settings.flags.storage_path, "state");
    return options;
}

promql::EngineOptions engine_options(const ServeSettings& settings) {
    promql::EngineOptions options;
    options.lookback_ms = settings.query_lookback_ms;
    options.timeout_ms = settings.query_timeout_ms;
    options.max_samples = settings.flags.query_max_samples;
    options.max_concurrency = settings.flags.query_max_concurrency;
    for (const std::string& feature : settings.flags.enable_features) {
        if (feature == "promql-experimental-functions")
            options.features.experimental_functions = true;
        if (feature == "promql-duration-expr") options.features.duration_expressions = true;
        if (feature == "promql-extended-range-selectors")
            options.features.extended_range_selectors = true;
        if (feature == "promql-binop-fill-modifiers") options.features.fill_modifiers = true;
        if (feature == "promql-delayed-name-removal") options.delayed_name_removal = true;
    }
    return options;
}

net::HttpServer::Options http_options(const ServeSettings& settings, net::WebOptions web,
                                      const ExternalUrl& external) {
    net::HttpServer::Options options;
    options.listen_addresses = settings.flags.listen_addresses;
    options.path_prefix = external.path;
    if (!external.host.empty()) {
        options.allowed_hosts = {external.host};
        options.allowed_origins = {external.origin};
    }
    options.web = std::move(web);
    options.connections_max = settings.flags.connections_max;
    options.idle_timeout = std::chrono::milliseconds(settings.read_timeout_ms);
    // As many handlers as queries may run, and some for what answers at once.
    options.handler_threads = settings.flags.query_max_concurrency + 12;
    return options;
}

rules::ManagerOptions rule_options(const ServeSettings& settings) {
    rules::ManagerOptions options;
    options.concurrency = settings.flags.rules_max_concurrency;
    options.outage_tolerance_ms = settings.rules_outage_tolerance_ms;
    options.grace_period_ms = settings.rules_grace_period_ms;
    options.resend_delay_ms = settings.rules_resend_delay_ms;
    return options;
}

forward::Forwarder::Options forward_options(const ServeSettings& settings) {
    forward::Forwarder::Options options;
    options.queue_capacity = settings.flags.notification_queue_capacity;
    options.drains_at_stop = settings.flags.drains_notification_queue;
    return options;
}

// What links to this server begin with.
std::string own_url(const ServeSettings& settings) {
    if (!settings.flags.external_url.empty()) return settings.flags.external_url;
    return "http://" + settings.flags.listen_addresses.front();
}

rules::RuleSet rule_set(const Config& config, const ServeSettings& settings) {
    rules::RuleSet set;
    set.groups = config.rule_groups;
    set.defaults = {config.evaluation_interval_ms, config.rule_query_offset_ms, config.on_no_data};
    set.external_labels = config.external_labels;
    set.external_url = own_url(settings);
    return set;
}

api::BuildInfo api_build_info() {
    const BuildInfo& build = build_info();
    api::BuildInfo info;
    info.version = build.version;
    info.revision = build.revision;
    info.compiler = build.compiler;
    return info;
}

api::PrometheusApi::Options api_options(const ServeSettings& settings) {
    api::PrometheusApi::Options options;
    options.enable_lifecycle = settings.flags.enable_lifecycle;
    options.enable_admin_api = settings.flags.enable_admin_api;
    options.external_url = settings.flags.external_url;
    return options;
}

api::RuntimeInfo runtime_info(const ServeSettings& settings, const RunningConfig& running,
                              Millis started) {
    api::RuntimeInfo info = running.runtime_info();
    info.start_time = started;
    info.hostname = own_host_name();
    std::error_code ignored;
    info.working_directory = std::filesystem::current_path(ignored).string();
    info.cpu_count = std::thread::hardware_concurrency();
    for (std::filesystem::directory_iterator task("/proc/self/task", ignored), end; task != end;
         task.increment(ignored)) {
        ++info.thread_count;
    }
    info.storage_retention = retention_text(settings);
    return info;
}

api::WalReplay replay_status(const tsdb::WalReplayProgress& progress) {
    return {static_cast<int64_t>(progress.min), static_cast<int64_t>(progress.max),
            static_cast<int64_t>(progress.current)};
}

std::vector<api::BlockInfo> block_infos(const tsdb::Database& database) {
    std::vector<api::BlockInfo> infos;
    const auto blocks = database.blocks();
    for (const auto& block : *blocks) {
        const tsdb::BlockMeta& meta = block->meta();
        infos.push_back({meta.name, meta.range, meta.sample_count, meta.series_count,
                         meta.chunk_count, meta.level, meta.sources});
    }
    return infos;
}

}  // namespace

Result<void> serve(const ServeSettings& settings, const Signals& signals) {
    const Log log(settings.log_level, settings.log_format);
    RealClock clock;
    fs::RealFileSystem files;
    MetricRegistry metrics;
    ThreadPool pool("kw-pool", pool_size());
    Environment env{clock, files, log, metrics, pool};

    // What is wrong in the files is said before anything is opened.
    KW_TRY_ASSIGN(const ExternalUrl external, parse_external_url(settings.flags.external_url));
    net::WebOptions web;
    if (!settings.flags.web_config_file.empty()) {
        KW_TRY_ASSIGN(web, load_web_config(files, settings.flags.web_config_file));
    }
    KW_TRY(check_listen_addresses(settings.flags.listen_addresses, web));
    promql::EngineOptions query_options = engine_options(settings);
    RunningConfig running(env, {.path = settings.flags.config_file,
                                .alertmanager_path = settings.flags.alertmanager_config_file,
                                .external_url = own_url(settings),
                                .features = query_options.features});
    KW_TRY(running.load());

    // store
    KW_TRY(files.create_directories(settings.flags.storage_path));
    KW_TRY(remove_unfinished_snapshots(files, settings.flags.storage_path));
    std::unique_ptr<tsdb::Database> database;  // opened below
    LateStore store;
    LateExemplars exemplars;
    KW_TRY_ASSIGN(const std::unique_ptr<state::Store> state,
                  state::Store::open(env, state_options(settings)));
    tsdb::WalReplayProgress replay;

    // receive
    intake::RemoteWriteIntake remote_write(env, store, {}, &exemplars);
    net::HttpClient fetcher(env, {});
    collect::HostCollectors host(clock, {});
    collect::SelfCollectors self(clock, {});
    RemoteCollectors remote_collectors(env, fetcher);
    const bool accepts_zstd = std::ranges::count(settings.flags.enable_features, "zstd-scrape") > 0;
    scrape::ScrapeManager scraper(env, store, fetcher, true, accepts_zstd, &exemplars);

    // query
    identity::IdentityStore known_store(store);
    query_options.has_aliases = [&known_store](std::string_view label) {
        return known_store.has_aliases(label);
    };
    promql::Engine engine(env, known_store, query_options);

    // act
    KW_TRY_ASSIGN(const std::unique_ptr<alerting::SilenceTable> silence_table,
                  alerting::SilenceTable::open(*state, clock));
    KW_TRY_ASSIGN(const std::unique_ptr<alerting::NotifyPipeline> notifications,
                  alerting::NotifyPipeline::open(env, fetcher, *state, {}));
    KW_TRY_ASSIGN(const std::unique_ptr<alerting::AlertTable> alert_table,
                  alerting::AlertTable::open(*state));
    alerting::Alertmanager alertmanager(env, *notifications, silence_table.get(), {},
                                        alert_table.get());
    KW_TRY(alertmanager.silences().load());
    KW_TRY(alertmanager.load(running.alertmanager()->resolve_timeout_ms));
    // Others may send their alerts from the first moment on.
    alertmanager.apply(running.alertmanager());
    forward::Forwarder forwarder(env, fetcher, forward_options(settings));
    RuleAlerts rule_alerts(alertmanager, forwarder);

    KW_TRY_ASSIGN(const std::unique_ptr<incidents::Incidents> incidents,
                  incidents::Incidents::open(env, *state, alertmanager, engine, {}));

    // evaluate
    rules::RuleManager rule_manager(env, engine, store, &rule_alerts, rule_options(settings));
    const rules::ReadOptions rule_reading{.features = query_options.features};
    KW_TRY_ASSIGN(const std::unique_ptr<rules::RuleBook> rule_book,
                  rules::RuleBook::open(env, *state, rule_manager, rule_reading));
    KW_TRY_ASSIGN(const std::unique_ptr<rules::BackfillJobs> backfills,
                  rules::BackfillJobs::open(env, *state, engine, store, rule_reading));

    const auto apply = [&](const Config& config) {
        std::vector<scrape::CollectorJob> collectors;
        if (config.host.enabled) {
            collectors.push_back({.options = config.host.job,
                                  .address = "localhost",
                                  .labels = config.host.labels,
                                  .collect = [&](std::string& out) { host.collect(out); }});
        }
        if (config.process.enabled) {
            collectors.push_back({.options = config.process.job,
                                  .address = "localhost",
                                  .labels = config.process.labels,
                                  .collect = [&](std::string& out) {
                                      metrics.render(out);
                                      self.collect(out);
                                      rule_manager.render_metrics(out);
                                  }});
        }
        for (scrape::CollectorJob& job : remote_collectors.apply(config.remote_collectors)) {
            collectors.push_back(std::move(job));
        }
        scraper.apply(config.jobs, std::move(collectors));
        remote_collectors.end_unused();
        known_store.set(config.aliases);
        database->exemplars().resize(config.exemplars_max);
        alertmanager.apply(config.alertmanager);
        incidents->apply(config.incidents);
        forwarder.apply(config.alertmanagers);
        rule_alerts.apply({config.external_labels, config.alert_relabel, own_url(settings)});
        rule_manager.apply(rule_set(config, settings));
    };

    // present
    net::Router routes;
    const Millis started = clock.now();
    api::add_prometheus_routes(
        routes,
        {.env = env,
         .store = known_store,
         .engine = engine,
         .options = api_options(settings),
         .targets = api::target_reader(scraper),
         .rule_groups = [&] { return rule_manager.groups(); },
         .alertmanagers =
             [&] {
                 forward::Endpoints found = forwarder.alertmanagers();
                 return api::KnownAlertmanagers{std::move(found.active), std::move(found.dropped)};
             },
         .is_ready = [&] { return store.is_set(); },
         .store_is_writable = [&] { return store.is_writable(); },
         .config_yaml = [&] { return running.shown_yaml(); },
         .pool_yaml = [&](std::string_view pool) { return running.shown_job(pool); },
         .flags = flag_values(settings.flags),
         .build = api_build_info(),
         .runtime = [&] { return runtime_info(settings, running, started); },
         .wal_replay = [&] { return replay_status(replay); },
         .config_warnings = [&] { return running.warnings(); },
         .blocks = [&] { return block_infos(*database); },
         .external_labels = [&] { return running.external_labels(); },
         .further_metrics =
             [&](std::string& out) {
                 self.collect(out);
                 rule_manager.render_metrics(out);
             },
         .write =
             [&](std::string_view body) {
                 const intake::RemoteWriteIntake::Answer answer = remote_write.write(body);
                 return api::WriteAnswer{answer.status, answer.message};
             },
         .reload = [&] { return running.reload(apply); },
         .quit = [&] { signals.request_stop(); },
         .delete_series =
             [&](const std::vector<Matcher>& matchers, const TimeRange& range) {
                 return database->delete_series(matchers, range);
             },
         // Deleting leaves none.
         .clean_tombstones = [] { return Result<void>(); },
         .snapshot =
             [&](bool skip_head) {
                 return make_snapshot(
                     env, settings.flags.storage_path, [&](const fs::Path& directory) {
                         return database->snapshot(fs::join(directory, "metrics"), !skip_head);
                     });
             }});
    api::add_exemplar_routes(routes,
                             {exemplars, query_options.features, [&] { return store.is_set(); }});
    api::add_alertmanager_routes(routes, {clock, alertmanager, api_build_info(), started});
    api::add_audit_routes(routes, *state);
    api::add_rule_routes(routes, {env, rule_manager, *rule_book, *backfills, rule_reading,
                                  [&] { return store.is_set(); }});
    api::add_incidents_routes(routes,
                              {clock, *incidents, engine, [&] { return rule_manager.groups(); }});
    api::add_notification_routes(
        routes, {clock, alertmanager, *notifications, [&] { return rule_manager.groups(); },
                 [&](const LabelSet& labels) { return rule_alerts.outgoing_labels(labels); }});
    web::add_web_routes(routes, {external.path, settings.flags.page_title});

    KW_TRY_ASSIGN(const std::unique_ptr<net::HttpServer> http,
                  net::HttpServer::start(env, routes, http_options(settings, web, external)));
    for (const std::string& address : http->addresses())
        log.info("listening", {{"address", address}});

    // The API answers 503 until the log is replayed.
    const int64_t opening_ns = clock.steady_ns();
    KW_TRY_ASSIGN(database, tsdb::Database::open(
                                env, store_options(settings, running.exemplars_max()), &replay));
    exemplars.set(database->exemplars());
    store.set(*database, [&] { return database->is_writable(); });
    running.apply_first(apply);
    alertmanager.start();
    backfills->start();
    incidents->start();
    log.info("ready",
             {{"replay_seconds",
               fmt::format("{:.3f}", static_cast<double>(clock.steady_ns() - opening_ns) / 1e9)}});

    while (signals.wait() == SignalEvent::kReload) {
        // A failure is logged, and shown by the API and the metrics.
        (void)running.reload(apply);
    }
    log.info("stopping");
    http->stop();
    backfills->stop();
    rule_manager.stop();
    incidents->stop();
    forwarder.stop();
    alertmanager.stop();
    notifications->stop();  // before whom it answers to is gone
    scraper.stop();
    return database->flush();
}

}  // namespace kw::app
