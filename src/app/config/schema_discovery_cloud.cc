#include "app/config/schema_discovery_cloud.h"

#include "app/config/checks.h"
#include "app/config/schema.h"
#include "model/labels.h"

namespace kw::app {
namespace {

// Amazon
constexpr Field kFilterFields[] = {text("name"), texts("values")};
Result<void> check_filter(Section& filter) {
    if (filter.texts("values").empty()) return filter.error("values", "wants at least one value");
    return {};
}
constexpr Block kFilterBlock = {"filter", kFilterFields, check_filter};
constexpr Field kAwsClientFields[] = {
    text("endpoint"),          text("region"),        text("access_key"),
    secret("secret_key"),      text("profile"),       text("role_arn"),
    text("external_id"),       integer("port", "80"), duration("refresh_interval", "1m"),
    inlined(kHttpClientBlock),
};
constexpr Block kAwsClientBlock = {"aws_sd_config", kAwsClientFields};
constexpr std::string_view kAwsRoles[] = {"ec2", "ecs", "elasticache", "lightsail", "msk", "rds"};
constexpr Field kAwsSdFields[] = {
    required(one_of("role", kAwsRoles)), inlined(kAwsClientBlock),       texts("clusters"),
    blocks("filters", kFilterBlock),     integer("request_concurrency"),
};
constexpr Field kEc2SdFields[] = {inlined(kAwsClientBlock), blocks("filters", kFilterBlock)};
constexpr Field kLightsailSdFields[] = {inlined(kAwsClientBlock)};
constexpr Field kClusterSdFields[] = {
    inlined(kAwsClientBlock),
    texts("clusters"),
    integer("request_concurrency"),
};
constexpr Field kRdsSdFields[] = {
    inlined(kAwsClientBlock),
    texts("clusters"),
    blocks("filters", kFilterBlock),
    integer("request_concurrency"),
};

// Azure
constexpr std::string_view kAzureMethods[] = {"OAuth", "ManagedIdentity", "SDK",
                                              "WorkloadIdentity"};
constexpr Field kAzureSdFields[] = {
    text("environment", "AzurePublicCloud"),
    integer("port", "80"),
    required(text("subscription_id")),
    text("tenant_id"),
    text("client_id"),
    secret("client_secret"),
    duration("refresh_interval", "5m"),
    one_of("authentication_method", kAzureMethods, "OAuth"),
    text("resource_group"),
    inlined(kHttpClientBlock),
};
Result<void> check_azure_sd(Section& sd) {
    if (sd.text("authentication_method") != "OAuth") return {};
    for (const std::string_view key : {"tenant_id", "client_id", "client_secret"}) {
        if (!sd.has(key)) return sd.error(key, "is missing; authentication_method OAuth needs it");
    }
    return {};
}

// DigitalOcean, Hetzner, IONOS, Linode, Vultr
constexpr std::string_view kDigitaloceanRoles[] = {"droplets", "databases"};
constexpr Field kDigitaloceanSdFields[] = {
    one_of("role", kDigitaloceanRoles),
    inlined(kHttpClientBlock),
    duration("refresh_interval", "1m"),
    integer("port", "80"),
};
constexpr std::string_view kHetznerRoles[] = {"robot", "hcloud"};
constexpr Field kHetznerSdFields[] = {
    inlined(kHttpClientBlock), duration("refresh_interval", "1m"),
    integer("port", "80"),     required(one_of("role", kHetznerRoles)),
    text("label_selector"),
};
constexpr Field kIonosSdFields[] = {
    required(text("datacenter_id")),
    inlined(kHttpClientBlock),
    duration("refresh_interval", "1m"),
    integer("port", "80"),
};
constexpr Field kLinodeSdFields[] = {
    inlined(kHttpClientBlock),
    duration("refresh_interval", "1m"),
    integer("port", "80"),
    text("tag_separator", ","),
    text("region"),
};
constexpr Field kVultrSdFields[] = {
    inlined(kHttpClientBlock),
    duration("refresh_interval", "1m"),
    integer("port", "80"),
};

// Google
constexpr Field kGceSdFields[] = {
    required(text("project")),          required(text("zone")), text("filter"),
    duration("refresh_interval", "1m"), integer("port", "80"),  text("tag_separator", ","),
};

// Oracle
constexpr std::string_view kOciMethods[] = {"api_key", "instance_principal", "resource_principal",
                                            "workload_identity"};
constexpr Field kOciSdFields[] = {
    one_of("auth", kOciMethods, "api_key"),
    text("region"),
    text("tenancy"),
    text("user"),
    text("fingerprint"),
    secret("key"),
    text("key_file"),
    secret("key_passphrase"),
    texts("compartments"),
    integer("port", "80"),
    duration("refresh_interval", "1m"),
    inlined(kHttpClientBlock),
};
Result<void> check_oci_sd(Section& sd) { return check_at_most_one(sd, {"key", "key_file"}); }

// OpenStack
constexpr std::string_view kOpenstackRoles[] = {"hypervisor", "instance", "loadbalancer"};
constexpr std::string_view kAvailabilities[] = {"public", "internal", "admin"};
constexpr Field kOpenstackSdFields[] = {
    text("identity_endpoint"),
    text("username"),
    text("userid"),
    secret("password"),
    text("project_name"),
    text("project_id"),
    text("domain_name"),
    text("domain_id"),
    text("application_credential_name"),
    text("application_credential_id"),
    secret("application_credential_secret"),
    required(one_of("role", kOpenstackRoles)),
    required(text("region")),
    duration("refresh_interval", "1m"),
    integer("port", "80"),
    flag("all_tenants"),
    block("tls_config", kTlsConfigBlock),
    one_of("availability", kAvailabilities, "public"),
};

// Outscale
constexpr Field kOutscaleSdFields[] = {
    required(text("region", "eu-west-2")),
    text("endpoint"),
    required(text("access_key")),
    secret("secret_key"),
    text("secret_key_file"),
    integer("port", "80"),
    duration("refresh_interval", "1m"),
    inlined(kHttpClientBlock),
};
Result<void> check_secret_key(Section& sd) {
    return check_exactly_one(sd, {"secret_key", "secret_key_file"});
}

// OVHcloud
constexpr std::string_view kOvhServices[] = {"dedicated_server", "vps"};
constexpr Field kOvhcloudSdFields[] = {
    required(text("endpoint", "ovh-eu")),   required(text("application_key")),
    required(secret("application_secret")), required(secret("consumer_key")),
    duration("refresh_interval", "1m"),     required(one_of("service", kOvhServices)),
};

// Scaleway
constexpr std::string_view kScalewayRoles[] = {"instance", "baremetal"};
constexpr Field kScalewaySdFields[] = {
    required(text("project_id")), url("api_url", "https://api.scaleway.com"),
    text("zone", "fr-par-1"),     required(text("access_key")),
    secret("secret_key"),         text("secret_key_file"),
    text("name_filter"),          texts("tags_filter"),
    inlined(kHttpClientBlock),    duration("refresh_interval", "1m"),
    integer("port", "80"),        required(one_of("role", kScalewayRoles)),
};

// STACKIT
constexpr Field kStackitSdFields[] = {
    inlined(kHttpClientBlock),
    required(text("project")),
    duration("refresh_interval", "1m"),
    integer("port", "80"),
    text("region", "eu01"),
    url("endpoint"),
    secret("service_account_key"),
    secret("private_key"),
    text("service_account_key_path"),
    text("private_key_path"),
    text("credentials_file_path"),
};

// Triton
constexpr std::string_view kTritonRoles[] = {"container", "cn"};
constexpr Field kTritonSdFields[] = {
    required(text("account")),
    one_of("role", kTritonRoles, "container"),
    required(text("dns_suffix")),
    required(text("endpoint")),
    texts("groups"),
    integer("port", "9163"),
    duration("refresh_interval", "1m"),
    block("tls_config", kTlsConfigBlock),
    integer("version", "1"),
};
Result<void> check_triton_sd(Section& sd) {
    if (sd.integer("refresh_interval") <= 0) return sd.error("refresh_interval", "must be above 0");
    return {};
}

}  // namespace

constexpr Block kAwsSdBlock = {"aws_sd_config", kAwsSdFields};
constexpr Block kAzureSdBlock = {"azure_sd_config", kAzureSdFields, check_azure_sd};
constexpr Block kDigitaloceanSdBlock = {"digitalocean_sd_config", kDigitaloceanSdFields};
constexpr Block kEc2SdBlock = {"ec2_sd_config", kEc2SdFields};
constexpr Block kEcsSdBlock = {"ecs_sd_config", kClusterSdFields};
constexpr Block kElasticacheSdBlock = {"elasticache_sd_config", kClusterSdFields};
constexpr Block kGceSdBlock = {"gce_sd_config", kGceSdFields};
constexpr Block kHetznerSdBlock = {"hetzner_sd_config", kHetznerSdFields};
constexpr Block kIonosSdBlock = {"ionos_sd_config", kIonosSdFields};
constexpr Block kLightsailSdBlock = {"lightsail_sd_config", kLightsailSdFields};
constexpr Block kLinodeSdBlock = {"linode_sd_config", kLinodeSdFields};
constexpr Block kMskSdBlock = {"msk_sd_config", kClusterSdFields};
constexpr Block kOciSdBlock = {"oci_sd_config", kOciSdFields, check_oci_sd};
constexpr Block kOpenstackSdBlock = {"openstack_sd_config", kOpenstackSdFields};
constexpr Block kOutscaleSdBlock = {"outscale_sd_config", kOutscaleSdFields, check_secret_key};
constexpr Block kOvhcloudSdBlock = {"ovhcloud_sd_config", kOvhcloudSdFields};
constexpr Block kRdsSdBlock = {"rds_sd_config", kRdsSdFields};
constexpr Block kScalewaySdBlock = {"scaleway_sd_config", kScalewaySdFields, check_secret_key};
constexpr Block kStackitSdBlock = {"stackit_sd_config", kStackitSdFields};
constexpr Block kTritonSdBlock = {"triton_sd_config", kTritonSdFields, check_triton_sd};
constexpr Block kVultrSdBlock = {"vultr_sd_config", kVultrSdFields};

}  // namespace kw::app
