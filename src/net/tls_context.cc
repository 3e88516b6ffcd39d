#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/fs/real.h"

namespace kw::net {
namespace {

constexpr uint64_t kPemBytesMax = 1 << 20;

struct NamedVersion {
    std::string_view name;
    TlsVersion version;
    int number;
};
constexpr NamedVersion kVersions[] = {
    {"TLS10", TlsVersion::kTls10, TLS1_VERSION},
    {"TLS11", TlsVersion::kTls11, TLS1_1_VERSION},
    {"TLS12", TlsVersion::kTls12, TLS1_2_VERSION},
    {"TLS13", TlsVersion::kTls13, TLS1_3_VERSION},
};

constexpr std::pair<std::string_view, ClientCertificate> kClientCertificates[] = {
    {"NoClientCert", ClientCertificate::kNone},
    {"RequestClientCert", ClientCertificate::kRequest},
    {"RequireAnyClientCert", ClientCertificate::kRequireAny},
    {"VerifyClientCertIfGiven", ClientCertificate::kVerifyIfGiven},
    {"RequireAndVerifyClientCert", ClientCertificate::kRequireAndVerify},
};

struct NamedSuite {
    std::string_view go;
    const char* openssl;
    bool is_tls13 = false;
};
// Those of Go's crypto/tls that OpenSSL 3 still has.
constexpr NamedSuite kSuites[] = {
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true},
    {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", true},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
};

struct NamedCurve {
    std::string_view go;
    const char* openssl;
};
constexpr NamedCurve kCurves[] = {
    {"CurveP256", "P-256"},
    {"CurveP384", "P-384"},
    {"CurveP521", "P-521"},
    {"X25519", "X25519"},
};

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using TlsKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio memory_bio(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

Result<void> use_certificate(SSL_CTX* context, const std::string& pem) {
    const Bio bio = memory_bio(pem);
    const Certificate leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (!leaf) return invalid("no certificate in it: {}", last_ssl_error());
    if (SSL_CTX_use_certificate(context, leaf.get()) != 1) return invalid("{}", last_ssl_error());
    for (;;) {
        const Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
        if (!next) break;
        SSL_CTX_add1_chain_cert(context, next.get());
    }
    ERR_clear_error();  // the end of the file is reported as one
    return {};
}

Result<void> use_key(SSL_CTX* context, const std::string& pem) {
    const Bio bio = memory_bio(pem);
    // An empty passphrase rather than a question on the terminal.
    const TlsKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, const_cast<char*>("")),
                     EVP_PKEY_free);
    if (!key) return invalid("no unencrypted private key in it: {}", last_ssl_error());
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        return invalid("does not belong to the certificate: {}", last_ssl_error());
    }
    return {};
}

Result<void> use_client_ca(SSL_CTX* context, const std::string& pem) {
    const Bio bio = memory_bio(pem);
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    size_t count = 0;
    for (;; ++count) {
        const Certificate ca(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
        if (!ca) break;
        X509_STORE_add_cert(store, ca.get());
        SSL_CTX_add_client_CA(context, ca.get());
    }
    ERR_clear_error();
    if (count == 0) return invalid("no certificate in it");
    return {};
}

// The allowed subject alternative names hang on the context, and are freed with it.
int allowed_sans_index() {
    static const int index = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* names, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<std::vector<std::string>*>(names);
        });
    return index;
}

bool has_allowed_san(X509* certificate, const std::vector<std::string>& allowed) {
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        std::string text;
        if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI) {
            text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.ia5)),
                        static_cast<size_t>(ASN1_STRING_length(name->d.ia5)));
        } else if (name->type == GEN_IPADD) {
            const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> address(
                ASN1_OCTET_STRING_dup(name->d.iPAddress), ASN1_OCTET_STRING_free);
            for (const std::string& want : allowed) {
                const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> parsed(
                    a2i_IPADDRESS(want.c_str()), ASN1_OCTET_STRING_free);
                if (parsed && ASN1_OCTET_STRING_cmp(parsed.get(), address.get()) == 0) return true;
            }
            ERR_clear_error();
            continue;
        }
        if (std::ranges::find(allowed, text) != allowed.end()) return true;
    }
    return false;
}

