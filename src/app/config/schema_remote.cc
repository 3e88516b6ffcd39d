// Other servers: Alertmanagers, remote write and read, traces.
// Source:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#alertmanager_config
#include "app/config/checks.h"
#include "app/config/schema.h"
#include "model/labels.h"

namespace kw::app {
namespace {

// Signing requests
constexpr Field kSigv4Fields[] = {
    text("region"),      text("access_key"), secret("secret_key"),
    text("profile"),     text("role_arn"),   flag("use_fips_sts_endpoint"),
    text("external_id"),
};
constexpr Block kSigv4Block = {"sigv4", kSigv4Fields, [](Section& sigv4) -> Result<void> {
                                   if (sigv4.has("access_key") != sigv4.has("secret_key")) {
                                       return sigv4.error(
                                           "", "wants access_key and secret_key together");
                                   }
                                   return {};
                               }};

constexpr std::string_view kAzureClouds[] = {"AzurePublic", "AzureChina", "AzureGovernment"};
constexpr Field kManagedIdentityFields[] = {text("client_id")};
constexpr Block kManagedIdentityBlock = {"managed_identity", kManagedIdentityFields};
constexpr Field kWorkloadIdentityFields[] = {
    required(text("client_id")),
    required(text("tenant_id")),
    text("token_file_path", "/var/run/secrets/azure/tokens/azure-identity-token"),
};
constexpr Block kWorkloadIdentityBlock = {"workload_identity", kWorkloadIdentityFields};
constexpr Field kAzureOauthFields[] = {
    required(text("client_id")),
    required(secret("client_secret")),
    required(text("tenant_id")),
};
constexpr Block kAzureOauthBlock = {"oauth", kAzureOauthFields};
constexpr Field kAzureSdkFields[] = {text("tenant_id")};
constexpr Block kAzureSdkBlock = {"sdk", kAzureSdkFields};
constexpr Field kAzureadFields[] = {
    block("managed_identity", kManagedIdentityBlock),
    block("workload_identity", kWorkloadIdentityBlock),
    block("oauth", kAzureOauthBlock),
    block("sdk", kAzureSdkBlock),
    one_of("cloud", kAzureClouds, "AzurePublic"),
    text("scope"),
};
Result<void> check_azuread(Section& azuread) {
    return check_exactly_one(azuread, {"managed_identity", "workload_identity", "oauth", "sdk"});
}
constexpr Block kAzureadBlock = {"azuread", kAzureadFields, check_azuread};
constexpr Field kGoogleIamFields[] = {text("credentials_file")};
constexpr Block kGoogleIamBlock = {"google_iam", kGoogleIamFields};

// alerting
constexpr std::string_view kAlertmanagerVersions[] = {"v2"};
constexpr Field kAlertmanagerFields[] = {
    inlined(kHttpClientBlock),
    text("scheme", "http"),
    text("path_prefix", "/"),
    duration("timeout", "10s"),
    one_of("api_version", kAlertmanagerVersions, "v2"),
    block("sigv4", kSigv4Block),
    blocks("relabel_configs", kRelabelConfigBlock),
    blocks("alert_relabel_configs", kRelabelConfigBlock),
    inlined(kDiscoveryBlock),
};
Result<void> check_alertmanager(Section& alertmanager) {
    KW_TRY(check_at_most_one(alertmanager, {"basic_auth", "authorization", "oauth2", "bearer_token",
                                            "bearer_token_file", "sigv4"}));
    if (!alertmanager.has("relabel_configs")) KW_TRY(check_static_targets(alertmanager));
    return {};
}
constexpr Block kAlertmanagerBlock = {"alertmanager_config", kAlertmanagerFields,
                                      check_alertmanager};
constexpr Field kAlertingFields[] = {
    blocks("alert_relabel_configs", kRelabelConfigBlock),
    blocks("alertmanagers", kAlertmanagerBlock),
};

// remote_write
constexpr std::string_view kWriteMessages[] = {"prometheus.WriteRequest",
                                               "io.prometheus.write.v2.Request"};
constexpr Field kQueueFields[] = {
    integer("capacity", "10000"),
    integer("max_shards", "50"),
    integer("min_shards", "1"),
    integer("max_samples_per_send", "2000"),
    duration("batch_send_deadline", "5s"),
    duration("min_backoff", "30ms"),
    duration("max_backoff", "5s"),
    flag("retry_on_http_429"),
    duration("sample_age_limit"),
};
Result<void> check_queue(Section& queue) {
    for (const std::string_view key :
         {"capacity", "max_shards", "min_shards", "max_samples_per_send", "batch_send_deadline",
          "min_backoff", "max_backoff"}) {
        if (queue.integer(key) <= 0) return queue.error(key, "must be above 0");
    }
    if (queue.integer("max_shards") < queue.integer("min_shards")) {
        return queue.error("max_shards", "{} is below min_shards {}", queue.integer("max_shards"),
                           queue.integer("min_shards"));
    }
    if (queue.integer("max_backoff") < queue.integer("min_backoff")) {
        return queue.error("max_backoff",
                           "is shorter than min_backoff; raise it or lower min_backoff");
    }
    return {};
}
constexpr Block kQueueBlock = {"queue_config", kQueueFields, check_queue};
constexpr Field kMetadataFields[] = {
    flag("send", true),
    duration("send_interval", "1m"),
    integer("max_samples_per_send", "2000"),
};
constexpr Block kMetadataBlock = {"metadata_config", kMetadataFields};
constexpr Field kRemoteWriteFields[] = {
    required(url("url")),
    duration("remote_timeout", "30s"),
    text_map("headers"),
    blocks("write_relabel_configs", kRelabelConfigBlock),
    text("name"),
    flag("send_exemplars"),
    flag("send_native_histograms"),
    flag("round_robin_dns"),
    one_of("protobuf_message", kWriteMessages, "prometheus.WriteRequest"),
    inlined(kHttpClientNoHttp2Block),
    block("queue_config", kQueueBlock, true),
    block("metadata_config", kMetadataBlock, true),
    block("sigv4", kSigv4Block),
    block("azuread", kAzureadBlock),
    block("google_iam", kGoogleIamBlock),
};
Result<void> check_remote_write(Section& remote) {
    KW_TRY(check_headers(remote, "headers", true));
    return check_at_most_one(remote, {"basic_auth", "authorization", "oauth2", "bearer_token",
                                      "bearer_token_file", "sigv4", "azuread", "google_iam"});
}

// remote_read
constexpr Field kRemoteReadFields[] = {
    required(url("url")),
    duration("remote_timeout", "1m"),
    text_map("headers"),
    flag("read_recent"),
    text("name"),
    inlined(kHttpClientBlock),
    labels("required_matchers"),
    flag("filter_external_labels", true),
};
Result<void> check_remote_read(Section& remote) { return check_headers(remote, "headers", true); }

// tracing
constexpr std::string_view kTracingClients[] = {"http", "grpc"};
constexpr std::string_view kTracingCompressions[] = {"gzip"};
constexpr Field kTracingFields[] = {
    one_of("client_type", kTracingClients, "grpc"),
    required(text("endpoint")),
    real("sampling_fraction"),
    flag("insecure"),
    block("tls_config", kTlsConfigBlock),
    text_map("headers"),
    one_of("compression", kTracingCompressions),
    duration("timeout", "10s"),
};
Result<void> check_tracing(Section& tracing) { return check_headers(tracing, "headers", false); }

}  // namespace

constexpr Block kAlertingBlock = {"alerting", kAlertingFields};
constexpr Block kRemoteWriteBlock = {"remote_write", kRemoteWriteFields, check_remote_write};
constexpr Block kRemoteReadBlock = {"remote_read", kRemoteReadFields, check_remote_read};
constexpr Block kTracingBlock = {"tracing", kTracingFields, check_tracing};

}  // namespace kw::app
