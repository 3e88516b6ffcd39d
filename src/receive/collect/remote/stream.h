// A byte stream to another server, TCP with or without TLS, that never waits past a deadline.
//
// Host names are resolved by getaddrinfo, which waits for the resolver and cannot be interrupted; addresses are tried
// in its order, each with what is left of the deadline divided by those that are left.
// The process ignores SIGPIPE: OpenSSL writes to a peer that has gone like to any other.
// Threads: belongs to one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "collect/remote/deadline.h"
#include "net/tls_options.h"

namespace kw::collect {

struct HostPort {
    std::string host;  // an IPv6 address without its brackets
    std::string port;
    bool operator==(const HostPort&) const = default;
};
// "host:port", "[::1]:port"; without a port `default_port`, when there is one. Errors: kInvalid.
Result<HostPort> parse_host_port(std::string_view text, std::string_view default_port = {});

// What a peer's certificates say, and how the connection was made.
struct TlsState {
    double earliest_expiry_seconds = 0;  // since 1970, of the chain that the peer sent
    // Of the chain that was verified; nullopt without verification.
    std::optional<double> verified_expiry_seconds;
    std::string version;  // "TLS 1.3"
    std::string cipher;
    std::string fingerprint_sha256;  // of the peer's own certificate, hexadecimal
    std::string subject;
    std::string issuer;
    std::string serial_number;
    std::string names;  // of the certificate's DNS names, with commas
};

class Stream final {
 public:
    // Errors: kUnavailable (resolve, connect), kTimeout, kCancelled.
    static Result<std::unique_ptr<Stream>> connect(const HostPort& where, const Deadline& deadline);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // From here on all bytes go through TLS. `host` is verified unless the options name a server or skip it.
    // Errors: kUnavailable (with the reason of a certificate that was refused), kInvalid (options), kTimeout, …
    Result<TlsState> start_tls(const net::TlsClientOptions& options, const std::string& host,
                               const Deadline& deadline);

    // Errors: kUnavailable, kTimeout, kCancelled.
    Result<void> write(std::string_view bytes, const Deadline& deadline);
    // At least one byte, at most `bytes_max`, to the end of `out`; 0 when the peer has closed. Errors: as write().
    Result<size_t> read_some(std::string& out, size_t bytes_max, const Deadline& deadline);

    // 4 or 6.
    int ip_protocol() const { return ip_protocol_; }
    double resolve_seconds() const { return resolve_seconds_; }

 private:
    Stream(int fd, int ip_protocol);
    Result<void> wait_tls(int result, const Deadline& deadline);

    const int fd_;
    const int ip_protocol_;
    double resolve_seconds_ = 0;
    struct Tls;
    std::unique_ptr<Tls> tls_;
};

}  // namespace kw::collect
