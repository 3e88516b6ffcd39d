#include "net/http_server.h"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/connection.h"

namespace kw::net {
namespace {

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};  // after EMFILE and the like

struct HostPort {
    std::string host;
    uint16_t port = 0;
};

// "host:port", ":port", "[v6]:port"
Result<HostPort> split_host_port(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return invalid("listen address \"{}\" has no port", std::string(text));
    HostPort parts;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    parts.host = host;
    const char* end = text.data() + text.size();
    const auto [used, ec] = std::from_chars(text.data() + colon + 1, end, parts.port);
    if (ec != std::errc() || used != end) {
        return invalid("listen address \"{}\": the port is not a number below 65536",
                       std::string(text));
    }
    return parts;
}

Result<tcp::endpoint> resolve(asio::io_context& io, const std::string& address) {
    KW_TRY_ASSIGN(const HostPort parts, split_host_port(address));
    if (parts.host.empty()) return tcp::endpoint(tcp::v6(), parts.port);
    error_code ec;
    const asio::ip::address literal = asio::ip::make_address(parts.host, ec);
    if (!ec) return tcp::endpoint(literal, parts.port);
    tcp::resolver resolver(io);
    const auto found = resolver.resolve(parts.host, std::to_string(parts.port), ec);
    if (ec || found.empty()) return invalid("listen address {}: {}", address, ec.message());
    for (const auto& entry : found) {
        if (entry.endpoint().address().is_v4()) return entry.endpoint();
    }
    return found.begin()->endpoint();
}

Error listen_error(const std::string& address, const error_code& ec) {
    if (ec == asio::error::address_in_use)
        return conflict("{} is in use by another program", address);
    if (ec == asio::error::access_denied) return denied("{}: {}", address, ec.message());
    return unavailable("cannot listen on {}: {}", address, ec.message());
}

Result<void> open_acceptor(tcp::acceptor& acceptor, tcp::endpoint endpoint, bool every_interface,
                           const std::string& address) {
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (ec && every_interface) {  // a machine without IPv6
        endpoint = tcp::endpoint(tcp::v4(), endpoint.port());
        acceptor.open(endpoint.protocol(), ec);
    }
    if (ec) return listen_error(address, ec);
    acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (every_interface && endpoint.address().is_v6()) {
        acceptor.set_option(asio::ip::v6_only(false), ec);
    }
    acceptor.bind(endpoint, ec);
    if (ec) return listen_error(address, ec);
    acceptor.listen(kBacklog, ec);
    if (ec) return listen_error(address, ec);
    return {};
}

std::string machine_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Result<std::shared_ptr<const WebState>> make_web_state(const WebOptions& web) {
    KW_TRY(check_web_options(web));
    auto state = std::make_shared<WebState>(web);
    if (web.tls) {
        KW_TRY_ASSIGN(state->tls, ReloadingContext::make(*web.tls));
    }
    return std::shared_ptr<const WebState>(std::move(state));
}

}  // namespace

class HttpServer::Impl final {
 public:
    Impl(Environment& env, const Router& routes, const Options& options)
        : options_(options),
          origins_{options.allowed_hosts, options.allowed_origins, machine_name()},
          context_{env,      routes,    options_,
                   origins_, handlers_, MemoryBudget(options.body_bytes_in_all_max),
                   false,    {},        {}},
          handlers_("http", options.handler_threads, options.handler_queue),
          refused_(env.metrics.counter("kilowatch_http_connections_refused_total",
                                       "Connections closed at once because too many were open.")) {}

    ~Impl() {
        stop();
        work_.reset();
        io_.stop();
    }

    Result<void> start() {
        KW_TRY_ASSIGN(std::shared_ptr<const WebState> web, make_web_state(options_.web));
        context_.set_web(std::move(web));
        for (const std::string& address : options_.listen_addresses) {
            KW_TRY_ASSIGN(const tcp::endpoint endpoint, resolve(io_, address));
            acceptors_.push_back(std::make_unique<tcp::acceptor>(asio::make_strand(io_)));
            KW_TRY(open_acceptor(*acceptors_.back(), endpoint, address.starts_with(':'), address));
            error_code ec;
            addresses_.push_back(endpoint_text(acceptors_.back()->local_endpoint(ec)));
        }
        for (const std::unique_ptr<tcp::acceptor>& acceptor : acceptors_) {
            asio::co_spawn(acceptor->get_executor(), accept(*acceptor),
                           [this](const std::exception_ptr&) { loop_ended(); });
            MutexLock lock(mutex_);
            ++accept_loops_;
        }
        for (uint32_t i = 0; i < std::max(1U, options_.io_threads); ++i) {
            threads_.emplace_back([this] { io_.run(); });
        }
        return {};
    }

    Result<void> update(const WebOptions& web) {
        KW_TRY_ASSIGN(std::shared_ptr<const WebState> state, make_web_state(web));
        // A connection is either TLS or not, so this cannot change under one that is open.
        context_.set_web(std::move(state));
        return {};
    }

