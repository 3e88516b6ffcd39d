// The web configuration file.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/https/
#include "app/config/checks.h"
#include "app/config/schema.h"
#include "app/config/schema_choices.h"

namespace kw::app {
namespace {

constexpr std::string_view kClientAuthTypes[] = {"NoClientCert", "RequestClientCert",
                                                 "RequireAnyClientCert", "VerifyClientCertIfGiven",
                                                 "RequireAndVerifyClientCert"};
constexpr Field kTlsServerFields[] = {
    text("cert"),
    secret("key"),
    text("client_ca"),
    text("cert_file"),
    text("key_file"),
    one_of("client_auth_type", kClientAuthTypes),
    text("client_ca_file"),
    texts("cipher_suites"),
    texts("curve_preferences"),
    one_of("min_version", kTlsVersions, "TLS12"),
    one_of("max_version", kTlsVersions, "TLS13"),
    flag("prefer_server_cipher_suites", true),
    texts("client_allowed_sans"),
};
Result<void> check_tls_server(Section& tls) {
    KW_TRY(check_exactly_one(tls, {"cert_file", "cert"}));
    KW_TRY(check_exactly_one(tls, {"key_file", "key"}));
    KW_TRY(check_at_most_one(tls, {"client_ca_file", "client_ca"}));
    const std::string& auth = tls.text("client_auth_type");
    const bool has_ca = tls.has("client_ca_file") || tls.has("client_ca");
    const bool verifies = auth == "RequireAndVerifyClientCert" || auth == "VerifyClientCertIfGiven";
    if (has_ca && (auth.empty() || auth == "NoClientCert")) {
        return tls.error("client_auth_type",
                         "asks for no certificate although there is a client CA; set "
                         "RequireAndVerifyClientCert");
    }
    if (verifies && !has_ca) {
        return tls.error("client_auth_type", "{} needs client_ca_file to verify with", auth);
    }
    if (tls.has("client_allowed_sans") && !verifies) {
        return tls.error("client_allowed_sans",
                         "acts only when client certificates are verified; set "
                         "client_auth_type: RequireAndVerifyClientCert");
    }
    if (tls.has("max_version") && tls.text("max_version") < tls.text("min_version")) {
        return tls.error("max_version", "{} is below min_version {}", tls.text("max_version"),
                         tls.text("min_version"));
    }
    return {};
}
constexpr Block kTlsServerBlock = {"tls_server_config", kTlsServerFields, check_tls_server};

constexpr std::string_view kFrameOptions[] = {"deny", "sameorigin"};
constexpr std::string_view kTypeOptions[] = {"nosniff"};
constexpr Field kWebHeaderFields[] = {
    text("Content-Security-Policy"),
    one_of("X-Frame-Options", kFrameOptions),
    one_of("X-Content-Type-Options", kTypeOptions),
    text("X-XSS-Protection"),
    text("Strict-Transport-Security"),
};
constexpr Block kHeadersBlock = {"headers", kWebHeaderFields};
constexpr Field kHttpServerFields[] = {flag("http2", true), block("headers", kHeadersBlock)};
constexpr Block kHttpServerBlock = {"http_server_config", kHttpServerFields};

constexpr Field kWebConfigFields[] = {
    block("tls_server_config", kTlsServerBlock),
    block("http_server_config", kHttpServerBlock),
    of_kind("basic_auth_users", Kind::kSecretMap),
};

}  // namespace

constexpr Block kWebConfigBlock = {"web configuration", kWebConfigFields};

}  // namespace kw::app
