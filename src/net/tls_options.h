// TLS settings of both sides, as Prometheus' configuration has them. A text and a file exclude each
// other; files are read again for new connections, so that a renewed certificate needs no restart.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace kw::net {

enum class TlsVersion : unsigned char { kDefault, kTls10, kTls11, kTls12, kTls13 };
// "TLS10" … "TLS13"; "" is kDefault. Errors: kInvalid, naming the four.
Result<TlsVersion> parse_tls_version(std::string_view text);

// A text given in place, or the path of a file that is read at each use (a last line feed is cut).
struct TextOrFile {
    std::string text;
    std::string file;
    bool empty() const { return text.empty() && file.empty(); }
    bool operator==(const TextOrFile&) const = default;
};

// tls_config of an HTTP client.
struct TlsClientOptions {
    TextOrFile ca;  // PEM; empty: the system's
    TextOrFile cert;
    TextOrFile key;
    std::string server_name;  // empty: the host of the URL
    bool insecure_skip_verify = false;
    TlsVersion min_version = TlsVersion::kDefault;  // 1.2
    TlsVersion max_version = TlsVersion::kDefault;  // the newest
    bool operator==(const TlsClientOptions&) const = default;
};

enum class ClientCertificate : unsigned char {
    kNone,              // NoClientCert
    kRequest,           // RequestClientCert
    kRequireAny,        // RequireAnyClientCert
    kVerifyIfGiven,     // VerifyClientCertIfGiven
    kRequireAndVerify,  // RequireAndVerifyClientCert
};
// Errors: kInvalid, naming the five. "" is kNone.
Result<ClientCertificate> parse_client_certificate(std::string_view text);

// tls_server_config of the web configuration file.
struct TlsServerOptions {
    TextOrFile cert;
    TextOrFile key;
    ClientCertificate client_certificate = ClientCertificate::kNone;
    TextOrFile client_ca;
    std::vector<std::string> client_allowed_sans;
    TlsVersion min_version = TlsVersion::kDefault;  // 1.2
    TlsVersion max_version = TlsVersion::kDefault;  // 1.3
    std::vector<std::string> cipher_suites;  // Go's names: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    bool prefer_server_cipher_suites = true;
    std::vector<std::string> curve_preferences;  // "CurveP256", "CurveP384", "CurveP521", "X25519"
    bool operator==(const TlsServerOptions&) const = default;
};

// Reads the files and builds a context of it once: what a check of the configuration wants to know.
// Errors: kInvalid (bad PEM, key and certificate do not match, an unknown suite), kNotFound and the
// like.
Result<void> check_tls_server_options(const TlsServerOptions& options);

}  // namespace kw::net
