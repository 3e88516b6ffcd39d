// tls_config in libcurl's words, shared by who transfers over it.
#pragma once

#include "net/tls_options.h"

namespace kw::net {

// CURLOPT_SSLVERSION: the lowest version or'ed with the highest; 1.2 and the newest by default.
long curl_ssl_version(const TlsClientOptions& tls);

}  // namespace kw::net