int verify_client(int chain_is_good, X509_STORE_CTX* store) {
    if (!chain_is_good) return 0;
    if (X509_STORE_CTX_get_error_depth(store) > 0) return 1;
    const auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* allowed = static_cast<const std::vector<std::string>*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), allowed_sans_index()));
    return !allowed || has_allowed_san(X509_STORE_CTX_get_current_cert(store), *allowed) ? 1 : 0;
}

int accept_any_client(int, X509_STORE_CTX*) { return 1; }

void set_client_certificate(SSL_CTX* context, const TlsServerOptions& options) {
    switch (options.client_certificate) {
        case ClientCertificate::kNone: SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr); break;
        case ClientCertificate::kRequest:
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any_client);
            break;
        case ClientCertificate::kRequireAny:
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                               accept_any_client);
            break;
        case ClientCertificate::kVerifyIfGiven:
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, verify_client);
            break;
        case ClientCertificate::kRequireAndVerify:
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                               verify_client);
            break;
    }
    if (!options.client_allowed_sans.empty()) {
        SSL_CTX_set_ex_data(context, allowed_sans_index(),
                            new std::vector<std::string>(options.client_allowed_sans));
    }
}

int version_number(TlsVersion version, int if_default) {
    for (const NamedVersion& known : kVersions) {
        if (known.version == version) return known.number;
    }
    return if_default;
}

Result<void> set_suites(SSL_CTX* context, const std::vector<std::string>& suites) {
    std::string up_to_12;
    std::string of_13;
    for (const std::string& suite : suites) {
        const auto* known = std::ranges::find(kSuites, suite, &NamedSuite::go);
        if (known == std::end(kSuites)) return invalid("unknown cipher suite {}", suite);
        std::string& list = known->is_tls13 ? of_13 : up_to_12;
        if (!list.empty()) list += ':';
        list += known->openssl;
    }
    if (!up_to_12.empty() && SSL_CTX_set_cipher_list(context, up_to_12.c_str()) != 1) {
        return invalid("cipher suites: {}", last_ssl_error());
    }
    if (!of_13.empty() && SSL_CTX_set_ciphersuites(context, of_13.c_str()) != 1) {
        return invalid("cipher suites: {}", last_ssl_error());
    }
    return {};
}

Result<void> set_curves(SSL_CTX* context, const std::vector<std::string>& curves) {
    std::string list;
    for (const std::string& curve : curves) {
        const auto* known = std::ranges::find(kCurves, curve, &NamedCurve::go);
        if (known == std::end(kCurves)) return invalid("unknown curve {}", curve);
        if (!list.empty()) list += ':';
        list += known->openssl;
    }
    if (!list.empty() && SSL_CTX_set1_groups_list(context, list.c_str()) != 1) {
        return invalid("curves: {}", last_ssl_error());
    }
    return {};
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void*) {
    static constexpr unsigned char kOurs[] = "\x08http/1.1";
    const int chosen = SSL_select_next_proto(const_cast<unsigned char**>(out), out_size, kOurs,
                                             sizeof kOurs - 1, in, in_size);
    return chosen == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// What tells one content of a file from another without reading it.
std::string stamp_of(const TlsServerOptions& options) {
    std::string stamp;
    for (const TextOrFile* source : {&options.cert, &options.key, &options.client_ca}) {
        struct stat status{};
        if (source->file.empty() || stat(source->file.c_str(), &status) != 0) {
            stamp += "-;";
            continue;
        }
        stamp += fmt::format("{}:{}:{}.{};", status.st_ino, status.st_size, status.st_ctim.tv_sec,
                             status.st_ctim.tv_nsec);
    }
    return stamp;
}

}  // namespace

Result<TlsVersion> parse_tls_version(std::string_view text) {
    if (text.empty()) return TlsVersion::kDefault;
    for (const NamedVersion& known : kVersions) {
        if (known.name == text) return known.version;
    }
    return invalid("unknown TLS version \"{}\", want TLS10, TLS11, TLS12 or TLS13",
                   std::string(text));
}

