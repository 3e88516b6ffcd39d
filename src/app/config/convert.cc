#include "app/config/convert.h"

#include <filesystem>
#include <utility>

#include "app/config/json_value.h"
#include "base/check.h"
#include "model/labels.h"
#include "yaml/yaml.h"

namespace kw::app {
namespace {

constexpr std::string_view kJwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

net::TextOrFile text_or_file(const Section& section, std::string_view text, std::string_view file,
                             const std::string& directory) {
    return {.text = section.text(text), .file = resolved_path(directory, section.text(file))};
}

std::optional<net::Authorization> to_authorization(const Section& http,
                                                   const std::string& directory) {
    if (const Section* const section = http.section("authorization"); section != nullptr) {
        return net::Authorization{
            .type = section->text("type"),
            .credentials = text_or_file(*section, "credentials", "credentials_file", directory)};
    }
    if (http.has("bearer_token") || http.has("bearer_token_file")) {
        return net::Authorization{
            .credentials = text_or_file(http, "bearer_token", "bearer_token_file", directory)};
    }
    return std::nullopt;
}

std::vector<net::ExtraHeader> to_headers(const Section& http, const std::string& directory) {
    std::vector<net::ExtraHeader> headers;
    for (const Section& header : http.sections("http_headers")) {
        net::ExtraHeader extra{.name = header.name(),
                               .values = header.texts("values"),
                               .secrets = header.texts("secrets"),
                               .files = {}};
        for (const std::string& file : header.texts("files")) {
            extra.files.push_back(resolved_path(directory, file));
        }
        headers.push_back(std::move(extra));
    }
    return headers;
}

net::ProxyOptions to_proxy(const Section& http) {
    net::ProxyOptions proxy;
    proxy.url = http.text("proxy_url");
    proxy.no_proxy = http.text("no_proxy");
    proxy.from_environment = http.flag("proxy_from_environment");
    for (const auto& [name, values] : http.map("proxy_connect_header")) {
        for (const std::string& value : values) proxy.connect_headers.emplace_back(name, value);
    }
    return proxy;
}

net::OAuth2Options::Signature to_signature(const std::string& name) {
    using Signature = net::OAuth2Options::Signature;
    if (name == "RS384") return Signature::kRs384;
    return name == "RS512" ? Signature::kRs512 : Signature::kRs256;
}

Result<net::OAuth2Options> to_oauth2(const Section& oauth2, const std::string& directory) {
    net::OAuth2Options options;
    const bool is_jwt = oauth2.text("grant_type") == kJwtBearerGrant;
    options.grant = is_jwt ? net::OAuth2Options::Grant::kJwtBearer
                           : net::OAuth2Options::Grant::kClientCredentials;
    options.client_id = oauth2.text("client_id");
    options.secret = is_jwt
                         ? text_or_file(oauth2, "client_certificate_key",
                                        "client_certificate_key_file", directory)
                         : text_or_file(oauth2, "client_secret", "client_secret_file", directory);
    options.scopes = oauth2.texts("scopes");
    options.token_url = oauth2.text("token_url");
    for (const auto& [name, values] : oauth2.map("endpoint_params")) {
        options.endpoint_params.emplace_back(name, values.front());
    }
    if (const Section* const tls = oauth2.section("tls_config"); tls != nullptr) {
        options.tls = to_tls_client(*tls, directory);
    }
    options.proxy = to_proxy(oauth2);
    options.headers = to_headers(oauth2, directory);
    if (!is_jwt) return options;
    options.signature = to_signature(oauth2.text("signature_algorithm"));
    options.key_id = oauth2.text("client_certificate_key_id");
    options.issuer = oauth2.text("iss");
    options.audience = oauth2.text("audience");
    for (const auto& [name, values] : oauth2.map("claims")) {
        KW_TRY_ASSIGN(const YamlDocument claim, parse_yaml(values.front(), oauth2.file()));
        Result<std::string> json = to_json(claim.root);
        if (!json.ok()) return oauth2.error("claims", "{}", json.error().message);
        options.claims.emplace_back(name, std::move(json).value());
    }
    return options;
}

scrape::ScrapeLimits to_limits(const Section& scrape) {
    scrape::ScrapeLimits limits;
    limits.body_bytes = static_cast<uint64_t>(scrape.integer("body_size_limit"));
    limits.samples = scrape.count("sample_limit");
    limits.targets = scrape.count("target_limit");
    limits.labels = scrape.count("label_limit");
    limits.label_name_bytes = scrape.count("label_name_length_limit");
    limits.label_value_bytes = scrape.count("label_value_length_limit");
    limits.keep_dropped_targets = scrape.count("keep_dropped_targets");
    return limits;
}

LabelSet to_labels(const TextsByName& map) {
    LabelBuilder builder;
    for (const auto& [name, values] : map) builder.set(name, values.front());
    return builder.build();
}

scrape::StaticSdOptions to_static_sd(const Sections& groups) {
    scrape::StaticSdOptions options;
    for (const Section& group : groups) {
        scrape::TargetGroup target_group;
        target_group.source = std::to_string(options.groups.size());
        for (const std::string& target : group.texts("targets")) {
            target_group.targets.push_back(LabelSet{{"__address__", target}});
        }
        target_group.labels = to_labels(group.map("labels"));
        options.groups.push_back(std::move(target_group));
    }
    return options;
}

Result<scrape::FileSdOptions> to_file_sd(const Section& sd, const std::string& directory) {
    scrape::FileSdOptions options;
    for (const std::string& file : sd.texts("files")) {
        const std::filesystem::path path(resolved_path(directory, file));
        options.files.push_back(std::filesystem::absolute(path).lexically_normal().string());
    }
    options.refresh_interval_ms = sd.integer("refresh_interval");
    return options;
}

Result<scrape::HttpSdOptions> to_http_sd(const Section& sd, const std::string& directory) {
    scrape::HttpSdOptions options;
    options.url = sd.text("url");
    options.refresh_interval_ms = sd.integer("refresh_interval");
    KW_TRY_ASSIGN(options.client, to_http_client(sd, directory));
    return options;
}

scrape::DnsSdOptions to_dns_sd(const Section& sd) {
    scrape::DnsSdOptions options;
    options.names = sd.texts("names");
    const auto is_type = [&](std::string_view type) {
        return net::equals_ignoring_case(sd.text("type"), type);
    };
    using Type = net::DnsRecordType;  // the schema has these five
    options.type = is_type("A")      ? Type::kA
                   : is_type("AAAA") ? Type::kAaaa
                   : is_type("MX")   ? Type::kMx
                   : is_type("NS")   ? Type::kNs
                                     : Type::kSrv;
    options.port = sd.integer("port");
    options.refresh_interval_ms = sd.integer("refresh_interval");
    return options;
}

// What finds targets: of a scrape_config and of an alertmanager_config.
template <typename Options>
Result<void> read_discovery(const Section& section, const std::string& directory,
                            Options& options) {
    if (const Sections& groups = section.sections("static_configs"); !groups.empty()) {
        options.static_sds.push_back(to_static_sd(groups));
    }
    for (const Section& sd : section.sections("file_sd_configs")) {
        KW_TRY_ASSIGN(scrape::FileSdOptions file, to_file_sd(sd, directory));
        options.file_sds.push_back(std::move(file));
    }
    for (const Section& sd : section.sections("http_sd_configs")) {
        KW_TRY_ASSIGN(scrape::HttpSdOptions url, to_http_sd(sd, directory));
        options.http_sds.push_back(std::move(url));
    }
    for (const Section& sd : section.sections("dns_sd_configs"))
        options.dns_sds.push_back(to_dns_sd(sd));
    return {};
}

NameScheme to_name_scheme(const std::string& text) {
    return text == "legacy" ? NameScheme::kLegacy : NameScheme::kUtf8;
}

}  // namespace

net::TlsClientOptions to_tls_client(const Section& tls, const std::string& directory) {
    net::TlsClientOptions options;
    options.ca = text_or_file(tls, "ca", "ca_file", directory);
    options.cert = text_or_file(tls, "cert", "cert_file", directory);
    options.key = text_or_file(tls, "key", "key_file", directory);
    options.server_name = tls.text("server_name");
    options.insecure_skip_verify = tls.flag("insecure_skip_verify");
    // The schema has the same four names.
    options.min_version = net::parse_tls_version(tls.text("min_version")).value();
    options.max_version = net::parse_tls_version(tls.text("max_version")).value();
    return options;
}

std::string resolved_path(std::string_view directory, std::string_view path) {
    if (path.empty() || path.front() == '/' || directory.empty() || directory == ".") {
        return std::string(path);
    }
    return (std::filesystem::path(directory) / path).string();
}

Result<intake::RelabelRule> to_relabel_rule(const Section& rule, NameScheme scheme) {
    const std::optional<intake::RelabelAction> action =
        intake::parse_relabel_action(rule.text("action"));
    if (!action) {
        return rule.error("action",
                          "{} is not one of replace, keep, drop, keepequal, dropequal, hashmod, "
                          "labelmap, labeldrop, labelkeep, lowercase, uppercase",
                          kw::quoted(rule.text("action")));
    }
    intake::RelabelConfig config;
    config.source_labels = rule.texts("source_labels");
    config.separator = rule.text("separator");
    config.regex = rule.text("regex");
    config.modulus = rule.count("modulus");
    config.target_label = rule.text("target_label");
    config.replacement = rule.text("replacement");
    config.action = *action;
    Result<intake::RelabelRule> made = intake::RelabelRule::make(std::move(config), scheme);
    if (!made.ok()) return rule.error("", "{}", made.error().message);
    return made;
}

Result<std::vector<intake::RelabelRule>> to_relabel_rules(const Sections& rules,
                                                          NameScheme scheme) {
    std::vector<intake::RelabelRule> made;
    for (const Section& rule : rules) {
        KW_TRY_ASSIGN(intake::RelabelRule one, to_relabel_rule(rule, scheme));
        made.push_back(std::move(one));
    }
    return made;
}

Result<net::HttpClientOptions> to_http_client(const Section& section,
                                              const std::string& directory) {
    net::HttpClientOptions options;
    if (const Section* const auth = section.section("basic_auth"); auth != nullptr) {
        options.basic_auth =
            net::BasicAuth{.username = text_or_file(*auth, "username", "username_file", directory),
                           .password = text_or_file(*auth, "password", "password_file", directory)};
    }
    options.authorization = to_authorization(section, directory);
    if (const Section* const oauth2 = section.section("oauth2"); oauth2 != nullptr) {
        KW_TRY_ASSIGN(options.oauth2, to_oauth2(*oauth2, directory));
    }
    if (const Section* const tls = section.section("tls_config"); tls != nullptr) {
        options.tls = to_tls_client(*tls, directory);
    }
    options.proxy = to_proxy(section);
    options.follow_redirects = section.flag("follow_redirects");
    options.enable_http2 = section.flag("enable_http2");
    options.headers = to_headers(section, directory);
    return options;
}

Result<scrape::JobOptions> to_job(const Section& scrape, const std::string& directory) {
    scrape::JobOptions job;
    job.job_name = scrape.text("job_name");
    job.interval_ms = scrape.integer("scrape_interval");
    job.timeout_ms = scrape.integer("scrape_timeout");
    job.metrics_path = scrape.text("metrics_path");
    job.scheme = scrape.text("scheme");
    for (const auto& [name, values] : scrape.map("params")) {
        for (const std::string& value : values) job.params.add(name, value);
    }
    job.honor_labels = scrape.flag("honor_labels");
    job.honor_timestamps = scrape.flag("honor_timestamps");
    job.track_timestamps_staleness = scrape.flag("track_timestamps_staleness");
    job.protocols.clear();
    for (const std::string& name : scrape.texts("scrape_protocols")) {
        const std::optional<scrape::Protocol> protocol = scrape::parse_protocol(name);
        KW_CHECK(protocol.has_value());
        job.protocols.push_back(*protocol);
    }
    if (scrape.has("fallback_scrape_protocol")) {
        job.fallback_protocol = scrape::parse_protocol(scrape.text("fallback_scrape_protocol"));
    }
    job.name_validation = to_name_scheme(scrape.text("metric_name_validation_scheme"));
    const std::optional<scrape::Escaping> escaping =
        scrape::parse_escaping(scrape.text("metric_name_escaping_scheme"));
    KW_CHECK(escaping.has_value());
    job.name_escaping = *escaping;
    job.enable_compression = scrape.flag("enable_compression");
    job.extra_scrape_metrics = scrape.flag("extra_scrape_metrics");
    job.histograms.native = scrape.flag("scrape_native_histograms");
    job.histograms.always_classic = scrape.flag("always_scrape_classic_histograms");
    job.histograms.convert = scrape.flag("convert_classic_histograms_to_nhcb");
    job.limits = to_limits(scrape);
    job.histogram_limits.buckets_max = scrape.count("native_histogram_bucket_limit");
    job.histogram_limits.bucket_factor_min = scrape.real("native_histogram_min_bucket_factor");
    KW_TRY_ASSIGN(job.relabel,
                  to_relabel_rules(scrape.sections("relabel_configs"), job.name_validation));
    KW_TRY_ASSIGN(job.metric_relabel,
                  to_relabel_rules(scrape.sections("metric_relabel_configs"), job.name_validation));
    KW_TRY_ASSIGN(job.client, to_http_client(scrape, directory));
    KW_TRY(read_discovery(scrape, directory, job));
    return job;
}

Result<forward::AlertmanagerOptions> to_alertmanager(const Section& alertmanager,
                                                     const std::string& directory,
                                                     NameScheme scheme) {
    forward::AlertmanagerOptions options;
    options.scheme = alertmanager.text("scheme");
    options.path_prefix = alertmanager.text("path_prefix");
    options.timeout_ms = alertmanager.integer("timeout");
    KW_TRY_ASSIGN(options.client, to_http_client(alertmanager, directory));
    KW_TRY_ASSIGN(options.relabel,
                  to_relabel_rules(alertmanager.sections("relabel_configs"), scheme));
    KW_TRY_ASSIGN(options.alert_relabel,
                  to_relabel_rules(alertmanager.sections("alert_relabel_configs"), scheme));
    KW_TRY(read_discovery(alertmanager, directory, options));
    return options;
}

}  // namespace kw::app
