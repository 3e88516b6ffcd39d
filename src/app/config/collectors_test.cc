// The `collectors` block: what becomes of it, and what it is told when it is wrong.
#include "app/config/collectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs/memory.h"

namespace kw::app {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<Config> config_of(std::string_view text) {
    fs::MemoryFileSystem files;
    return parse_config(files, text, "etc/prometheus.yml");
}

// guide: P19
TEST(Collectors, TheHostsGivesWayToANodeExporterOfThisMachine) {
    const auto job = [](std::string_view target) {
        return fmt::format(
            "scrape_configs:\n  - job_name: node\n    static_configs: [{{targets: ['{}']}}]\n",
            target);
    };
    for (const std::string_view target : {"localhost:9100", "127.0.0.1:9100", "[::1]:9100"}) {
        SCOPED_TRACE(target);
        const Result<Config> config = config_of(job(target));
        ASSERT_TRUE(config.ok()) << config.error().message;
        EXPECT_FALSE(config->host.enabled);
        EXPECT_TRUE(config->process.enabled);
        ASSERT_EQ(config->warnings.size(), 1u);
        EXPECT_THAT(to_string(config->warnings[0]),
                    HasSubstr("etc/prometheus.yml:2: collectors.host: gives way to job \"node\""));
    }
    // Of other machines, and of other programs.
    for (const std::string_view target : {"db.example.org:9100", "localhost:9101", "localhost"}) {
        SCOPED_TRACE(target);
        const Result<Config> config = config_of(job(target));
        ASSERT_TRUE(config.ok()) << config.error().message;
        EXPECT_TRUE(config->host.enabled);
        EXPECT_TRUE(config->warnings.empty());
    }
    // What is written counts, and is no reason for a warning.
    for (const bool enabled : {true, false}) {
        const Result<Config> config =
            config_of(job("localhost:9100") +
                      fmt::format("collectors: {{host: {{enabled: {}}}}}\n", enabled));
        ASSERT_TRUE(config.ok()) << config.error().message;
        EXPECT_EQ(config->host.enabled, enabled);
        EXPECT_TRUE(config->warnings.empty());
    }
}

TEST(Collectors, OfOtherServersAreJobsWithInstances) {
    const Result<Config> config = config_of(R"(
global: {scrape_interval: 1m}
collectors:
  scrape_interval: 20s
  postgres:
    - dsn: postgresql://kilowatch@db/energy
      password_file: secrets/db
      labels: {site: plant-7}
      scrape_timeout: 5s
    - {dsn: 'host=/run/postgresql', job: db, password_env: PGPASSWORD, statements_max: 0}
  redis:
    - {address: cache, username: kilowatch, password_file: /run/secret, tls_config: {}, count_keys: ['db1=s:*']}
  health:
    - {service: api, url: 'http://localhost:8000/health', basic_auth: {username: u, password_file: p}}
  probes:
    - {kind: http, target: 'https://weather.example.org/v1', service: api, component: external_api,
       valid_status_codes: [200, 204], fail_if_body_not_matches_regexp: [ok]}
    - {kind: tls, target: 'mail.example.org:465'}
    - {kind: tcp, target: '[::1]:22'}
    - {kind: dns, target: 10.0.0.1, query_name: example.org, query_type: MX, instance: mx}
    - {kind: postgres, target: 'postgresql://probe@db/energy', job: probes}
    - {kind: redis, target: 'cache:6380'}
)");
    ASSERT_TRUE(config.ok()) << config.error().message;
    std::vector<std::string> shown;
    for (const RemoteCollectorOptions& collector : config->remote_collectors) {
        shown.push_back(fmt::format("{} {} {} {}", collector.job.job_name, collector.address,
                                    collector.labels.to_string(), collector.job.timeout_ms));
        EXPECT_EQ(collector.job.interval_ms, 20'000);
    }
    EXPECT_THAT(shown,
                testing::ElementsAre(
                    "postgres/db:5432 db:5432 {instance=\"db:5432\", job=\"postgres\", "
                    "site=\"plant-7\"} 5000",
                    "db//run/postgresql:5432 _run_postgresql:5432 "
                    "{instance=\"/run/postgresql:5432\", job=\"db\"} 10000",
                    "redis/cache:6379 cache:6379 {instance=\"cache:6379\", job=\"redis\"} 10000",
                    "health/localhost:8000 localhost:8000 {instance=\"localhost:8000\", "
                    "job=\"health\"} 10000",
                    "probe-http/https://weather.example.org/v1 https:__weather.example.org_v1 "
                    "{instance=\"https://weather.example.org/v1\", job=\"probe-http\"} 10000",
                    "probe-tls/mail.example.org:465 mail.example.org:465 "
                    "{instance=\"mail.example.org:465\", job=\"probe-tls\"} 10000",
                    "probe-tcp/[::1]:22 [::1]:22 {instance=\"[::1]:22\", job=\"probe-tcp\"} 10000",
                    "probe-dns/mx mx {instance=\"mx\", job=\"probe-dns\"} 10000",
                    "probes/db:5432 db:5432 {instance=\"db:5432\", job=\"probes\"} 10000",
                    "probe-redis/cache:6380 cache:6380 {instance=\"cache:6380\", "
                    "job=\"probe-redis\"} 10000"));

    const auto& postgres = std::get<collect::PostgresOptions>(config->remote_collectors[0].source);
    EXPECT_EQ(postgres.password.file, "etc/secrets/db");
    EXPECT_EQ(postgres.statements_max, 100U);
    const auto& socket = std::get<collect::PostgresOptions>(config->remote_collectors[1].source);
    EXPECT_EQ(socket.password.variable, "PGPASSWORD");
    EXPECT_EQ(socket.statements_max, 0U);
    const auto& redis = std::get<collect::RedisOptions>(config->remote_collectors[2].source);
    EXPECT_TRUE(redis.server.tls.has_value());
    EXPECT_EQ(redis.server.password.file, "/run/secret");
    EXPECT_EQ(redis.count_keys, (std::vector<collect::RedisKeys>{{"1", "s:*"}}));
    const auto& http = std::get<collect::ProbeOptions>(config->remote_collectors[4].source);
    EXPECT_EQ(http.component, "external_api");
    EXPECT_EQ(std::get<collect::HttpProbe>(http.what).statuses, (std::vector<int>{200, 204}));
    const auto& tls = std::get<collect::ProbeOptions>(config->remote_collectors[5].source);
    EXPECT_TRUE(std::get<collect::TcpProbe>(tls.what).tls.has_value());
    const auto& tcp = std::get<collect::ProbeOptions>(config->remote_collectors[6].source);
    EXPECT_FALSE(std::get<collect::TcpProbe>(tcp.what).tls.has_value());
    const auto& dns = std::get<collect::ProbeOptions>(config->remote_collectors[7].source);
    EXPECT_EQ(std::get<collect::DnsProbe>(dns.what).server, (collect::HostPort{"10.0.0.1", "53"}));

    // What is shown loads again, and makes the same.
    const Result<Config> again = config_of(config->shown_yaml);
    ASSERT_TRUE(again.ok()) << again.error().message << "\n" << config->shown_yaml;
    EXPECT_EQ(again->remote_collectors, config->remote_collectors);
}

TEST(Collectors, ErrorsNameTheKeyAndTheMendAndNoPassword) {
    struct Row {
        std::string text;  // below `collectors:`
        std::string want;
    };
    const Row rows[] = {
        {"postgres: [{dsn: 'postgresql://u:s3cret@db/x'}]",
         "etc/prometheus.yml:2: collectors.postgres[0].dsn: has a password, which would be shown; "
         "move it to a file"},
        {"postgres: [{dsn: 'host=db password=s3cret'}]",
         "collectors.postgres[0].dsn: has a password"},
        {"postgres: [{dsn: 'postgresql://u:s3cret@[db/x'}]",
         "dsn: is no connection string of libpq; write"},
        {"postgres: [{password_file: x}]", "dsn"},
        {"postgres: [{dsn: 'host=db', password_file: a, password_env: b}]", "excludes"},
        {"postgres: [{dsn: 'host=db', statements_max: 5000}]", "statements_max: 5000 is over 1000"},
        {"postgres: [{dsn: 'host=db'}, {dsn: 'host=db dbname=other'}]",
         "collectors.postgres[1]: is \"db:5432\" of job \"postgres\" as at etc/prometheus.yml:2; "
         "give one of them "
         "another instance"},
        {"postgres: [{dsn: 'host=db', scrape_interval: 1s, scrape_timeout: 2s}]",
         "collectors.postgres[0].scrape_timeout: is longer than the interval 1s"},
        {"postgres: [{dns: 'host=db'}]", "collectors.postgres[0].dns: is not a key of postgres"},
        {"redis: [{address: 'redis://cache:6379'}]",
         "address: \"redis://cache:6379\" has no port between"},
        {"redis: [{address: cache, username: x}]",
         "username: has no password; add password_file or password_env"},
        {"redis: [{address: cache, count_keys: ['dbx=a']}]",
         "count_keys: \"x\" is no database; write db0=pattern"},
        {"health: [{service: api, url: 'http://u:s3cret@a/'}]",
         "url: has a user or a password, which would be shown"},
        {"health: [{service: api, url: 'ftp://a/'}]", "url: the scheme must be http or https"},
        {"health: [{url: 'http://a/'}]", "service"},
        {"probes: [{kind: icmp, target: a}]", "kind: \"icmp\" is not one of http"},
        {"probes: [{kind: http, target: 'a:80'}]", "target"},
        {"probes: [{kind: http, target: 'http://u:s3cret@a/'}]",
         "target: has a user or a password"},
        {"probes: [{kind: tcp, target: a}]", "target: \"a\" is not host:port; write host:port"},
        {"probes: [{kind: tcp, target: 'a:1', query_name: b}]",
         "query_name: does not act for kind tcp, only for dns; remove it"},
        {"probes: [{kind: dns, target: a}]", "probes[0]: has no query_name"},
        {"probes: [{kind: dns, target: a, query_name: b..c}]", "query_name: a label of 0 bytes"},
        {"probes: [{kind: postgres, target: 'host=db password=s3cret'}]", "target: has a password"},
        {"probes: [{kind: http, target: 'http://a/', valid_status_codes: [99]}]",
         "\"99\" is no status of HTTP"},
        {"probes: [{kind: http, target: 'http://a/', fail_if_body_matches_regexp: ['(']}]",
         "\"(\" is no regular expression"},
        {"probes: [{kind: http, target: 'http://a/', component: x}]",
         "component: has no service; add the service"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<Config> config = config_of("collectors:\n  " + row.text);
        ASSERT_FALSE(config.ok());
        EXPECT_THAT(config.error().message, HasSubstr(row.want));
        EXPECT_THAT(config.error().message, Not(HasSubstr("s3cret")));
    }
}

TEST(Collectors, AreBoundedInNumber) {
    std::string text = "collectors:\n  redis:\n";
    for (size_t i = 0; i <= collect::kRemoteCollectorsMax; ++i)
        text += fmt::format("  - address: cache-{}\n", i);
    const Result<Config> config = config_of(text);
    ASSERT_FALSE(config.ok());
    EXPECT_THAT(config.error().message,
                HasSubstr("collectors: names 257 servers; the most are 256"));
}

}  // namespace
}  // namespace kw::app