Result<ClientCertificate> parse_client_certificate(std::string_view text) {
    if (text.empty()) return ClientCertificate::kNone;
    for (const auto& [name, kind] : kClientCertificates) {
        if (name == text) return kind;
    }
    return invalid(
        "unknown client_auth_type {}, want NoClientCert, RequestClientCert, RequireAnyClientCert, "
        "VerifyClientCertIfGiven or RequireAndVerifyClientCert",
        text);
}

Result<std::string> read_text_or_file(const TextOrFile& source) {
    if (source.file.empty()) return source.text;
    fs::RealFileSystem files;
    KW_TRY_ASSIGN(std::string content, fs::read_file(files, source.file, kPemBytesMax));
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    return content;
}

std::string last_ssl_error() {
    const unsigned long code = ERR_peek_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    const char* reason = ERR_reason_error_string(code);
    return reason ? reason : fmt::format("OpenSSL error {:#x}", code);
}

Result<SslContext> make_server_context(const TlsServerOptions& options) {
    if (options.cert.empty()) return invalid("cert_file is missing");
    if (options.key.empty()) return invalid("key_file is missing");
    const bool verifies = options.client_certificate == ClientCertificate::kVerifyIfGiven ||
                          options.client_certificate == ClientCertificate::kRequireAndVerify;
    if (verifies && options.client_ca.empty()) {
        return invalid("client certificates are to be verified, but client_ca_file is missing");
    }
    if (!verifies && !options.client_ca.empty() &&
        options.client_certificate == ClientCertificate::kNone) {
        return invalid("client_ca_file is given, but client_auth_type asks for no certificate");
    }
    ERR_clear_error();
    const SslContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) return unavailable("OpenSSL: {}", last_ssl_error());

    const int lowest = version_number(options.min_version, TLS1_2_VERSION);
    const int highest = version_number(options.max_version, TLS1_3_VERSION);
    if (lowest > highest) return invalid("min_version is above max_version");
    SSL_CTX_set_min_proto_version(context.get(), lowest);
    SSL_CTX_set_max_proto_version(context.get(), highest);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (options.prefer_server_cipher_suites) {
        SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    KW_TRY(set_suites(context.get(), options.cipher_suites));
    KW_TRY(set_curves(context.get(), options.curve_preferences));

    KW_TRY_ASSIGN(const std::string cert, read_text_or_file(options.cert));
    KW_TRY_ASSIGN(const std::string key, read_text_or_file(options.key));
    KW_TRY(use_certificate(context.get(), cert).with_context("certificate " + options.cert.file));
    KW_TRY(use_key(context.get(), key).with_context("key " + options.key.file));
    if (!options.client_ca.empty()) {
        KW_TRY_ASSIGN(const std::string ca, read_text_or_file(options.client_ca));
        KW_TRY(
            use_client_ca(context.get(), ca).with_context("client CA " + options.client_ca.file));
    }
    set_client_certificate(context.get(), options);
    // Sessions of clients that were verified need a context name.
    static constexpr unsigned char kSessionContext[] = "kilowatch";
    SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
    return context;
}

Result<void> check_tls_server_options(const TlsServerOptions& options) {
    const Result<SslContext> context = make_server_context(options);
    if (!context.ok()) return context.error();
    return {};
}

Result<std::unique_ptr<ReloadingContext>> ReloadingContext::make(TlsServerOptions options) {
    std::string stamp = stamp_of(options);
    KW_TRY_ASSIGN(SslContext context, make_server_context(options));
    return std::unique_ptr<ReloadingContext>(
        new ReloadingContext(std::move(options), std::move(context), std::move(stamp)));
}

ReloadingContext::ReloadingContext(TlsServerOptions options, SslContext context, std::string stamp)
    : options_(std::move(options)), context_(std::move(context)), stamp_(std::move(stamp)) {}

SslContext ReloadingContext::current() const {
    std::string stamp = stamp_of(options_);
    {
        MutexLock lock(mutex_);
        if (stamp == stamp_) return context_;
    }
    Result<SslContext> renewed = make_server_context(options_);
    MutexLock lock(mutex_);
    if (renewed.ok()) {
        context_ = std::move(renewed).value();
        stamp_ = std::move(stamp);
    }
    return context_;
}

}  // namespace kw::net
