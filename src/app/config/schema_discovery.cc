// Service discovery of every kind but the clouds': what a scrape_config and an alertmanager_config
// find their targets with. Source:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/
#include <algorithm>

#include "app/config/checks.h"
#include "app/config/schema.h"
#include "app/config/schema_discovery_cloud.h"
#include "model/labels.h"
#include "settings/values.h"

namespace kw::app {
namespace {

constexpr Field kStaticConfigFields[] = {texts("targets"), labels("labels")};

// file_sd_configs
constexpr Field kFileSdFields[] = {texts("files"), duration("refresh_interval", "5m")};
// A discovery that asks again at once would never stop asking.
Result<void> check_refresh_interval(const Section& sd) {
    if (sd.integer("refresh_interval") > 0) return {};
    return sd.error("refresh_interval", "must be above 0");
}
Result<void> check_file_sd(Section& sd) {
    KW_TRY(check_refresh_interval(sd));
    if (sd.texts("files").empty()) return sd.error("files", "wants at least one file");
    for (const std::string& file : sd.texts("files")) {
        const size_t dot = file.rfind('.');
        const std::string_view ending =
            dot == std::string::npos ? std::string_view() : std::string_view(file).substr(dot + 1);
        static constexpr std::string_view kEndings[] = {"json", "yml", "yaml",
                                                        "JSON", "YML", "YAML"};
        if (std::find(std::begin(kEndings), std::end(kEndings), ending) == std::end(kEndings)) {
            return sd.error("files", "{} must end in .json, .yml or .yaml", kw::quoted(file));
        }
        if (std::count(file.begin(), file.end(), '*') > 1 || !is_last_segment_glob(file)) {
            return sd.error("files", "{} may have one * and only after its last slash",
                            kw::quoted(file));
        }
    }
    return {};
}
constexpr Block kFileSdBlock = {"file_sd_config", kFileSdFields, check_file_sd};

// http_sd_configs
constexpr Field kHttpSdFields[] = {
    inlined(kHttpClientBlock),
    duration("refresh_interval", "1m"),
    required(url("url")),
};
Result<void> check_http_sd(Section& sd) {
    KW_TRY(check_refresh_interval(sd));
    return check_http_url(sd, "url");
}
constexpr Block kHttpSdBlock = {"http_sd_config", kHttpSdFields, check_http_sd};

// consul_sd_configs
constexpr Field kConsulSdFields[] = {
    required(text("server", "localhost:8500")),
    text("path_prefix"),
    secret("token"),
    text("datacenter"),
    text("namespace"),
    text("partition"),
    text("tag_separator", ","),
    text("scheme", "http"),
    text("username"),
    secret("password"),
    flag("allow_stale", true),
    duration("refresh_interval", "30s"),
    texts("services"),
    texts("tags"),
    text_map("node_meta"),
    text("filter"),
    text("health_filter"),
    inlined(kHttpClientBlock),
};
Result<void> check_consul_sd(Section& sd) {
    KW_TRY(check_at_most_one(sd, {"username", "basic_auth"}));
    return check_at_most_one(sd, {"token", "authorization", "oauth2"});
}
constexpr Block kConsulSdBlock = {"consul_sd_config", kConsulSdFields, check_consul_sd};

// docker_sd_configs, dockerswarm_sd_configs
constexpr Field kApiFilterFields[] = {text("name"), texts("values")};
constexpr Block kApiFilterBlock = {"filter", kApiFilterFields};
constexpr Field kDockerSdFields[] = {
    inlined(kHttpClientBlock),
    required(url("host")),
    integer("port", "80"),
    blocks("filters", kApiFilterBlock),
    text("host_networking_host", "localhost"),
    duration("refresh_interval", "1m"),
    flag("match_first_network", true),
};
constexpr Block kDockerSdBlock = {"docker_sd_config", kDockerSdFields};
constexpr std::string_view kSwarmRoles[] = {"services", "tasks", "nodes"};
constexpr Field kDockerswarmSdFields[] = {
    inlined(kHttpClientBlock),
    required(url("host")),
    required(one_of("role", kSwarmRoles)),
    integer("port", "80"),
    blocks("filters", kApiFilterBlock),
    duration("refresh_interval", "1m"),
};
constexpr Block kDockerswarmSdBlock = {"dockerswarm_sd_config", kDockerswarmSdFields};

// dns_sd_configs
constexpr Field kDnsSdFields[] = {
    texts("names"),
    duration("refresh_interval", "30s"),
    text("type", "SRV"),
    integer("port"),
};
Result<void> check_dns_sd(Section& sd) {
    if (sd.texts("names").empty()) return sd.error("names", "wants at least one name");
    std::string type = sd.text("type");
    for (char& c : type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    static constexpr std::string_view kTypes[] = {"SRV", "A", "AAAA", "MX", "NS"};
    if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) {
        return sd.error("type", "{} is not one of SRV, A, AAAA, MX, NS",
                        kw::quoted(sd.text("type")));
    }
    if (type != "SRV" && !sd.has("port")) {
        return sd.error("port", "is missing; records of type {} have no port", type);
    }
    return {};
}
constexpr Block kDnsSdBlock = {"dns_sd_config", kDnsSdFields, check_dns_sd};

// eureka_sd_configs
constexpr Field kEurekaSdFields[] = {
    required(url("server")),
    inlined(kHttpClientBlock),
    duration("refresh_interval", "30s"),
};
Result<void> check_server_url(Section& sd) { return check_http_url(sd, "server"); }
constexpr Block kEurekaSdBlock = {"eureka_sd_config", kEurekaSdFields, check_server_url};

// kubernetes_sd_configs
constexpr std::string_view kKubernetesRoles[] = {"node",      "pod",           "service",
                                                 "endpoints", "endpointslice", "ingress"};
constexpr Field kNamespacesFields[] = {flag("own_namespace"), texts("names")};
constexpr Block kNamespacesBlock = {"namespaces", kNamespacesFields};
constexpr Field kSelectorFields[] = {
    one_of("role", kKubernetesRoles),
    text("label"),
    text("field"),
};
constexpr Block kSelectorBlock = {"selector", kSelectorFields};
constexpr Field kAttachMetadataFields[] = {flag("node"), flag("namespace")};
constexpr Block kAttachMetadataBlock = {"attach_metadata", kAttachMetadataFields};
constexpr Field kKubernetesSdFields[] = {
    url("api_server"),
    required(one_of("role", kKubernetesRoles)),
    text("kubeconfig_file"),
    inlined(kHttpClientBlock),
    block("namespaces", kNamespacesBlock),
    blocks("selectors", kSelectorBlock),
    block("attach_metadata", kAttachMetadataBlock),
};
// Whether one of the HTTP client's keys says something else than its default.
bool has_own_http_client(const Section& sd) {
    for (const std::string_view key :
         {"basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file",
          "tls_config", "proxy_url", "proxy_from_environment", "no_proxy", "proxy_connect_header",
          "http_headers"}) {
        if (sd.has(key)) return true;
    }
    return !sd.flag("follow_redirects") || !sd.flag("enable_http2");
}
Result<void> check_selectors(const Section& sd) {
    struct Allowed {
        std::string_view role;
        std::string_view selectors;  // each between spaces
    };
    static constexpr Allowed kAllowed[] = {
        {"pod", " pod node "},
        {"service", " service "},
        {"endpointslice", " pod service endpointslice "},
        {"endpoints", " pod service endpoints "},
        {"node", " node "},
        {"ingress", " ingress "},
    };
    std::vector<std::string> seen;
    for (const Section& selector : sd.sections("selectors")) {
        const std::string& role = selector.text("role");
        if (role.empty()) return selector.error("role", "is missing; add it");
        if (std::find(seen.begin(), seen.end(), role) != seen.end()) {
            return selector.error("role", "{} has a selector already; join the two", role);
        }
        seen.push_back(role);
        const auto* allowed =
            std::find_if(std::begin(kAllowed), std::end(kAllowed),
                         [&](const Allowed& a) { return a.role == sd.text("role"); });
        if (allowed->selectors.find(' ' + role + ' ') == std::string_view::npos) {
            return selector.error(
                "role", "role {} takes selectors of{}, not of {}", sd.text("role"),
                allowed->selectors.substr(0, allowed->selectors.size() - 1), role);
        }
    }
    return {};
}
Result<void> check_kubernetes_sd(Section& sd) {
    KW_TRY(check_at_most_one(sd, {"api_server", "kubeconfig_file"}));
    const bool has_client = has_own_http_client(sd);
    if (has_client && sd.has("kubeconfig_file")) {
        return sd.error("kubeconfig_file", "brings its own client settings; remove the others");
    }
    if (has_client && !sd.has("api_server")) {
        return sd.error("", "has client settings and no api_server; name the api_server");
    }
    const Section* const namespaces = sd.section("namespaces");
    if (namespaces != nullptr && namespaces->flag("own_namespace")) {
        for (const std::string_view key : {"api_server", "kubeconfig_file"}) {
            if (sd.has(key))
                return namespaces->error("own_namespace", "excludes {}; remove one", key);
        }
    }
    return check_selectors(sd);
}
constexpr Block kKubernetesSdBlock = {"kubernetes_sd_config", kKubernetesSdFields,
                                      check_kubernetes_sd};

// kuma_sd_configs
constexpr Field kKumaSdFields[] = {
    inlined(kHttpClientBlock),
    duration("refresh_interval", "30s"),
    duration("fetch_timeout", "2m"),
    required(url("server")),
    text("client_id"),
};
constexpr Block kKumaSdBlock = {"kuma_sd_config", kKumaSdFields, check_server_url};

// marathon_sd_configs
constexpr Field kMarathonSdFields[] = {
    texts("servers"),        duration("refresh_interval", "30s"), secret("auth_token"),
    text("auth_token_file"), inlined(kHttpClientBlock),
};
Result<void> check_marathon_sd(Section& sd) {
    if (sd.texts("servers").empty()) return sd.error("servers", "wants at least one server");
    return check_at_most_one(sd, {"auth_token", "auth_token_file", "basic_auth", "authorization",
                                  "oauth2", "bearer_token", "bearer_token_file"});
}
constexpr Block kMarathonSdBlock = {"marathon_sd_config", kMarathonSdFields, check_marathon_sd};

// nerve_sd_configs, serverset_sd_configs
constexpr Field kZookeeperSdFields[] = {texts("servers"), texts("paths"),
                                        duration("timeout", "10s")};
Result<void> check_zookeeper_sd(Section& sd) {
    for (const std::string_view key : {"servers", "paths"}) {
        if (sd.texts(key).empty()) return sd.error(key, "wants at least one");
    }
    for (const std::string& path : sd.texts("paths")) {
        if (!path.starts_with('/'))
            return sd.error("paths", "{} must begin with a slash", kw::quoted(path));
    }
    return {};
}
constexpr Block kNerveSdBlock = {"nerve_sd_config", kZookeeperSdFields, check_zookeeper_sd};
constexpr Block kServersetSdBlock = {"serverset_sd_config", kZookeeperSdFields, check_zookeeper_sd};

// nomad_sd_configs
constexpr Field kNomadSdFields[] = {
    flag("allow_stale", true),    inlined(kHttpClientBlock),
    text("namespace", "default"), duration("refresh_interval", "1m"),
    text("region", "global"),     required(text("server", "http://localhost:4646")),
    text("tag_separator", ","),
};
constexpr Block kNomadSdBlock = {"nomad_sd_config", kNomadSdFields};

// puppetdb_sd_configs
constexpr Field kPuppetdbSdFields[] = {
    inlined(kHttpClientBlock), duration("refresh_interval", "1m"), required(url("url")),
    required(text("query")),   flag("include_parameters"),         integer("port", "80"),
};
Result<void> check_puppetdb_sd(Section& sd) { return check_http_url(sd, "url"); }
constexpr Block kPuppetdbSdBlock = {"puppetdb_sd_config", kPuppetdbSdFields, check_puppetdb_sd};

// uyuni_sd_configs
constexpr Field kUyuniSdFields[] = {
    required(url("server")),
    required(text("username")),
    required(secret("password")),
    inlined(kHttpClientBlock),
    text("entitlement", "monitoring_entitled"),
    text("separator", ","),
    duration("refresh_interval", "1m"),
};
constexpr Block kUyuniSdBlock = {"uyuni_sd_config", kUyuniSdFields};

constexpr Field kDiscoveryFields[] = {
    blocks("aws_sd_configs", kAwsSdBlock),
    blocks("azure_sd_configs", kAzureSdBlock),
    blocks("consul_sd_configs", kConsulSdBlock),
    blocks("digitalocean_sd_configs", kDigitaloceanSdBlock),
    blocks("dns_sd_configs", kDnsSdBlock),
    blocks("docker_sd_configs", kDockerSdBlock),
    blocks("dockerswarm_sd_configs", kDockerswarmSdBlock),
    blocks("ec2_sd_configs", kEc2SdBlock),
    blocks("ecs_sd_configs", kEcsSdBlock),
    blocks("elasticache_sd_configs", kElasticacheSdBlock),
    blocks("eureka_sd_configs", kEurekaSdBlock),
    blocks("file_sd_configs", kFileSdBlock),
    blocks("gce_sd_configs", kGceSdBlock),
    blocks("hetzner_sd_configs", kHetznerSdBlock),
    blocks("http_sd_configs", kHttpSdBlock),
    blocks("ionos_sd_configs", kIonosSdBlock),
    blocks("kubernetes_sd_configs", kKubernetesSdBlock),
    blocks("kuma_sd_configs", kKumaSdBlock),
    blocks("lightsail_sd_configs", kLightsailSdBlock),
    blocks("linode_sd_configs", kLinodeSdBlock),
    blocks("marathon_sd_configs", kMarathonSdBlock),
    blocks("msk_sd_configs", kMskSdBlock),
    blocks("nerve_sd_configs", kNerveSdBlock),
    blocks("nomad_sd_configs", kNomadSdBlock),
    blocks("oci_sd_configs", kOciSdBlock),
    blocks("openstack_sd_configs", kOpenstackSdBlock),
    blocks("outscale_sd_configs", kOutscaleSdBlock),
    blocks("ovhcloud_sd_configs", kOvhcloudSdBlock),
    blocks("puppetdb_sd_configs", kPuppetdbSdBlock),
    blocks("rds_sd_configs", kRdsSdBlock),
    blocks("scaleway_sd_configs", kScalewaySdBlock),
    blocks("serverset_sd_configs", kServersetSdBlock),
    blocks("stackit_sd_configs", kStackitSdBlock),
    blocks("static_configs", kStaticConfigBlock),
    blocks("triton_sd_configs", kTritonSdBlock),
    blocks("uyuni_sd_configs", kUyuniSdBlock),
    blocks("vultr_sd_configs", kVultrSdBlock),
};

}  // namespace

constexpr Block kStaticConfigBlock = {"static_config", kStaticConfigFields};
constexpr Block kDiscoveryBlock = {"scrape_config", kDiscoveryFields};

}  // namespace kw::app
