// TlsServerOptions -> an OpenSSL context, rebuilt when one of the files has changed.
// Threads: all members from any thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "net/tls_options.h"

namespace kw::net {

using SslContext = std::shared_ptr<SSL_CTX>;

// Errors: kInvalid (bad PEM, key and certificate do not match, an unknown suite or curve, versions
// out of order), kNotFound and the like for files.
Result<SslContext> make_server_context(const TlsServerOptions& options);

// Gives the context for a new connection. A file's change is seen in its inode, size and time of
// change; files that cannot be read or do not fit (a renewal half done) leave the former context in
// place.
class ReloadingContext final {
 public:
    static Result<std::unique_ptr<ReloadingContext>> make(TlsServerOptions options);

    SslContext current() const KW_EXCLUDES(mutex_);

 private:
    ReloadingContext(TlsServerOptions options, SslContext context, std::string stamp);

    const TlsServerOptions options_;
    mutable Mutex mutex_;
    mutable SslContext context_ KW_GUARDED_BY(mutex_);
    mutable std::string stamp_ KW_GUARDED_BY(mutex_);
};

// The text, or the file's content. Errors: as the file's; kExhausted over 1 MiB.
Result<std::string> read_text_or_file(const TextOrFile& source);

// The first error of this thread's OpenSSL queue, which is cleared.
std::string last_ssl_error();

}  // namespace kw::net
