// One connection of the HTTP server: two coroutines on one strand.
//
//   read_loop   socket ──▶ inbox_ (at most one header limit ahead) ──▶ wakes serve
//   serve       header ▶ route ▶ password ▶ origin ▶ body ▶ handler on the pool ▶ Outbox ▶ socket
//
// That one always reads is how a client that goes is noticed while its handler runs. A deadline
// timer closes the connection, whatever it is waiting for.
// Threads: members run on the connection's strand unless they say otherwise. Internal to the
// server: Asio's types are in here.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <memory>
#include <string>

#include "base/memory_budget.h"
#include "base/thread_pool.h"
#include "net/basic_auth.h"
#include "net/http_server.h"
#include "net/origin_check.h"
#include "net/request.h"
#include "net/request_reader.h"
#include "net/router.h"
#include "net/server_response.h"
#include "net/tls_context.h"

namespace kw::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// What coroutines wait with: the error comes with the result, nothing is thrown.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// "127.0.0.1:9090", "[::1]:9090".
std::string endpoint_text(const tcp::endpoint& endpoint);

// What WebOptions became: published as a snapshot, replaced by HttpServer::update().
struct WebState {
    WebOptions options;
    PasswordChecker passwords;
    std::unique_ptr<const ReloadingContext> tls;  // null: plain

    explicit WebState(WebOptions web)
        : options(std::move(web)), passwords(options.basic_auth_users) {}
};

// What connections share and the server owns.
struct ServerContext {
    Environment& env;
    const Router& routes;
    const HttpServer::Options& options;
    const OriginRules& origins;
    ThreadPool& handlers;
    MemoryBudget bodies;  // of requests that are read or handled, all connections together
    std::atomic<bool> draining{false};

    std::shared_ptr<const WebState> web() const KW_EXCLUDES(mutex);
    void set_web(std::shared_ptr<const WebState> web) KW_EXCLUDES(mutex);
    mutable Mutex mutex;
    std::shared_ptr<const WebState> current_web KW_GUARDED_BY(mutex);

    void count(std::string_view handler, int status, double seconds, uint64_t body_bytes) const;
};

// A socket, plain or TLS.
class Transport {
 public:
    virtual ~Transport() = default;
    virtual asio::awaitable<error_code> handshake() = 0;
    // 0 bytes with an error; end of file is an error too.
    virtual asio::awaitable<std::pair<error_code, size_t>> read_some(asio::mutable_buffer into) = 0;
    virtual asio::awaitable<error_code> write(asio::const_buffer bytes) = 0;
    // Tells the other side that nothing more comes.
    virtual asio::awaitable<void> shut_down_sending() = 0;
    virtual tcp::socket& socket() = 0;
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
    Connection(ServerContext& server, tcp::socket socket);

    // Starts the coroutines. `on_end` runs on the strand when both have ended.
    void start(std::function<void()> on_end);
    // From any thread: ends now if idle, after the running request otherwise.
    void drain();
    // From any thread: cancels the request and closes.
    void kill();
    // From any thread. Steady nanoseconds since when no request is there; 0 while one is.
    int64_t idle_since_ns() const { return idle_since_ns_.load(std::memory_order_relaxed); }

 private:
    // One request and its answer: shared with the handler's thread.
    struct Exchange;
    struct Refusal {
        int status = 500;
        std::string message;
        std::vector<std::pair<std::string, std::string>> headers{};
    };

    asio::awaitable<void> read_loop();
    asio::awaitable<void> serve();
    // False when the connection is to be closed.
    asio::awaitable<bool> serve_one(RequestReader& reader);
    asio::awaitable<bool> read_header(RequestReader& reader);
    asio::awaitable<bool> read_body(RequestReader& reader, const RouteOptions& route,
                                    MemoryReservation& reservation);
    // Sets `user`, or says why not.
    asio::awaitable<std::optional<Refusal>> authenticate(const Headers& headers, std::string& user);
    // Runs the handler and sends what it writes.
    asio::awaitable<bool> run_handler(std::shared_ptr<Exchange> exchange);
    asio::awaitable<bool> send_answer(std::shared_ptr<Exchange> exchange);
    // Answers without a handler. Returns whether the connection may go on.
    asio::awaitable<bool> refuse(RequestReader& reader, Refusal refusal, std::string handler);
    asio::awaitable<bool> write_all(std::string_view bytes);
    // Lets the client read an answer that came before its request was read to the end.
    asio::awaitable<void> linger();
    // Waits for bytes in inbox_; false when none will come.
    asio::awaitable<bool> more_input();

    ResponseForm form_of(const RequestReader::Head& head) const;
    void arm(std::chrono::milliseconds timeout, bool closes);
    void disarm() { deadline_.expires_at(asio::steady_timer::time_point::max()); }
    void wake() { data_.cancel(); }
    std::function<void()> waker();  // wake() from any thread
    void close();
    void coroutine_ended(const std::exception_ptr& failure);

    ServerContext& server_;
    std::shared_ptr<const WebState> web_;  // as of the request that is read
    const bool is_tls_;                    // whatever an update() said since
    const tcp::socket::executor_type executor_;
    const std::unique_ptr<Transport> transport_;
    asio::steady_timer data_;  // never expires: cancelled to wake serve()
    asio::steady_timer room_;  // likewise, for read_loop()
    asio::steady_timer deadline_;
    std::string remote_address_;
    bool is_loopback_ = false;
    std::string inbox_;
    bool input_ended_ = false;
    bool discards_input_ = false;
    bool timed_out_ = false;
    bool closed_ = false;
    int running_coroutines_ = 0;
    std::shared_ptr<Exchange> exchange_;  // the one that runs
    std::function<void()> on_end_;
    std::atomic<int64_t> idle_since_ns_;
};

}  // namespace kw::net
