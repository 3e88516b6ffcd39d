#include "collect/remote/certificates.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "model/labels.h"
#include "net/tls_context.h"

namespace kw::collect {
namespace {

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Bio bio_of(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

int protocol_of(net::TlsVersion version, int fallback) {
    switch (version) {
        case net::TlsVersion::kTls10: return TLS1_VERSION;
        case net::TlsVersion::kTls11: return TLS1_1_VERSION;
        case net::TlsVersion::kTls12: return TLS1_2_VERSION;
        case net::TlsVersion::kTls13: return TLS1_3_VERSION;
        case net::TlsVersion::kDefault: break;
    }
    return fallback;
}

Result<void> load_authorities(SSL_CTX* context, const net::TextOrFile& source) {
    if (source.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            return unavailable("TLS: {}", net::last_ssl_error());
        return {};
    }
    KW_TRY_ASSIGN(const std::string pem, net::read_text_or_file(source));
    const Bio bio = bio_of(pem);
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    size_t count = 0;
    for (;; ++count) {
        const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                      X509_free);
        if (!certificate) break;
        X509_STORE_add_cert(store, certificate.get());
    }
    ERR_clear_error();  // the end of the text
    if (count == 0) return invalid("ca has no certificate in PEM");
    return {};
}

Result<void> load_identity(SSL_CTX* context, const net::TlsClientOptions& options) {
    if (options.cert.empty()) return {};
    KW_TRY_ASSIGN(const std::string cert_pem, net::read_text_or_file(options.cert));
    KW_TRY_ASSIGN(const std::string key_pem, net::read_text_or_file(options.key));
    const Certificate cert(PEM_read_bio_X509(bio_of(cert_pem).get(), nullptr, nullptr, nullptr),
                           X509_free);
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
        PEM_read_bio_PrivateKey(bio_of(key_pem).get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    if (!cert || !key || SSL_CTX_use_certificate(context, cert.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return invalid("client certificate: {}", net::last_ssl_error());
    }
    return {};
}

double seconds_of(const ASN1_TIME* time) {
    tm parts = {};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return static_cast<double>(::timegm(&parts));
}

double earliest_of(const STACK_OF(X509) * chain) {
    double earliest = 0;
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        const double expiry = seconds_of(X509_get0_notAfter(sk_X509_value(chain, i)));
        earliest = i == 0 ? expiry : std::min(earliest, expiry);
    }
    return earliest;
}

std::string name_text(X509_NAME* name) {
    const Bio out(BIO_new(BIO_s_mem()), BIO_free);
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<size_t>(size)};
}

std::string serial_text(X509* certificate) {
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr), BN_free);
    if (!number) return {};
    char* const digits = BN_bn2hex(number.get());
    std::string text = digits == nullptr ? "" : digits;
    OPENSSL_free(digits);
    for (char& c : text) c = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
    return text;
}

std::string dns_names(X509* certificate) {
    std::string names;
    auto* const all = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS) continue;
        if (!names.empty()) names += ',';
        names.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                     static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
    GENERAL_NAMES_free(all);
    return names;
}

}  // namespace

Result<SSL_CTX*> make_client_context(const net::TlsClientOptions& options) {
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                         SSL_CTX_free);
    if (!context) return exhausted("no memory for TLS");
    SSL_CTX_set_min_proto_version(context.get(), protocol_of(options.min_version, TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(context.get(), protocol_of(options.max_version, 0));
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!options.insecure_skip_verify) KW_TRY(load_authorities(context.get(), options.ca));
    KW_TRY(load_identity(context.get(), options));
    return context.release();
}

Result<void> expect_peer(SSL* session, const std::string& host, bool skip) {
    in6_addr ignored = {};
    const bool is_address = ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
                            ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
    if (!is_address && SSL_set_tlsext_host_name(session, host.c_str()) != 1)
        return invalid("{} is no host name", kw::quoted(host));
    if (skip) {
        SSL_set_verify(session, SSL_VERIFY_NONE, nullptr);
        return {};
    }
    SSL_set_verify(session, SSL_VERIFY_PEER, nullptr);
    const int set = is_address
                        ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str())
                        : SSL_set1_host(session, host.c_str());
    if (set != 1) return invalid("{} is no host name", kw::quoted(host));
    return {};
}

std::optional<double> earliest_expiry(const std::vector<std::string>& certificates) {
    std::optional<double> earliest;
    for (const std::string& pem : certificates) {
        const Certificate certificate(
            PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr), X509_free);
        if (!certificate) continue;
        const double expiry = seconds_of(X509_get0_notAfter(certificate.get()));
        earliest = earliest ? std::min(*earliest, expiry) : expiry;
    }
    ERR_clear_error();
    return earliest;
}

std::string shown_tls_version(std::string_view version) {
    return version.starts_with("TLSv1") ? fmt::format("TLS {}", version.substr(4))
                                        : std::string(version);
}

TlsState tls_state_of(SSL* session) {
    TlsState state;
    if (const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(session); chain != nullptr) {
        state.earliest_expiry_seconds = earliest_of(chain);
    }
    if (SSL_get_verify_mode(session) != SSL_VERIFY_NONE) {
        if (const STACK_OF(X509)* const chain = SSL_get0_verified_chain(session);
            chain != nullptr) {
            state.verified_expiry_seconds = earliest_of(chain);
        }
    }
    state.version = shown_tls_version(SSL_get_version(session));
    state.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(session));
    if (const Certificate peer(SSL_get1_peer_certificate(session), X509_free); peer) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        if (X509_digest(peer.get(), EVP_sha256(), digest, &size) == 1) {
            for (unsigned int i = 0; i < size; ++i)
                state.fingerprint_sha256 += fmt::format("{:02x}", digest[i]);
        }
        state.subject = name_text(X509_get_subject_name(peer.get()));
        state.issuer = name_text(X509_get_issuer_name(peer.get()));
        state.serial_number = serial_text(peer.get());
        state.names = dns_names(peer.get());
    }
    return state;
}

}  // namespace kw::collect
