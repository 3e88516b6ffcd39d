#include "app/config/collectors.h"

#include <algorithm>
#include <utility>

#include "app/config/convert.h"
#include "model/sample.h"
#include "net/url.h"

namespace kw::app {
namespace {

constexpr std::string_view kHostJob = "host";
constexpr std::string_view kProcessJob = "kilowatch";
constexpr std::string_view kRedisPort = "6379";
constexpr std::string_view kDnsPort = "53";
constexpr std::string_view kNodeExporterPort = "9100";

// The first of the blocks that says how long, from the innermost outwards; 0 when none does.
int64_t first_duration(std::initializer_list<const Section*> blocks, std::string_view key) {
    for (const Section* const block : blocks) {
        if (block->integer(key) > 0) return block->integer(key);
    }
    return 0;
}

class CollectorsReader {
 public:
    CollectorsReader(const Section& collectors, const Section& global, const std::string& directory,
                     const std::optional<JobOfOwn>& node_exporter, JobPlaces& places,
                     Config& config)
        : node_exporter_(node_exporter),
          collectors_(collectors),
          global_(global),
          directory_(directory),
          places_(places),
          config_(config) {}

    Result<void> read() {
        KW_TRY_ASSIGN(config_.host, local("host", kHostJob));
        if (config_.host.enabled && node_exporter_ &&
            !collectors_.section("host")->is_written("enabled")) {
            config_.host.enabled = false;
            config_.warnings.push_back(
                {node_exporter_->file, node_exporter_->line, "collectors.host",
                 fmt::format("gives way to job {}, which scrapes the node_exporter of this machine "
                             "at {}; write enabled: true to have both, or false to be silent",
                             kw::quoted(node_exporter_->job_name), node_exporter_->target)});
        }
        KW_TRY_ASSIGN(config_.process, local("process", kProcessJob));
        for (const Section& section : collectors_.sections("postgres"))
            KW_TRY(add_postgres(section));
        for (const Section& section : collectors_.sections("redis")) KW_TRY(add_redis(section));
        for (const Section& section : collectors_.sections("health")) KW_TRY(add_health(section));
        for (const Section& section : collectors_.sections("probes")) KW_TRY(add_probe(section));
        if (config_.remote_collectors.size() > collect::kRemoteCollectorsMax) {
            return collectors_.error("", "names {} servers; the most are {}",
                                     config_.remote_collectors.size(),
                                     collect::kRemoteCollectorsMax);
        }
        return {};
    }

 private:
    Result<CollectorOptions> local(std::string_view key, std::string_view job_name) {
        const Section& section = *collectors_.section(key);
        CollectorOptions options;
        options.enabled = section.flag("enabled");
        if (!options.enabled) return options;
        if (const auto taken = places_.find(job_name); taken != places_.end()) {
            return invalid(
                "{}: job_name: {} is the job of the built-in collector; choose another or set "
                "collectors.{}.enabled: false",
                taken->second, job_name, key);
        }
        KW_TRY_ASSIGN(options.job, job_of(section));
        options.job.job_name = std::string(job_name);
        options.labels = labels_of(section).build();
        return options;
    }

    // Interval, time-out and relabelling.
    Result<scrape::JobOptions> job_of(const Section& section) {
        scrape::JobOptions job;
        job.interval_ms = first_duration({&section, &collectors_, &global_}, "scrape_interval");
        const int64_t own_timeout = first_duration({&section, &collectors_}, "scrape_timeout");
        if (own_timeout > job.interval_ms) {
            const Section& place = section.integer("scrape_timeout") > 0 ? section : collectors_;
            return place.error("scrape_timeout", "is longer than the interval {}; lower it",
                               format_duration_ms(job.interval_ms));
        }
        job.timeout_ms = own_timeout > 0
                             ? own_timeout
                             : std::min(global_.integer("scrape_timeout"), job.interval_ms);
        const bool legacy = global_.text("metric_name_validation_scheme") == "legacy";
        job.name_validation = legacy ? NameScheme::kLegacy : NameScheme::kUtf8;
        KW_TRY_ASSIGN(
            job.metric_relabel,
            to_relabel_rules(section.sections("metric_relabel_configs"), job.name_validation));
        return job;
    }

    collect::SecretSource secret_of(const Section& section) const {
        return {.file = resolved_path(directory_, section.text("password_file")),
                .variable = section.text("password_env")};
    }

    static LabelBuilder labels_of(const Section& section) {
        LabelBuilder labels;
        for (const auto& [name, values] : section.map("labels")) labels.set(name, values.front());
        return labels;
    }

    // A collector of another server: `instance` unless the section names one. Its pool is "job/instance".
    Result<void> add(const Section& section, std::string instance, RemoteSourceOptions source) {
        const std::string job_label = section.has("job")
                                          ? section.text("job")
                                          : fmt::format("probe-{}", section.text("kind"));
        if (section.has("instance")) instance = section.text("instance");
        RemoteCollectorOptions options;
        KW_TRY_ASSIGN(options.job, job_of(section));
        options.job.job_name = fmt::format("{}/{}", job_label, instance);
        const std::string place = fmt::format("{}:{}", section.file(), section.line());
        const auto [at, is_new] = places_.try_emplace(options.job.job_name, place);
        if (!is_new) {
            return section.error("", "is {} of job {} as at {}; give one of them another instance",
                                 kw::quoted(instance), kw::quoted(job_label), at->second);
        }
        options.address = instance;
        // An address has no path; the label keeps it.
        std::replace(options.address.begin(), options.address.end(), '/', '_');
        options.labels = labels_of(section).set("job", job_label).set("instance", instance).build();
        options.source = std::move(source);
        config_.remote_collectors.push_back(std::move(options));
        return {};
    }

