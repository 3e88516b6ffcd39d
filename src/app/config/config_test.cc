#include "app/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "alerting/settings.h"
#include "app/config/inactive.h"
#include "app/config/schema.h"
#include "base/fs/memory.h"

namespace kw::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Result<Config> config_of(std::string_view text, LoadOptions options = {}) {
    fs::MemoryFileSystem files;
    return parse_config(files, text, "prometheus.yml", options);
}

// The configuration of the platform's monitoring guide, as it stands there.
constexpr std::string_view kGuide = R"(global:
  scrape_interval: 15s
  evaluation_interval: 15s

scrape_configs:
  - job_name: 'api'
    static_configs:
      - targets: ['localhost:8000']
  
  - job_name: 'model-service'
    static_configs:
      - targets: ['localhost:8001']
)";

// guide: G189, G190, G192
TEST(Config, LoadsTheGuidesFileAsItStands) {
    const Result<Config> config = config_of(kGuide);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_THAT(config->warnings, IsEmpty());
    ASSERT_EQ(config->jobs.size(), 2u);
    const scrape::JobOptions& job = config->jobs[1];
    EXPECT_EQ(job.job_name, "model-service");
    EXPECT_EQ(job.interval_ms, 15'000);
    EXPECT_EQ(job.timeout_ms, 10'000);
    ASSERT_EQ(job.static_sds.size(), 1u);
    EXPECT_EQ(job.static_sds[0].groups[0].targets[0].to_string(),
              "{__address__=\"localhost:8001\"}");
    EXPECT_EQ(config->evaluation_interval_ms, 15'000);
    EXPECT_TRUE(config->host.enabled);
    EXPECT_TRUE(config->process.enabled);
    EXPECT_EQ(config->host.job.interval_ms, 15'000);
}

TEST(Config, AnEmptyFileIsAllDefaults) {
    const Result<Config> config = config_of("");
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_THAT(config->jobs, IsEmpty());
    EXPECT_EQ(config->host.job.job_name, "host");
    EXPECT_EQ(config->process.job.job_name, "kilowatch");
    EXPECT_EQ(config->host.job.interval_ms, 60'000);
}

TEST(Config, JobsTakeWhatTheyDoNotSayFromGlobal) {
    const Result<Config> config = config_of(R"(
global:
  scrape_interval: 30s
  scrape_timeout: 20s
  body_size_limit: 10MB
  sample_limit: 100
  keep_dropped_targets: 5
  extra_scrape_metrics: true
  scrape_protocols: [PrometheusText0.0.4]
  metric_name_validation_scheme: legacy
scrape_configs:
  - job_name: a
  - job_name: b
    scrape_interval: 5s
    sample_limit: 7
    extra_scrape_metrics: false
    scrape_protocols: [OpenMetricsText1.0.0]
    metric_name_validation_scheme: utf8
)");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const scrape::JobOptions& a = config->jobs[0];
    const scrape::JobOptions& b = config->jobs[1];
    EXPECT_EQ(a.interval_ms, 30'000);
    EXPECT_EQ(a.timeout_ms, 20'000);
    EXPECT_EQ(a.limits.body_bytes, 10u << 20);
    EXPECT_EQ(a.limits.samples, 100u);
    EXPECT_EQ(a.limits.keep_dropped_targets, 5u);
    EXPECT_TRUE(a.extra_scrape_metrics);
    EXPECT_THAT(a.protocols, ElementsAre(scrape::Protocol::kPrometheusText004));
    EXPECT_EQ(a.name_validation, NameScheme::kLegacy);
    EXPECT_EQ(a.name_escaping, scrape::Escaping::kUnderscores);
    EXPECT_EQ(b.timeout_ms, 5'000);  // the global one is longer than the interval
    EXPECT_EQ(b.limits.samples, 7u);
    EXPECT_FALSE(b.extra_scrape_metrics);
    EXPECT_THAT(b.protocols, ElementsAre(scrape::Protocol::kOpenMetricsText100));
    EXPECT_EQ(b.name_validation, NameScheme::kUtf8);
    EXPECT_EQ(b.name_escaping, scrape::Escaping::kAllowUtf8);
}

TEST(Config, ConvertsEveryKeyOfAJob) {
    fs::MemoryFileSystem files;
    const Result<Config> config = parse_config(files, R"(
scrape_configs:
  - job_name: a
    honor_labels: true
    honor_timestamps: false
    track_timestamps_staleness: true
    params: {module: [x, y]}
    fallback_scrape_protocol: PrometheusText0.0.4
    metrics_path: /m
    scheme: https
    enable_compression: false
    basic_auth: {username: u, password_file: secret/pw}
    tls_config: {ca_file: ca.pem, server_name: s, min_version: TLS13}
    proxy_url: http://proxy:3128
    no_proxy: localhost
    follow_redirects: false
    http_headers: {X-A: {values: [v], files: [/abs]}}
    static_configs: [{targets: [b:1, b:2], labels: {env: prod}}]
    file_sd_configs: [{files: [t/*.json], refresh_interval: 10s}]
    http_sd_configs: [{url: 'http://sd:1/', authorization: {credentials: c}}]
    dns_sd_configs: [{names: [a, b], type: aaaa, port: 9100}]
    relabel_configs: [{source_labels: [__address__], target_label: x}]
    metric_relabel_configs: [{regex: drop_me, action: labeldrop}]
)",
                                               "/etc/kw/prometheus.yml");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const scrape::JobOptions& job = config->jobs[0];
    EXPECT_TRUE(job.honor_labels);
    EXPECT_FALSE(job.honor_timestamps);
    EXPECT_TRUE(job.track_timestamps_staleness);
    EXPECT_THAT(job.params.all("module"), ElementsAre("x", "y"));
    EXPECT_EQ(job.fallback_protocol, scrape::Protocol::kPrometheusText004);
    EXPECT_EQ(job.metrics_path, "/m");
    EXPECT_EQ(job.scheme, "https");
    EXPECT_FALSE(job.enable_compression);
    EXPECT_EQ(job.client.basic_auth->username.text, "u");
    EXPECT_EQ(job.client.basic_auth->password.file, "/etc/kw/secret/pw");
    EXPECT_EQ(job.client.tls.ca.file, "/etc/kw/ca.pem");
    EXPECT_EQ(job.client.tls.min_version, net::TlsVersion::kTls13);
    EXPECT_EQ(job.client.proxy.url, "http://proxy:3128");
    EXPECT_EQ(job.client.proxy.no_proxy, "localhost");
    EXPECT_FALSE(job.client.follow_redirects);
    EXPECT_THAT(job.client.headers[0].files, ElementsAre("/abs"));
    EXPECT_EQ(job.static_sds[0].groups[0].targets.size(), 2u);
    EXPECT_EQ(job.static_sds[0].groups[0].labels.get("env"), "prod");
    EXPECT_THAT(job.file_sds[0].files, ElementsAre("/etc/kw/t/*.json"));
    EXPECT_EQ(job.file_sds[0].refresh_interval_ms, 10'000);
    EXPECT_EQ(job.http_sds[0].url, "http://sd:1/");
    EXPECT_EQ(job.http_sds[0].refresh_interval_ms, 60'000);
    EXPECT_EQ(job.http_sds[0].client.authorization->credentials.text, "c");
    EXPECT_EQ(job.dns_sds[0],
              (scrape::DnsSdOptions{
                  .names = {"a", "b"}, .type = net::DnsRecordType::kAaaa, .port = 9100}));
    EXPECT_EQ(job.relabel[0].config().target_label, "x");
    EXPECT_EQ(job.metric_relabel[0].config().action, intake::RelabelAction::kLabelDrop);
}

TEST(Config, RefusesWithFileLineKeyAndMend) {
    struct Row {
        const char* text;
        const char* want;
    };
    const Row rows[] = {
        {"scrape_config: []",
         "prometheus.yml:1: scrape_config: is not a key of configuration; did you mean "
         "scrape_configs?"},
        {"events: {}", "prometheus.yml:1: events: is not a key of configuration; remove it"},
        {"global: [a]", "prometheus.yml:1: global: wants the keys of a global, found a list"},
        {"- a", "prometheus.yml:1: wants the keys of a configuration, found a list"},
        {"global:\n  scrape_interval: soon", "prometheus.yml:2: global.scrape_interval: "},
        {"global:\n  scrape_interval: 5s\n  scrape_timeout: 10s",
         "prometheus.yml:3: global.scrape_timeout: 10s is longer than scrape_interval 5s; lower it "
         "or raise the interval"},
        {"scrape_configs:\n- job_name: a\n  scrape_interval: 15s\n  scrape_timeout: 20s",
         "prometheus.yml:4: scrape_configs[0].scrape_timeout: 20s is longer than scrape_interval "
         "15s; lower it or raise the interval"},
        {"scrape_configs:\n- scrape_interval: 15s",
         "prometheus.yml:2: scrape_configs[0].job_name: is missing"},
        {"scrape_configs:\n- job_name: a\n- job_name: a",
         "prometheus.yml:3: scrape_configs[1].job_name: a is the name of the job at "
         "prometheus.yml:2 already"},
        {"scrape_configs:\n- job_name: a\n  honor_labels: 'true'",
         "prometheus.yml:3: scrape_configs[0].honor_labels: \"true\" is a text; write it without "
         "quotes"},
        {"scrape_configs:\n- job_name: a\n  sample_limit: -1",
         "scrape_configs[0].sample_limit: \"-1\" is not a whole number"},
        {"scrape_configs:\n- job_name: a\n  static_configs: [{targets: a:1}]",
         "targets: wants a list"},
        {"scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['http://u:pw@a/']}]",
         "\"http://u:xxxxx@a/\" is not host:port"},
        {"scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [a.txt]}]",
         "must end in .json, .yml or .yaml"},
        {"scrape_configs:\n- job_name: a\n  http_sd_configs: [{url: 'http://a/', refresh_interval: "
         "0s}]",
         "refresh_interval: must be above 0"},
        {"scrape_configs:\n- job_name: a\n  relabel_configs: [{action: explode}]",
         "\"explode\" is not one of replace"},
        {"scrape_configs:\n- job_name: a\n  proxy_url: '1:2:3'", "is not a URL"},
        {"scrape_configs:\n- job_name: a\n  basic_auth: {username: a}\n  authorization: "
         "{credentials: b}",
         "authorization: excludes basic_auth"},
        {"scrape_configs:\n- job_name: a\n  http_headers: {Authorization: {values: [x]}}",
         "is set by the server itself"},
        {"global:\n  metric_name_validation_scheme: legacy\nscrape_configs:\n- job_name: a\n  "
         "relabel_configs:\n  - {target_label: a.b, replacement: x}",
         "prometheus.yml:6: scrape_configs[0].relabel_configs[0]: target_label \"a.b\" is not a "
         "label name"},
        {"global:\n  metric_name_validation_scheme: legacy\nalerting:\n  alert_relabel_configs:\n  "
         "- {target_label: a.b, replacement: x}",
         "alerting.alert_relabel_configs[0]: target_label"},
        {"scrape_configs:\n- job_name: host",
         "prometheus.yml:2: job_name: host is the job of the built-in collector"},
        {"collectors:\n  host: {scrape_interval: 5s, scrape_timeout: 6s}",
         "collectors.host.scrape_timeout: is longer than the interval 5s"},
        {"collectors: {disk: {}}", "collectors.disk: is not a key of collectors"},
        {"otlp:\n  promote_resource_attributes: [a, ' a ']", "a is there twice"},
        {"remote_write:\n- url: http://a\n  sigv4: {access_key: x}",
         "wants access_key and secret_key together"},
        {"a: b\na: c", "prometheus.yml:2:1: key a is there twice, first at line 1; remove one"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<Config> config = config_of(row.text);
        ASSERT_FALSE(config.ok());
        EXPECT_THAT(config.error().message, HasSubstr(row.want));
        EXPECT_THAT(config.error().message, Not(HasSubstr("pw@")));
    }
}

TEST(Config, ExpandsVariablesInExternalLabels) {
    LoadOptions options;
    options.environment = [](std::string_view name) {
        return name == "ZONE" ? std::string("eu") : "";
    };
    const Result<Config> config = config_of(
        "global:\n  external_labels: {zone: '${ZONE}-1', none: 'x$NONE', price: '5$$'}", options);
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_EQ(config->external_labels.to_string(), "{none=\"x\", price=\"5$\", zone=\"eu-1\"}");
    ASSERT_EQ(config->warnings.size(), 1u);
    EXPECT_EQ(config->warnings[0].message, "the environment has no variable NONE");
}

TEST(Config, CollectorsAreOnUntilSwitchedOff) {
    const Result<Config> config = config_of(R"(
global: {scrape_interval: 1m}
collectors:
  scrape_interval: 10s
  host: {enabled: false}
  process: {scrape_interval: 2s, labels: {site: x}}
scrape_configs:
  - job_name: host
)");
    ASSERT_TRUE(config.ok()) << config.error().message;
    EXPECT_FALSE(config->host.enabled);
    EXPECT_EQ(config->process.job.interval_ms, 2'000);
    EXPECT_EQ(config->process.job.timeout_ms, 2'000);
    EXPECT_EQ(config->process.labels.get("site"), "x");
}

void write(fs::MemoryFileSystem& files, const std::string& path, std::string_view content) {
    const std::string directory = path.substr(0, path.rfind('/'));
    ASSERT_TRUE(files.create_directories(directory).ok());
    ASSERT_TRUE(fs::write_file_atomically(files, path, content).ok());
}

TEST(Config, ReadsScrapeConfigFilesBesideItsOwn) {
    fs::MemoryFileSystem files;
    write(files, "/etc/kw.yml",
          "scrape_config_files: ['jobs/*.yml', none.yml]\nscrape_configs: [{job_name: a}]");
    write(files, "/etc/jobs/b.yml",
          "scrape_configs: [{job_name: b, tls_config: {ca_file: ca.pem}}]");
    write(files, "/etc/jobs/c.yml", "scrape_configs:\n- job_name: c\n  consul_sd_configs: [{}]");
    write(files, "/etc/jobs/.d.yml", "nothing good");
    const Result<Config> config = load_config(files, "/etc/kw.yml");
    ASSERT_TRUE(config.ok()) << config.error().message;
    ASSERT_EQ(config->jobs.size(), 3u);
    EXPECT_EQ(config->jobs[1].job_name, "b");
    EXPECT_EQ(config->jobs[1].client.tls.ca.file, "/etc/jobs/ca.pem");
    EXPECT_THAT(config->files, ElementsAre("/etc/kw.yml", "/etc/jobs/b.yml", "/etc/jobs/c.yml"));
    ASSERT_EQ(config->warnings.size(), 2u);
    EXPECT_EQ(config->warnings[0].message, "/etc/none.yml names no file");
    EXPECT_EQ(config->warnings[1].file, "/etc/jobs/c.yml");
    EXPECT_EQ(config->warnings[1].line, 3);
    EXPECT_EQ(config->warnings[1].key, "scrape_configs[0].consul_sd_configs");

    write(files, "/etc/jobs/b.yml", "scrape_configs: [{job_name: a}]");
    const Result<Config> twice = load_config(files, "/etc/kw.yml");
    ASSERT_FALSE(twice.ok());
    EXPECT_THAT(twice.error().message, HasSubstr("/etc/jobs/b.yml:1: scrape_configs[0].job_name: a "
                                                 "is the name of the job at /etc/kw.yml:2"));
    EXPECT_EQ(load_config(files, "/etc/absent.yml").error().code, Code::kNotFound);
}

TEST(Config, ReadsOAuth2) {
    const Result<Config> config = config_of(R"(
scrape_configs:
  - job_name: a
    oauth2:
      client_id: i
      client_secret_file: s.txt
      token_url: http://t/token
      scopes: [x, y]
      endpoint_params: {audience: z}
      tls_config: {ca_file: ca.pem}
      proxy_url: http://p:1
      http_headers: {X-A: {values: [v]}}
  - job_name: b
    oauth2:
      client_id: i
      client_certificate_key: hunter2
      client_certificate_key_id: k
      grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer
      signature_algorithm: RS384
      iss: me
      audience: you
      token_url: http://t/token
      claims: {n: 1.5, quoted: "1", list: [a, true, null], deep: {x: '"'}}
  - job_name: c
    oauth2: {client_id: i, client_secret_ref: r, token_url: http://t/token}
)");
    ASSERT_TRUE(config.ok()) << config.error().message;
    const net::OAuth2Options& plain = config->jobs[0].client.oauth2.value();
    EXPECT_EQ(plain.grant, net::OAuth2Options::Grant::kClientCredentials);
    EXPECT_EQ(plain.client_id, "i");
    EXPECT_THAT(plain.secret.file, testing::EndsWith("s.txt"));
    EXPECT_EQ(plain.token_url, "http://t/token");
    EXPECT_THAT(plain.scopes, ElementsAre("x", "y"));
    EXPECT_THAT(plain.endpoint_params, ElementsAre(testing::Pair("audience", "z")));
    EXPECT_THAT(plain.tls.ca.file, testing::EndsWith("ca.pem"));
    EXPECT_EQ(plain.proxy.url, "http://p:1");
    ASSERT_EQ(plain.headers.size(), 1U);
    const net::OAuth2Options& signs = config->jobs[1].client.oauth2.value();
    EXPECT_EQ(signs.grant, net::OAuth2Options::Grant::kJwtBearer);
    EXPECT_EQ(signs.secret.text, "hunter2");
    EXPECT_EQ(signs.key_id, "k");
    EXPECT_EQ(signs.signature, net::OAuth2Options::Signature::kRs384);
    EXPECT_EQ(signs.issuer, "me");
    EXPECT_EQ(signs.audience, "you");
    using testing::Pair;
    EXPECT_THAT(signs.claims,
                ElementsAre(Pair("n", "1.5"), Pair("quoted", "\"1\""),
                            Pair("list", "[\"a\",true,null]"), Pair("deep", "{\"x\":\"\\\"\"}")));
    EXPECT_THAT(config->shown_yaml, Not(HasSubstr("hunter2")));
    EXPECT_THAT(config->shown_jobs.at("b"), HasSubstr("scrape_interval: 1m"));
    EXPECT_THAT(config->shown_jobs.at("b"), Not(HasSubstr("hunter2")));
    ASSERT_EQ(config->warnings.size(), 1U);
    EXPECT_EQ(config->warnings[0].key, "scrape_configs[2].oauth2.client_secret_ref");
}

TEST(Config, WarnsOfKeysThatDoNotAct) {
    const Result<Config> config = config_of(R"(
rule_files: [a.yml]
scrape_configs:
  - job_name: a
    consul_sd_configs: [{}]
    scrape_native_histograms: false
remote_write:
  - url: http://a
)");
    ASSERT_TRUE(config.ok()) << config.error().message;
    std::vector<std::string> got;
    for (const ConfigWarning& w : config->warnings) {
        got.push_back(fmt::format("{}:{}: {}: {}", w.file, w.line, w.key, w.message));
    }
    EXPECT_THAT(
        got, ElementsAre("prometheus.yml:5: scrape_configs[0].consul_sd_configs: does not act yet: "
                         "no targets are found",
                         "prometheus.yml:7: remote_write: does not act yet: samples are not sent "
                         "to other servers"));
}

TEST(Config, ReadsWhereAlertsGo) {
    const Result<Config> config = config_of(R"(
alerting:
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers:
    - scheme: https
      path_prefix: /am
      timeout: 3s
      api_version: v2
      basic_auth: {username: kw, password_file: secret}
      relabel_configs: [{source_labels: [__address__], regex: 'a:1', action: keep}]
      static_configs: [{targets: ['a:1', 'b:1'], labels: {team: db}}]
      file_sd_configs: [{files: [am/*.json], refresh_interval: 1m}]
      http_sd_configs: [{url: 'http://sd/am'}]
    - consul_sd_configs: [{}]
      sigv4: {region: eu}
)");
    ASSERT_TRUE(config.ok()) << config.error().message;
    ASSERT_EQ(config->alert_relabel.size(), 1U);
    ASSERT_EQ(config->alertmanagers.size(), 2U);
    const forward::AlertmanagerOptions& first = config->alertmanagers[0];
    EXPECT_EQ(first.scheme, "https");
    EXPECT_EQ(first.path_prefix, "/am");
    EXPECT_EQ(first.timeout_ms, 3'000);
    EXPECT_EQ(first.client.basic_auth->username.text, "kw");
    EXPECT_EQ(first.relabel.size(), 1U);
    EXPECT_EQ(first.static_sds.at(0).groups.at(0).targets.size(), 2U);
    EXPECT_EQ(first.file_sds.at(0).refresh_interval_ms, 60'000);
    EXPECT_EQ(first.http_sds.at(0).url, "http://sd/am");
    EXPECT_EQ(config->alertmanagers[1].scheme, "http");
    EXPECT_EQ(config->alertmanagers[1].timeout_ms, 10'000);
    std::vector<std::string> keys;
    for (const ConfigWarning& warning : config->warnings) keys.push_back(warning.key);
    EXPECT_THAT(keys, ElementsAre("alerting.alertmanagers[1].consul_sd_configs",
                                  "alerting.alertmanagers[1].sigv4"));
}

TEST(Config, ReadsTheFallBackAndTheHeartbeat) {
    const std::string alertmanager = R"(
alertmanager:
  route: {receiver: ops}
  receivers: [{name: ops, webhook_configs: [{url: 'http://ops/'}]}, {name: silent}]
)";
    const Result<Config> config = config_of(
        "notifications:\n  fallback_receiver: silent\n"
        "  heartbeat: {receiver: ops, interval: 30s}" +
        alertmanager);
    ASSERT_TRUE(config.ok()) << config.error().message;
    const alerting::NotifySettings& notify = *config->alertmanager->notify;
    EXPECT_EQ(notify.fallback_receiver, "silent");
    EXPECT_EQ(notify.heartbeat_receiver, "ops");
    EXPECT_EQ(notify.heartbeat_interval_ms, 30'000);
    ASSERT_EQ(config->warnings.size(), 1U);
    EXPECT_EQ(config->warnings[0].line, 2);
    EXPECT_THAT(config->warnings[0].message, HasSubstr("\"silent\" has no integration that acts"));

    const Result<Config> unknown =
        config_of("notifications:\n  heartbeat:\n    receiver: opps" + alertmanager);
    ASSERT_FALSE(unknown.ok());
    EXPECT_EQ(unknown.error().message,
              "prometheus.yml:3: notifications.heartbeat.receiver: \"opps\" is not a receiver; add "
              "it to the receivers, or name one of ops, silent");
    const Result<Config> quick =
        config_of("notifications: {heartbeat: {receiver: ops, interval: 10ms}}" + alertmanager);
    ASSERT_FALSE(quick.ok());
    EXPECT_THAT(quick.error().message,
                HasSubstr("notifications.heartbeat.interval: 10ms is shorter than 1s; raise it"));
    // Of a file of its own the receivers are not known here.
    EXPECT_TRUE(config_of("notifications: {fallback_receiver: x}").ok());
}

TEST(Config, AgentModeTakesLess) {
    EXPECT_TRUE(config_of("alerting: {alertmanagers: []}").ok());
    const Result<Config> config =
        config_of("rule_files: [a]", {.agent_mode = true, .environment = {}});
    ASSERT_FALSE(config.ok());
    EXPECT_THAT(config.error().message, HasSubstr("rule_files: is not for agent mode"));
}

TEST(Config, ShowsDefaultsAndHidesSecrets) {
    const Result<Config> config = config_of(R"(
scrape_configs:
  - job_name: a
    basic_auth: {username: u, password: hunter2}
    proxy_url: http://u:hunter2@proxy:1
    proxy_connect_header: {X: [hunter2]}
    http_headers: {X-A: {secrets: [hunter2], values: [v]}}
    oauth2: {client_id: i, client_secret: hunter2, token_url: 'http://t'}
    static_configs: [{targets: ['a:1']}]
    relabel_configs: [{target_label: x, replacement: "5"}]
remote_write:
  - url: http://u:hunter2@a/
)");
    ASSERT_FALSE(config.ok());  // basic_auth and oauth2 exclude each other
    EXPECT_THAT(config.error().message, Not(HasSubstr("hunter2")));

    const Result<Config> shown = config_of(R"(
scrape_configs:
  - job_name: a
    basic_auth: {username: u, password: hunter2}
    proxy_url: http://u:hunter2@proxy:1
    proxy_connect_header: {X: [hunter2]}
    http_headers: {X-A: {secrets: [hunter2], values: [v]}}
    static_configs: [{targets: ['a:1']}]
    relabel_configs: [{target_label: x, replacement: "5"}]
)");
    ASSERT_TRUE(shown.ok()) << shown.error().message;
    EXPECT_EQ(shown->shown_yaml, R"(global:
  scrape_interval: 1m
  scrape_timeout: 10s
  evaluation_interval: 1m
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
runtime:
  gogc: 75
scrape_configs:
- job_name: a
  honor_timestamps: true
  scrape_interval: 1m
  scrape_timeout: 10s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  metrics_path: /metrics
  scheme: http
  enable_compression: true
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  basic_auth:
    username: u
    password: <secret>
  follow_redirects: true
  enable_http2: true
  proxy_url: http://u:xxxxx@proxy:1
  proxy_connect_header:
    X:
    - <secret>
  http_headers:
    X-A:
      values:
      - v
      secrets:
      - <secret>
  relabel_configs:
  - separator: ;
    regex: (.*)
    target_label: x
    replacement: "5"
    action: replace
  static_configs:
  - targets:
    - a:1
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  label_name_underscore_sanitization: true
  label_name_preserve_multiple_underscores: true
collectors:
  host:
    enabled: true
  process:
    enabled: true
)");
}

TEST(Config, WhatIsShownLoadsAgainAndShowsTheSame) {
    const Result<Config> first = config_of(R"(
global: {external_labels: {a: "1", b: "yes"}, body_size_limit: 15MB}
scrape_configs:
  - job_name: "5"
    honor_timestamps:
    params: {a: [b, "c: d"], e: []}
    relabel_configs: [{regex: , replacement: "", target_label: x}, {regex: 'a|b', action: labeldrop}]
    kubernetes_sd_configs: [{role: pod, namespaces: {names: [x]}, selectors: [{role: pod, label: 'a=b'}]}]
    dns_sd_configs: [{names: [x], type: A, port: 5}]
remote_write:
  - url: http://r/
    oauth2: {client_id: i, token_url: 'http://t', claims: {aud: [a, 1], deep: {x: true}}, endpoint_params: {g: p}}
    azuread:
storage: {tsdb: {retention: {time: 1d, size: 1GB, percentage: 0.5}}, exemplars: {}}
tracing: {endpoint: 'a:1', headers: {x: y}}
alerting: {alertmanagers: [{static_configs: [{targets: ['1.2.3.4:9093'], labels: {}}]}]}
)");
    ASSERT_TRUE(first.ok()) << first.error().message;
    const Result<Config> second = config_of(first->shown_yaml);
    ASSERT_TRUE(second.ok()) << second.error().message << "\n" << first->shown_yaml;
    EXPECT_EQ(second->shown_yaml, first->shown_yaml);
    EXPECT_EQ(second->jobs, first->jobs);
    EXPECT_EQ(second->external_labels, first->external_labels);
}

TEST(Config, ReadsHowManyExemplarsAreKept) {
    EXPECT_EQ(config_of("{}")->exemplars_max, 100'000U);
    EXPECT_EQ(config_of("storage: {exemplars: {}}")->exemplars_max, 100'000U);
    EXPECT_EQ(config_of("storage: {exemplars: {max_exemplars: 7}}")->exemplars_max, 7U);
    EXPECT_EQ(config_of("storage: {exemplars: {max_exemplars: -1}}")->exemplars_max, 0U);
}

// Whether `path` leads to a field of `block`: "[]" goes into a list.
bool leads_to_field(const Block& block, std::string_view path) {
    const size_t dot = path.find('.');
    std::string_view name = path.substr(0, dot);
    if (name.ends_with("[]")) name.remove_suffix(2);
    for (const Field& field : block.fields) {
        if (field.kind == Kind::kInline && leads_to_field(*field.block, path)) return true;
        if (field.name != name) continue;
        return dot == std::string_view::npos || leads_to_field(*field.block, path.substr(dot + 1));
    }
    return false;
}

TEST(Config, EveryInactiveKeyIsOneOfTheSchema) {
    for (const InactiveKey& key : inactive_keys()) {
        SCOPED_TRACE(key.path);
        EXPECT_FALSE(key.effect.empty());
        const bool is_anywhere = key.path.starts_with("**.");
        if (is_anywhere && leads_to_field(kAlertmanagerFileBlock, key.path.substr(3))) continue;
        if (is_anywhere && leads_to_field(kDiscoveryBlock, key.path.substr(3))) continue;
        EXPECT_TRUE(is_anywhere ? leads_to_field(kHttpClientBlock, key.path.substr(3))
                                : leads_to_field(kConfigBlock, key.path));
    }
}

}  // namespace
}  // namespace kw::app
