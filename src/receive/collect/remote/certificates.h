// OpenSSL's side of a Stream: a client's context, whom it expects, and what the peer's certificates say.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "collect/remote/stream.h"
#include "net/tls_options.h"

namespace kw::collect {

// The caller frees it. Errors: kInvalid (bad PEM, key and certificate do not match), kNotFound and the like for files.
Result<SSL_CTX*> make_client_context(const net::TlsClientOptions& options);
// Sends `host` as the name asked for, unless it is an address, and verifies the peer against it unless `skip`.
Result<void> expect_peer(SSL* session, const std::string& host, bool skip);
// When the first of certificates in PEM expires, in seconds since 1970; nullopt when there is none.
std::optional<double> earliest_expiry(const std::vector<std::string>& certificates);
// "TLS 1.3" of OpenSSL's "TLSv1.3".
std::string shown_tls_version(std::string_view version);
// Of a session that is established.
TlsState tls_state_of(SSL* session);

}  // namespace kw::collect