    Result<void> add_postgres(const Section& section) {
        // The schema has looked at it.
        KW_TRY_ASSIGN(const collect::PostgresAddress address,
                      collect::parse_postgres_dsn(section.text("dsn")));
        return add(section, fmt::format("{}:{}", address.host, address.port),
                   collect::PostgresOptions{
                       .dsn = section.text("dsn"),
                       .password = secret_of(section),
                       .statements_max = section.count("statements_max"),
                       .statement_text = section.flag("statement_text"),
                   });
    }

    Result<void> add_redis(const Section& section) {
        collect::RedisOptions options;
        KW_TRY_ASSIGN(options.server, redis_server_of(section, section.text("address")));
        for (const std::string& keys : section.texts("count_keys")) {
            options.count_keys.push_back(collect::parse_redis_keys(keys).value());
        }
        for (const std::string& keys : section.texts("check_keys")) {
            options.check_keys.push_back(collect::parse_redis_keys(keys).value());
        }
        const collect::HostPort& where = options.server.where;
        return add(section, fmt::format("{}:{}", where.host, where.port), std::move(options));
    }

    Result<collect::RedisServer> redis_server_of(const Section& section,
                                                 std::string_view address) const {
        collect::RedisServer server;
        KW_TRY_ASSIGN(server.where, collect::parse_host_port(address, kRedisPort));
        if (const Section* const tls = section.section("tls_config"); tls != nullptr) {
            server.tls = to_tls_client(*tls, directory_);
        }
        server.username = section.text("username");
        server.password = secret_of(section);
        return server;
    }

    Result<void> add_health(const Section& section) {
        collect::HealthOptions options{.service = section.text("service"),
                                       .url = section.text("url")};
        KW_TRY_ASSIGN(options.client, to_http_client(section, directory_));
        KW_TRY_ASSIGN(const net::Url url, net::parse_url(options.url));
        return add(section, fmt::format("{}:{}", url.host, url.port), std::move(options));
    }

    Result<void> add_probe(const Section& section) {
        collect::ProbeOptions options{.service = section.text("service"),
                                      .component = section.text("component")};
        const std::string& kind = section.text("kind");
        std::string instance = section.text("target");
        if (kind == "http") {
            KW_TRY_ASSIGN(options.what, http_probe_of(section));
        } else if (kind == "tcp" || kind == "tls") {
            collect::TcpProbe probe;
            KW_TRY_ASSIGN(probe.where, collect::parse_host_port(instance));
            if (const Section* const tls = section.section("tls_config"); tls != nullptr) {
                probe.tls = to_tls_client(*tls, directory_);
            } else if (kind == "tls") {
                probe.tls = net::TlsClientOptions();
            }
            options.what = std::move(probe);
        } else if (kind == "dns") {
            collect::DnsProbe probe{.name = section.text("query_name")};
            if (section.has("query_type")) {
                probe.type = collect::parse_dns_type(section.text("query_type")).value();
            }
            KW_TRY_ASSIGN(probe.server, collect::parse_host_port(instance, kDnsPort));
            options.what = std::move(probe);
        } else if (kind == "postgres") {
            KW_TRY_ASSIGN(const collect::PostgresAddress address,
                          collect::parse_postgres_dsn(instance));
            options.what = collect::PostgresProbe{.dsn = instance, .password = secret_of(section)};
            instance = fmt::format("{}:{}", address.host, address.port);
        } else {
            collect::RedisProbe probe;
            KW_TRY_ASSIGN(probe.server, redis_server_of(section, instance));
            options.what = std::move(probe);
        }
        return add(section, std::move(instance), std::move(options));
    }

    Result<collect::HttpProbe> http_probe_of(const Section& section) const {
        collect::HttpProbe probe{.url = section.text("target")};
        if (section.has("method")) probe.method = section.text("method");
        KW_TRY_ASSIGN(probe.client, to_http_client(section, directory_));
        for (const std::string& code : section.texts("valid_status_codes"))
            probe.statuses.push_back(std::stoi(code));
        probe.wanted = section.texts("fail_if_body_not_matches_regexp");
        probe.not_wanted = section.texts("fail_if_body_matches_regexp");
        return probe;
    }

    const std::optional<JobOfOwn>& node_exporter_;
    const Section& collectors_;
    const Section& global_;
    const std::string& directory_;
    JobPlaces& places_;
    Config& config_;
};

}  // namespace

std::optional<JobOfOwn> find_own_node_exporter(const Section& scrape) {
    for (const Section& group : scrape.sections("static_configs")) {
        for (const std::string& target : group.texts("targets")) {
            const size_t colon = target.rfind(':');
            if (colon == std::string::npos || target.substr(colon + 1) != kNodeExporterPort) {
                continue;
            }
            const std::string_view host = std::string_view(target).substr(0, colon);
            if (host == "localhost" || host.starts_with("127.") || host == "[::1]") {
                return JobOfOwn{scrape.text("job_name"), target, scrape.file(),
                                scrape.line_of("job_name")};
            }
        }
    }
    return std::nullopt;
}

Result<void> read_collectors(const Section& collectors, const Section& global,
                             const std::string& directory,
                             const std::optional<JobOfOwn>& node_exporter, JobPlaces& places,
                             Config& config) {
    return CollectorsReader(collectors, global, directory, node_exporter, places, config).read();
}

}  // namespace kw::app
