// The two transports of a connection. Asio's read and write over TLS are instantiated here and
// nowhere else: they are what takes long to compile.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/connection.h"

namespace kw::net {
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

template <typename Stream>
asio::awaitable<error_code> write_whole(Stream& stream, asio::const_buffer bytes) {
    while (bytes.size() > 0) {
        const auto [ec, count] = co_await stream.async_write_some(bytes, kAwait);
        if (ec) co_return ec;
        bytes += count;
    }
    co_return error_code();
}

class PlainTransport final : public Transport {
 public:
    explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}

    asio::awaitable<error_code> handshake() override { co_return error_code(); }
    asio::awaitable<std::pair<error_code, size_t>> read_some(asio::mutable_buffer into) override {
        const auto [ec, count] = co_await socket_.async_read_some(into, kAwait);
        co_return std::pair(ec, count);
    }
    asio::awaitable<error_code> write(asio::const_buffer bytes) override {
        return write_whole(socket_, bytes);
    }
    asio::awaitable<void> shut_down_sending() override {
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
        co_return;
    }
    tcp::socket& socket() override { return socket_; }

 private:
    tcp::socket socket_;
};

class TlsTransport final : public Transport {
 public:
    TlsTransport(tcp::socket socket, asio::ssl::context context)
        : context_(std::move(context)), stream_(std::move(socket), context_) {}

    asio::awaitable<error_code> handshake() override {
        const auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
        co_return ec;
    }
    asio::awaitable<std::pair<error_code, size_t>> read_some(asio::mutable_buffer into) override {
        const auto [ec, count] = co_await stream_.async_read_some(into, kAwait);
        co_return std::pair(ec, count);
    }
    asio::awaitable<error_code> write(asio::const_buffer bytes) override {
        return write_whole(stream_, bytes);
    }
    asio::awaitable<void> shut_down_sending() override { co_await stream_.async_shutdown(kAwait); }
    tcp::socket& socket() override { return stream_.next_layer(); }

 private:
    asio::ssl::context context_;
    asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(tcp::socket socket, const ReloadingContext* tls) {
    if (!tls) return std::make_unique<PlainTransport>(std::move(socket));
    const SslContext context = tls->current();
    SSL_CTX_up_ref(context.get());  // Asio's owner frees one reference
    return std::make_unique<TlsTransport>(std::move(socket), asio::ssl::context(context.get()));
}

}  // namespace kw::net
