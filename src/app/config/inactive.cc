#include "app/config/inactive.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

namespace kw::app {
namespace {

constexpr InactiveKey kInactiveKeys[] = {
    {"runtime.gogc", "there is no garbage collector to tune"},
    {"global.query_log_file", "queries are not logged to a file of their own"},
    {"global.scrape_failure_log_file",
     "failed scrapes are in the server's log and on the Targets page"},
    {"alerting.alertmanagers[].sigv4", "requests go out without a signature"},
    {"storage.tsdb", "retention is set by flags; late samples are accepted for all of it"},
    {"tracing", "the server sends no traces of its own"},
    {"remote_write", "samples are not sent to other servers"},
    {"remote_read", "samples are not read from other servers"},
    {"otlp", "OTLP is not received"},
    {"scrape_configs[].scrape_failure_log_file",
     "failed scrapes are in the server's log and on the Targets page"},
    {"**.aws_sd_configs", "no targets are found"},
    {"**.azure_sd_configs", "no targets are found"},
    {"**.consul_sd_configs", "no targets are found"},
    {"**.digitalocean_sd_configs", "no targets are found"},
    {"**.docker_sd_configs", "no targets are found"},
    {"**.dockerswarm_sd_configs", "no targets are found"},
    {"**.ec2_sd_configs", "no targets are found"},
    {"**.ecs_sd_configs", "no targets are found"},
    {"**.elasticache_sd_configs", "no targets are found"},
    {"**.eureka_sd_configs", "no targets are found"},
    {"**.gce_sd_configs", "no targets are found"},
    {"**.hetzner_sd_configs", "no targets are found"},
    {"**.ionos_sd_configs", "no targets are found"},
    {"**.kubernetes_sd_configs", "no targets are found"},
    {"**.kuma_sd_configs", "no targets are found"},
    {"**.lightsail_sd_configs", "no targets are found"},
    {"**.linode_sd_configs", "no targets are found"},
    {"**.marathon_sd_configs", "no targets are found"},
    {"**.msk_sd_configs", "no targets are found"},
    {"**.nerve_sd_configs", "no targets are found"},
    {"**.nomad_sd_configs", "no targets are found"},
    {"**.oci_sd_configs", "no targets are found"},
    {"**.openstack_sd_configs", "no targets are found"},
    {"**.outscale_sd_configs", "no targets are found"},
    {"**.ovhcloud_sd_configs", "no targets are found"},
    {"**.puppetdb_sd_configs", "no targets are found"},
    {"**.rds_sd_configs", "no targets are found"},
    {"**.scaleway_sd_configs", "no targets are found"},
    {"**.serverset_sd_configs", "no targets are found"},
    {"**.stackit_sd_configs", "no targets are found"},
    {"**.triton_sd_configs", "no targets are found"},
    {"**.uyuni_sd_configs", "no targets are found"},
    {"**.vultr_sd_configs", "no targets are found"},
    {"**.receivers[].discord_configs", "nothing is sent to it"},
    {"**.receivers[].incidentio_configs", "nothing is sent to it"},
    {"**.receivers[].jira_configs", "nothing is sent to it"},
    {"**.receivers[].mattermost_configs", "nothing is sent to it"},
    {"**.receivers[].msteams_configs", "nothing is sent to it"},
    {"**.receivers[].msteamsv2_configs", "nothing is sent to it"},
    {"**.receivers[].opsgenie_configs", "nothing is sent to it"},
    {"**.receivers[].pushover_configs", "nothing is sent to it"},
    {"**.receivers[].rocketchat_configs", "nothing is sent to it"},
    {"**.receivers[].sns_configs", "nothing is sent to it"},
    {"**.receivers[].telegram_configs", "nothing is sent to it"},
    {"**.receivers[].victorops_configs", "nothing is sent to it"},
    {"**.receivers[].webex_configs", "nothing is sent to it"},
    {"**.receivers[].wechat_configs", "nothing is sent to it"},
    {"alertmanager.tracing", "the server sends no traces of its own"},
    {"**.basic_auth.username_ref", "there is no store of secrets to look it up in"},
    {"**.basic_auth.password_ref", "there is no store of secrets to look it up in"},
    {"**.authorization.credentials_ref", "there is no store of secrets to look it up in"},
    {"**.oauth2.client_secret_ref", "there is no store of secrets to look it up in"},
    {"**.oauth2.client_certificate_key_ref", "there is no store of secrets to look it up in"},
    {"**.tls_config.ca_ref", "there is no store of secrets to look it up in"},
    {"**.tls_config.cert_ref", "there is no store of secrets to look it up in"},
    {"**.tls_config.key_ref", "there is no store of secrets to look it up in"},
};

// "scrape_configs[3].basic_auth" -> "scrape_configs[].basic_auth"
std::string without_indexes(std::string_view path) {
    std::string out;
    bool inside = false;
    for (const char c : path) {
        if (c == ']') inside = false;
        if (!inside) out += c;
        if (c == '[') inside = true;
    }
    return out;
}

const InactiveKey* find_inactive(const std::string& path) {
    const std::string plain = without_indexes(path);
    for (const InactiveKey& key : kInactiveKeys) {
        if (key.path == plain) return &key;
        if (!key.path.starts_with("**.")) continue;
        if (plain.ends_with(key.path.substr(2)) || plain == key.path.substr(3)) return &key;
    }
    return nullptr;
}

}  // namespace

std::span<const InactiveKey> inactive_keys() { return kInactiveKeys; }

void add_inactive_warnings(const Section& root, std::vector<ConfigWarning>& warnings) {
    for (const Value& value : root.values()) {
        if (value.line == 0 || !root.has(value.field->name)) continue;
        const std::string path = root.path_of(value.field->name);
        if (const InactiveKey* const key = find_inactive(path); key != nullptr) {
            warnings.push_back(
                {root.file(), value.line, path, fmt::format("does not act yet: {}", key->effect)});
            continue;
        }
        for (const Section& inner : root.sections(value.field->name)) {
            add_inactive_warnings(inner, warnings);
        }
    }
}

}  // namespace kw::app
