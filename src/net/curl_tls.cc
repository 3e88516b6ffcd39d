#include "net/curl_tls.h"

#include <curl/curl.h>

namespace kw::net {

long curl_ssl_version(const TlsClientOptions& tls) {
    long lowest = CURL_SSLVERSION_TLSv1_2;
    switch (tls.min_version) {
        case TlsVersion::kTls10: lowest = CURL_SSLVERSION_TLSv1_0; break;
        case TlsVersion::kTls11: lowest = CURL_SSLVERSION_TLSv1_1; break;
        case TlsVersion::kTls13: lowest = CURL_SSLVERSION_TLSv1_3; break;
        case TlsVersion::kTls12:
        case TlsVersion::kDefault: break;
    }
    switch (tls.max_version) {
        case TlsVersion::kTls10: return lowest | CURL_SSLVERSION_MAX_TLSv1_0;
        case TlsVersion::kTls11: return lowest | CURL_SSLVERSION_MAX_TLSv1_1;
        case TlsVersion::kTls12: return lowest | CURL_SSLVERSION_MAX_TLSv1_2;
        case TlsVersion::kTls13: return lowest | CURL_SSLVERSION_MAX_TLSv1_3;
        case TlsVersion::kDefault: break;
    }
    return lowest;
}

}  // namespace kw::net
