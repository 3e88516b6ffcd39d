#include "collect/remote/stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "collect/remote/certificates.h"
#include "model/labels.h"
#include "net/tls_context.h"

namespace kw::collect {
namespace {

std::string errno_text(int error) {
    char buffer[128];
    return ::strerror_r(error, buffer, sizeof buffer);
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;
Result<Addresses> resolve(const HostPort& where) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
    if (error != 0) return unavailable("cannot resolve {}: {}", where.host, ::gai_strerror(error));
    return Addresses(found, ::freeaddrinfo);
}

// Connects `fd`, which does not block, within `timeout`.
Result<void> connect_one(int fd, const addrinfo& address, std::chrono::milliseconds timeout,
                         const Deadline& deadline) {
    if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return unavailable("connect: {}", errno_text(errno));
    const std::chrono::milliseconds give_up = deadline.remaining() - timeout;
    KW_TRY(deadline.wait_ready(fd, POLLOUT, give_up));
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return unavailable("connect: {}", errno_text(error));
    return {};
}

}  // namespace

struct Stream::Tls {
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context{nullptr, SSL_CTX_free};
    std::unique_ptr<SSL, void (*)(SSL*)> session{nullptr, SSL_free};
};

Result<HostPort> parse_host_port(std::string_view text, std::string_view default_port) {
    HostPort where;
    std::string_view rest;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) return invalid("{} has no ]", kw::quoted(text));
        where.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else {
        const size_t colon = text.find(':');
        where.host = text.substr(0, colon);
        rest = colon == std::string_view::npos ? "" : text.substr(colon);
    }
    if (where.host.empty()) return invalid("{} has no host", kw::quoted(text));
    if (rest.empty() && !default_port.empty()) {
        where.port = default_port;
        return where;
    }
    if (!rest.starts_with(':')) return invalid("{} is not host:port", kw::quoted(text));
    where.port = rest.substr(1);
    const bool is_number = !where.port.empty() && where.port.size() <= 5 &&
                           std::all_of(where.port.begin(), where.port.end(),
                                       [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number || std::stoi(where.port) == 0 || std::stoi(where.port) > 65535) {
        return invalid("{} has no port between 1 and 65535", kw::quoted(text));
    }
    return where;
}

Stream::Stream(int fd, int ip_protocol) : fd_(fd), ip_protocol_(ip_protocol) {}

Stream::~Stream() {
    tls_.reset();
    ::close(fd_);
}

Result<std::unique_ptr<Stream>> Stream::connect(const HostPort& where, const Deadline& deadline) {
    const double before = deadline.elapsed_seconds();
    KW_TRY_ASSIGN(const Addresses addresses, resolve(where));
    const double resolved = deadline.elapsed_seconds() - before;
    int left = 0;
    for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next)
        ++left;
    Result<void> outcome = unavailable("{} has no address", where.host);
    for (const addrinfo* address = addresses.get(); address != nullptr;
         address = address->ai_next, --left) {
        KW_TRY(deadline.check());
        const int fd = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) return unavailable("socket: {}", errno_text(errno));
        std::unique_ptr<Stream> stream(new Stream(fd, address->ai_family == AF_INET6 ? 6 : 4));
        stream->resolve_seconds_ = resolved;
        outcome = connect_one(fd, *address, deadline.remaining() / left, deadline);
        if (outcome.ok()) return stream;
        if (outcome.error().code == Code::kCancelled) break;
    }
    return std::move(outcome).error();
}

Result<void> Stream::write(std::string_view bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        if (tls_) {
            ERR_clear_error();
            const int sent = SSL_write(tls_->session.get(), bytes.data(),
                                       static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20)));
            if (sent > 0) {
                bytes.remove_prefix(static_cast<size_t>(sent));
                continue;
            }
            KW_TRY(wait_tls(sent, deadline));
            continue;
        }
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return unavailable("send: {}", errno_text(errno));
        KW_TRY(deadline.wait_ready(fd_, POLLOUT));
    }
    return {};
}

Result<size_t> Stream::read_some(std::string& out, size_t bytes_max, const Deadline& deadline) {
    KW_CHECK(bytes_max > 0);
    const size_t begin = out.size();
    const size_t wanted = std::min<size_t>(bytes_max, 64 << 10);
    for (;;) {
        out.resize(begin + wanted);
        Result<void> waited;
        if (tls_) {
            ERR_clear_error();
            const int got =
                SSL_read(tls_->session.get(), out.data() + begin, static_cast<int>(wanted));
            out.resize(begin + static_cast<size_t>(std::max(got, 0)));
            if (got > 0) return static_cast<size_t>(got);
            if (SSL_get_error(tls_->session.get(), got) == SSL_ERROR_ZERO_RETURN) return size_t{0};
            waited = wait_tls(got, deadline);
        } else {
            const ssize_t got = ::recv(fd_, out.data() + begin, wanted, 0);
            out.resize(begin + static_cast<size_t>(std::max<ssize_t>(got, 0)));
            if (got >= 0) return static_cast<size_t>(got);
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return unavailable("recv: {}", errno_text(errno));
            waited = deadline.wait_ready(fd_, POLLIN);
        }
        KW_TRY(waited);
    }
}

// Waits for what OpenSSL wants next.
Result<void> Stream::wait_tls(int result, const Deadline& deadline) {
    switch (SSL_get_error(tls_->session.get(), result)) {
        case SSL_ERROR_WANT_READ: return deadline.wait_ready(fd_, POLLIN);
        case SSL_ERROR_WANT_WRITE: return deadline.wait_ready(fd_, POLLOUT);
        case SSL_ERROR_SYSCALL: return unavailable("the connection broke");
        default: break;
    }
    const long verified = SSL_get_verify_result(tls_->session.get());
    const std::string reason = net::last_ssl_error();
    if (verified != X509_V_OK)
        return unavailable("TLS: {}", X509_verify_cert_error_string(verified));
    return unavailable("TLS: {}", reason);
}

Result<TlsState> Stream::start_tls(const net::TlsClientOptions& options, const std::string& host,
                                   const Deadline& deadline) {
    auto tls = std::make_unique<Tls>();
    KW_TRY_ASSIGN(SSL_CTX* const context, make_client_context(options));
    tls->context.reset(context);
    tls->session.reset(SSL_new(context));
    if (!tls->session) return exhausted("no memory for TLS");
    SSL* const session = tls->session.get();
    SSL_set_fd(session, fd_);
    KW_TRY(expect_peer(session, options.server_name.empty() ? host : options.server_name,
                       options.insecure_skip_verify));
    tls_ = std::move(tls);
    for (;;) {
        ERR_clear_error();
        const int done = SSL_connect(session);
        if (done == 1) break;
        KW_TRY(wait_tls(done, deadline));
    }
    return tls_state_of(session);
}

}  // namespace kw::collect