    void stop() KW_EXCLUDES(mutex_) {
        if (context_.draining.exchange(true)) {
            wait_until_gone(std::chrono::nanoseconds::max());
            return;
        }
        for (const std::unique_ptr<tcp::acceptor>& acceptor : acceptors_) {
            asio::post(acceptor->get_executor(), [&acceptor] {
                error_code ignored;
                acceptor->close(ignored);
            });
        }
        for (const std::shared_ptr<Connection>& connection : connections()) connection->drain();
        if (!wait_until_gone(options_.drain_timeout)) {
            for (const std::shared_ptr<Connection>& connection : connections()) connection->kill();
            wait_until_gone(std::chrono::nanoseconds::max());
        }
    }

    const std::vector<std::string>& addresses() const { return addresses_; }

 private:
    asio::awaitable<void> accept(tcp::acceptor& acceptor) {
        while (!context_.draining) {
            auto [ec, socket] = co_await acceptor.async_accept(asio::make_strand(io_), kAwait);
            if (context_.draining) break;
            if (ec) {
                asio::steady_timer pause(acceptor.get_executor(), kAcceptPause);
                co_await pause.async_wait(kAwait);
                continue;
            }
            take(std::move(socket));
        }
    }

    // Keeps the connection, at the cost of the one that is idle longest when there are too many.
    void take(tcp::socket socket) KW_EXCLUDES(mutex_) {
        std::shared_ptr<Connection> loser;
        bool full = false;
        {
            MutexLock lock(mutex_);
            full = connections_.size() >= options_.connections_max;
            if (full) {
                int64_t oldest_ns = INT64_MAX;
                for (const std::shared_ptr<Connection>& connection : connections_) {
                    const int64_t idle_ns = connection->idle_since_ns();
                    if (idle_ns == 0 || idle_ns >= oldest_ns) continue;
                    oldest_ns = idle_ns;
                    loser = connection;
                }
            }
        }
        if (full) refused_.add();
        if (full && !loser) return;  // all are busy: the new one is closed with its socket
        if (loser) loser->kill();
        const auto executor = socket.get_executor();
        const auto connection = std::make_shared<Connection>(context_, std::move(socket));
        {
            MutexLock lock(mutex_);
            connections_.insert(connection);
        }
        asio::post(executor, [this, connection] {
            connection->start([this, raw = connection.get()] { ended(raw); });
        });
    }

    void ended(Connection* raw) KW_EXCLUDES(mutex_) {
        std::shared_ptr<Connection> last;  // let go without the lock
        MutexLock lock(mutex_);
        const auto it = std::ranges::find(connections_, raw, &std::shared_ptr<Connection>::get);
        if (it != connections_.end()) {
            last = *it;
            connections_.erase(it);
        }
        gone_.notify_all();
    }

    void loop_ended() KW_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        --accept_loops_;
        gone_.notify_all();
    }

    std::vector<std::shared_ptr<Connection>> connections() KW_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return {connections_.begin(), connections_.end()};
    }

    // False when `timeout` passed first.
    bool wait_until_gone(std::chrono::nanoseconds timeout) KW_EXCLUDES(mutex_) {
        if (threads_.empty()) return true;
        const auto start = std::chrono::steady_clock::now();
        MutexLock lock(mutex_);
        while (!connections_.empty() || accept_loops_ > 0) {
            const auto waited = std::chrono::steady_clock::now() - start;
            if (waited >= timeout) return false;
            gone_.wait_for(mutex_, std::min<std::chrono::nanoseconds>(timeout - waited,
                                                                      std::chrono::hours(1)));
        }
        return true;
    }

    const Options options_;
    const OriginRules origins_;
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    ServerContext context_;
    ThreadPool handlers_;  // joined before the context goes: handlers hold requests of it
    Counter& refused_;
    std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
    std::vector<std::string> addresses_;
    Mutex mutex_;
    CondVar gone_;
    std::set<std::shared_ptr<Connection>> connections_ KW_GUARDED_BY(mutex_);
    int accept_loops_ KW_GUARDED_BY(mutex_) = 0;
    std::vector<std::jthread> threads_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(Environment& env, const Router& routes,
                                                      const Options& options) {
    auto impl = std::make_unique<Impl>(env, routes, options);
    KW_TRY(impl->start());
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const std::vector<std::string>& HttpServer::addresses() const { return impl_->addresses(); }
Result<void> HttpServer::update(const WebOptions& web) { return impl_->update(web); }
void HttpServer::stop() { impl_->stop(); }

Result<void> check_web_options(const WebOptions& options) {
    for (const auto& [user, hash] : options.basic_auth_users) {
        KW_TRY(check_bcrypt_hash(hash).with_context(fmt::format("basic_auth_users: {}", user)));
    }
    for (const auto& [name, value] : options.headers) {
        if (!is_token(name)) return invalid("headers: \"{}\" is not a header's name", name);
        if (!is_field_value(value))
            return invalid("headers: the value of {} has a control character", name);
    }
    if (options.tls) {
        KW_TRY(check_tls_server_options(*options.tls).with_context("tls_server_config"));
    }
    return {};
}

}  // namespace kw::net
