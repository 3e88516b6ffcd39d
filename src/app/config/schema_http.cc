// The blocks of outbound HTTP: authentication, TLS, proxy, headers.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
#include "app/config/checks.h"
#include "app/config/schema.h"
#include "app/config/schema_choices.h"

namespace kw::app {
namespace {

Result<void> check_tls(Section& tls) {
    KW_TRY(check_at_most_one(tls, {"ca", "ca_file", "ca_ref"}));
    KW_TRY(check_at_most_one(tls, {"cert", "cert_file", "cert_ref"}));
    KW_TRY(check_at_most_one(tls, {"key", "key_file", "key_ref"}));
    const bool has_cert = tls.has("cert") || tls.has("cert_file") || tls.has("cert_ref");
    const bool has_key = tls.has("key") || tls.has("key_file") || tls.has("key_ref");
    if (has_cert && !has_key) {
        return tls.error("", "has a client certificate and no key; add key_file or key");
    }
    if (has_key && !has_cert) {
        return tls.error("", "has a client key and no certificate; add cert_file or cert");
    }
    if (tls.has("min_version") && tls.has("max_version") &&
        tls.text("max_version") < tls.text("min_version")) {
        return tls.error("max_version", "{} is below min_version {}", tls.text("max_version"),
                         tls.text("min_version"));
    }
    return {};
}

constexpr Field kTlsFields[] = {
    text("ca"),
    text("cert"),
    secret("key"),
    text("ca_file"),
    text("cert_file"),
    text("key_file"),
    text("ca_ref"),
    text("cert_ref"),
    text("key_ref"),
    text("server_name"),
    flag("insecure_skip_verify"),
    one_of("min_version", kTlsVersions),
    one_of("max_version", kTlsVersions),
};

constexpr Field kBasicAuthFields[] = {
    text("username"),   text("username_file"), text("username_ref"),
    secret("password"), text("password_file"), text("password_ref"),
};
Result<void> check_basic_auth(Section& auth) {
    KW_TRY(check_at_most_one(auth, {"username", "username_file", "username_ref"}));
    return check_at_most_one(auth, {"password", "password_file", "password_ref"});
}
constexpr Block kBasicAuthBlock = {"basic_auth", kBasicAuthFields, check_basic_auth};

constexpr Field kAuthorizationFields[] = {
    text("type", "Bearer"),
    secret("credentials"),
    text("credentials_file"),
    text("credentials_ref"),
};
Result<void> check_authorization(Section& auth) {
    KW_TRY(check_at_most_one(auth, {"credentials", "credentials_file", "credentials_ref"}));
    std::string type = auth.text("type");
    type.erase(0, type.find_first_not_of(" \t"));
    type.erase(type.find_last_not_of(" \t") + 1);
    if (type.size() == 5 && (type[0] == 'b' || type[0] == 'B') && type.substr(1) == "asic") {
        return auth.error("type", "{} is not for authorization; use basic_auth", type);
    }
    auth.put("type", type.empty() ? std::string("Bearer") : type);
    return {};
}
constexpr Block kAuthorizationBlock = {"authorization", kAuthorizationFields, check_authorization};

constexpr Field kHeaderFields[] = {
    texts("values"),
    of_kind("secrets", Kind::kSecrets),
    texts("files"),
};
constexpr Block kHeaderBlock = {"http_headers", kHeaderFields};

constexpr Field kProxyFields[] = {
    url("proxy_url"),
    text("no_proxy"),
    flag("proxy_from_environment"),
    of_kind("proxy_connect_header", Kind::kSecretsMap),
};
Result<void> check_proxy(Section& http) {
    const bool has_url = http.has("proxy_url");
    const bool from_environment = http.flag("proxy_from_environment");
    if (http.has("proxy_connect_header") && !has_url && !from_environment) {
        return http.error("proxy_connect_header", "has no proxy to go to; set proxy_url");
    }
    if (from_environment && has_url) {
        return http.error("proxy_url", "excludes proxy_from_environment; keep one of them");
    }
    if (from_environment && http.has("no_proxy")) {
        return http.error("no_proxy", "is ignored with proxy_from_environment; remove one of them");
    }
    if (!has_url && http.has("no_proxy")) {
        return http.error("no_proxy", "has no proxy to go around; set proxy_url");
    }
    return {};
}
constexpr Block kProxyBlock = {"http_config", kProxyFields, check_proxy};

constexpr std::string_view kJwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::string_view kGrantTypes[] = {"client_credentials", kJwtGrant};
constexpr std::string_view kSignatures[] = {"RS256", "RS384", "RS512"};
constexpr Field kOauth2Fields[] = {
    text("client_id"),
    secret("client_secret"),
    text("client_secret_file"),
    text("client_secret_ref"),
    text("client_certificate_key_id"),
    secret("client_certificate_key"),
    text("client_certificate_key_file"),
    text("client_certificate_key_ref"),
    one_of("grant_type", kGrantTypes),
    one_of("signature_algorithm", kSignatures),
    text("iss"),
    text("audience"),
    of_kind("claims", Kind::kAnyMap),
    texts("scopes"),
    text("token_url"),
    text_map("endpoint_params"),
    block("tls_config", kTlsConfigBlock),
    inlined(kProxyBlock),
    block_map("http_headers", kHeaderBlock),
};
Result<void> check_oauth2(Section& oauth2) {
    for (const std::string_view key : {"client_id", "token_url"}) {
        if (!oauth2.has(key)) return oauth2.error("", "{} is missing; add it", key);
    }
    KW_TRY(check_at_most_one(oauth2, {"client_secret", "client_secret_file", "client_secret_ref"}));
    return check_at_most_one(oauth2, {"client_certificate_key", "client_certificate_key_file",
                                      "client_certificate_key_ref"});
}
constexpr Block kOauth2Block = {"oauth2", kOauth2Fields, check_oauth2};

Result<void> check_header_names(const Section& http) {
    for (const Section& header : http.sections("http_headers")) {
        if (is_reserved_header(header.name())) {
            return header.error("", "is set by the server itself; remove it");
        }
    }
    return {};
}

Result<void> check_http_client(Section& http) {
    KW_TRY(check_at_most_one(http, {"bearer_token", "bearer_token_file"}));
    KW_TRY(check_at_most_one(
        http, {"basic_auth", "oauth2", "authorization", "bearer_token", "bearer_token_file"}));
    return check_header_names(http);
}

#define KW_HTTP_CLIENT_FIELDS(http2)                                                      \
    block("basic_auth", kBasicAuthBlock), block("authorization", kAuthorizationBlock),    \
        block("oauth2", kOauth2Block), secret("bearer_token"), text("bearer_token_file"), \
        block("tls_config", kTlsConfigBlock), flag("follow_redirects", true),             \
        flag("enable_http2", http2), inlined(kProxyBlock), block_map("http_headers", kHeaderBlock)
constexpr Field kHttpClientFields[] = {KW_HTTP_CLIENT_FIELDS(true)};
constexpr Field kHttpClientNoHttp2Fields[] = {KW_HTTP_CLIENT_FIELDS(false)};
#undef KW_HTTP_CLIENT_FIELDS

}  // namespace

constexpr Block kTlsConfigBlock = {"tls_config", kTlsFields, check_tls};
constexpr Block kHttpClientBlock = {"http_config", kHttpClientFields, check_http_client};
constexpr Block kHttpClientNoHttp2Block = {"http_config", kHttpClientNoHttp2Fields,
                                           check_http_client};

}  // namespace kw::app
