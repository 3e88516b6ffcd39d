#include "app/config/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kw::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(WebConfig, ReadsAllOfPrometheusFormat) {
    const Result<net::WebOptions> options = parse_web_config(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [a.example]
  min_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519]
  prefer_server_cipher_suites: false
http_server_config:
  http2: true
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=1
basic_auth_users:
  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze
)",
                                                             "/etc/kw/web.yml");
    ASSERT_TRUE(options.ok()) << options.error().message;
    EXPECT_EQ(options->tls->cert.file, "/etc/kw/server.crt");
    EXPECT_EQ(options->tls->key.file, "/keys/server.key");
    EXPECT_EQ(options->tls->client_ca.file, "/etc/kw/ca.crt");
    EXPECT_EQ(options->tls->client_certificate, net::ClientCertificate::kRequireAndVerify);
    EXPECT_EQ(options->tls->min_version, net::TlsVersion::kTls13);
    EXPECT_EQ(options->tls->max_version, net::TlsVersion::kTls13);
    EXPECT_THAT(options->tls->client_allowed_sans, ElementsAre("a.example"));
    EXPECT_FALSE(options->tls->prefer_server_cipher_suites);
    EXPECT_THAT(options->headers, ElementsAre(Pair("X-Frame-Options", "deny"),
                                              Pair("Strict-Transport-Security", "max-age=1")));
    EXPECT_EQ(options->basic_auth_users.count("alice"), 1u);
}

TEST(WebConfig, AnEmptyFileAsksForNothing) {
    const Result<net::WebOptions> options = parse_web_config("", "web.yml");
    ASSERT_TRUE(options.ok());
    EXPECT_EQ(options.value(), net::WebOptions());
}

TEST(WebConfig, ANullVersionIsNone) {
    EXPECT_TRUE(parse_web_config("tls_server_config: {cert_file: a, key_file: b, min_version: ~, "
                                 "max_version: ~}",
                                 "web.yml")
                    .ok());
}

TEST(WebConfig, RefusesWithThePlace) {
    struct Row {
        const char* text;
        const char* want;
    };
    const Row rows[] = {
        {"basic_auth: {}", "web.yml:1: basic_auth: is not a key of web configuration"},
        {"tls_server_config: {}", "web.yml:1: tls_server_config: wants one of cert_file, cert"},
        {"tls_server_config:\n  cert_file: a\n  cert: b\n  key_file: c",
         "cert: excludes cert_file"},
        {"tls_server_config: {cert_file: a, key_file: b, min_version: SSL3}",
         "\"SSL3\" is not one of TLS10"},
        {"tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}",
         "asks for no certificate"},
        {"tls_server_config: {cert_file: a, key_file: b, client_auth_type: "
         "RequireAndVerifyClientCert}",
         "needs client_ca_file"},
        {"tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}",
         "TLS12 is below min_version TLS13"},
        {"http_server_config: {headers: {X-Frame-Options: maybe}}",
         "\"maybe\" is not one of deny, sameorigin"},
        {"http_server_config: {headers: {X-Other: a}}", "X-Other: is not a key of headers"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Result<net::WebOptions> options = parse_web_config(row.text, "web.yml");
        ASSERT_FALSE(options.ok());
        EXPECT_THAT(options.error().message, HasSubstr(row.want));
    }
}

}  // namespace
}  // namespace kw::app
