#include "net/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

namespace kw::net {
namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kWriteBytes = 64 << 10;  // what a client must take within the write timeout
constexpr std::chrono::milliseconds kLinger{2000};

// RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(Millis now) {
    const time_t seconds = now.count / 1000;
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    const size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text, size};
}

bool is_loopback(asio::ip::address address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    }
    return address.is_loopback();
}

bool takes_form(const Request& request) {
    const std::string_view type = request.headers.get("Content-Type");
    const bool is_form =
        equals_ignoring_case(type.substr(0, type.find(';')), "application/x-www-form-urlencoded");
    return is_form &&
           (request.method == "POST" || request.method == "PUT" || request.method == "PATCH");
}

bool is_safe(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += ", ";
        text += word;
    }
    return text;
}

// The name under which answers without a route are counted.
constexpr std::string_view kNoRoute = "none";

}  // namespace

std::string endpoint_text(const tcp::endpoint& endpoint) {
    const std::string address = endpoint.address().to_string();
    return fmt::format("{}:{}", endpoint.address().is_v6() ? "[" + address + "]" : address,
                       endpoint.port());
}

std::unique_ptr<Transport> make_transport(tcp::socket socket, const ReloadingContext* tls);

std::shared_ptr<const WebState> ServerContext::web() const {
    MutexLock lock(mutex);
    return current_web;
}

void ServerContext::set_web(std::shared_ptr<const WebState> web) {
    MutexLock lock(mutex);
    current_web = std::move(web);
}

void ServerContext::count(std::string_view handler, int status, double seconds,
                          uint64_t body_bytes) const {
    MetricRegistry& metrics = env.metrics;
    const std::string name(handler);
    metrics
        .counter("prometheus_http_requests_total", "Counter of HTTP requests.",
                 {{"code", fmt::to_string(status)}, {"handler", name}})
        .add();
    metrics
        .histogram("prometheus_http_request_duration_seconds",
                   "Histogram of latencies for HTTP requests.", {.1, .2, .4, 1, 3, 8, 20, 60, 120},
                   {{"handler", name}})
        .observe(seconds);
    metrics
        .histogram("prometheus_http_response_size_bytes",
                   "Histogram of response size for HTTP requests.",
                   {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}, {{"handler", name}})
        .observe(static_cast<double>(body_bytes));
}

struct Connection::Exchange {
    Exchange(ServerContext& context, const Router::Route& matched, const ResponseForm& form,
             std::function<void()> wake)
        : server(context),
          route(matched),
          request(cancel),
          bodies(context.bodies),
          outbox(context.options.write_buffer_bytes, std::move(wake)),
          response(outbox, form),
          started_ns(context.env.clock.steady_ns()) {}

    ServerContext& server;
    const Router::Route& route;
    CancelToken cancel;
    Request request;
    std::shared_ptr<const WebState> web;
    MemoryReservation bodies;
    Outbox outbox;
    ServerResponse response;
    const int64_t started_ns;

    // On the pool.
    void run() {
        try {
            route.handler(request, response);
        } catch (const std::exception& e) {
            server.env.log.error("a handler failed",
                                 {{"handler", route.options.name}, {"error", e.what()}});
            if (response.committed()) {
                response.abort();
            } else {
                response.reset();
                (void)response.send(500, "text/plain; charset=utf-8", "internal error\n");
            }
        }
        response.finish();
        const int64_t taken_ns = server.env.clock.steady_ns() - started_ns;
        server.count(route.options.name, response.status(), static_cast<double>(taken_ns) / 1e9,
                     response.body_bytes());
    }
};

Connection::Connection(ServerContext& server, tcp::socket socket)
    : server_(server),
      web_(server.web()),
      is_tls_(web_->tls != nullptr),
      executor_(socket.get_executor()),
      transport_(make_transport(std::move(socket), web_->tls.get())),
      data_(executor_, asio::steady_timer::time_point::max()),
      room_(executor_, asio::steady_timer::time_point::max()),
      deadline_(executor_),
      idle_since_ns_(server.env.clock.steady_ns()) {
    error_code ec;
    const tcp::endpoint remote = transport_->socket().remote_endpoint(ec);
    if (!ec) remote_address_ = endpoint_text(remote);
    const tcp::endpoint local = transport_->socket().local_endpoint(ec);
    is_loopback_ = !ec && is_loopback(local.address());
    transport_->socket().set_option(tcp::no_delay(true), ec);
}

void Connection::start(std::function<void()> on_end) {
    on_end_ = std::move(on_end);
    running_coroutines_ = 1;
    asio::co_spawn(executor_, serve(),
                   [self = shared_from_this()](const std::exception_ptr& failure) {
                       self->coroutine_ended(failure);
                   });
}

void Connection::coroutine_ended(const std::exception_ptr& failure) {
    if (failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& e) {
            server_.env.log.error("a connection failed",
                                  {{"remote", remote_address_}, {"error", e.what()}});
        }
    }
    close();
    if (--running_coroutines_ == 0) on_end_();
}

void Connection::drain() {
    asio::post(executor_, [self = shared_from_this()] {
        if (self->idle_since_ns() != 0) self->close();
    });
}

void Connection::kill() {
    asio::post(executor_, [self = shared_from_this()] { self->close(); });
}

void Connection::close() {
    if (closed_) return;
    closed_ = true;
    if (exchange_) {
        exchange_->cancel.cancel();
        exchange_->outbox.break_off();
    }
    error_code ignored;
    transport_->socket().close(ignored);
    disarm();
    wake();
    room_.cancel();
}

void Connection::arm(std::chrono::milliseconds timeout, bool closes) {
    timed_out_ = false;
    deadline_.expires_after(timeout);
    deadline_.async_wait([weak = weak_from_this(), closes](error_code ec) {
        const std::shared_ptr<Connection> self = weak.lock();
        if (ec || !self || self->deadline_.expiry() > asio::steady_timer::clock_type::now()) return;
        if (closes) return self->close();
        self->timed_out_ = true;
        self->wake();
    });
}

std::function<void()> Connection::waker() {
    return [executor = executor_, weak = weak_from_this()] {
        asio::post(executor, [weak] {
            if (const std::shared_ptr<Connection> self = weak.lock()) self->wake();
        });
    };
}

asio::awaitable<void> Connection::read_loop() {
    std::string piece(kReadBytes, '\0');
    while (!closed_) {
        if (inbox_.size() >= server_.options.header_bytes_max && !discards_input_) {
            co_await room_.async_wait(kAwait);
            continue;
        }
        const auto [ec, count] = co_await transport_->read_some(asio::buffer(piece));
        if (ec) break;
        if (!discards_input_) inbox_.append(piece, 0, count);
        wake();
    }
    input_ended_ = true;
    if (exchange_) exchange_->cancel.cancel();
    wake();
}

asio::awaitable<bool> Connection::more_input() {
    while (inbox_.empty()) {
        if (input_ended_ || timed_out_ || closed_) co_return false;
        co_await data_.async_wait(kAwait);
    }
    co_return !closed_;
}

asio::awaitable<void> Connection::serve() {
    arm(server_.options.header_timeout, true);
    const error_code ec = co_await transport_->handshake();
    if (ec || closed_) co_return;
    ++running_coroutines_;
    asio::co_spawn(executor_, read_loop(),
                   [self = shared_from_this()](const std::exception_ptr& failure) {
                       self->coroutine_ended(failure);
                   });
    RequestReader reader(server_.options.header_bytes_max);
    bool goes_on = true;
    while (goes_on && !closed_) goes_on = co_await serve_one(reader);
    exchange_.reset();
    if (closed_ || input_ended_) co_return;
    arm(kLinger, true);
    co_await transport_->shut_down_sending();
}

asio::awaitable<bool> Connection::read_header(RequestReader& reader) {
    const HttpServer::Options& options = server_.options;
    std::optional<RequestError> error;
    if (reader.done()) error = reader.next();
    if (reader.started()) {
        arm(options.header_timeout, false);
    } else {
        if (server_.draining) co_return false;
        idle_since_ns_ = server_.env.clock.steady_ns();
        arm(options.idle_timeout, true);
    }
    while (!error && !reader.header_done()) {
        const bool got_input = co_await more_input();
        if (!got_input) {
            if (timed_out_ && reader.started()) {
                Refusal refusal{408, "the request's header took too long"};
                co_await refuse(reader, std::move(refusal), std::string(kNoRoute));
            }
            co_return false;
        }
        if (idle_since_ns() != 0) {
            idle_since_ns_ = 0;
            arm(options.header_timeout, false);
        }
        error = reader.feed(inbox_);
        inbox_.clear();
        room_.cancel();
    }
    if (!error) co_return true;
    Refusal refusal{error->status, error->message};
    co_await refuse(reader, std::move(refusal), std::string(kNoRoute));
    co_return false;
}

asio::awaitable<bool> Connection::read_body(RequestReader& reader, const RouteOptions& route,
                                            MemoryReservation& reservation) {
    arm(server_.options.body_timeout, false);
    std::optional<RequestError> error = reader.begin_body(route.body_bytes_max, route.decode_body);
    if (!error && !reader.done() && reader.head().expects_continue && reader.body_bytes() == 0) {
        const bool sent = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
        if (!sent) co_return false;
        arm(server_.options.body_timeout, false);
    }
    for (;;) {
        const uint64_t held = reservation.bytes();
        if (!error && reader.body_bytes() > held &&
            !reservation.grow(reader.body_bytes() - held).ok()) {
            error = RequestError{503, "too many bytes of requests are being read; try again"};
        }
        if (error || reader.done()) break;
        const bool got_input = co_await more_input();
        if (!got_input) {
            if (!timed_out_) co_return false;  // the client left in the middle
            error = RequestError{408, "the request's body took too long"};
            break;
        }
        error = reader.feed(inbox_);
        inbox_.clear();
        room_.cancel();
    }
    disarm();
    if (!error) co_return true;
    Refusal refusal{error->status, error->message};
    co_await refuse(reader, std::move(refusal), route.name);
    co_return false;
}

asio::awaitable<bool> Connection::serve_one(RequestReader& reader) {
    const bool has_header = co_await read_header(reader);
    if (!has_header) co_return false;
    disarm();
    web_ = server_.web();
    const RequestReader::Head& head = reader.head();
    const std::string_view target = head.target;
    std::string_view raw_path = target.substr(0, target.find('?'));
    const std::string& prefix = server_.options.path_prefix;

    const bool is_below = raw_path.starts_with(prefix) &&
                          (raw_path.size() == prefix.size() || raw_path[prefix.size()] == '/');
    Router::Match match;
    std::optional<Refusal> refusal;
    if (!prefix.empty() && (raw_path == "/" || raw_path == prefix)) {
        refusal = Refusal{302, "", {{"Location", prefix + "/"}}};
    } else if (is_below) {
        raw_path.remove_prefix(prefix.size());
        match = server_.routes.match(head.method, raw_path);
    }
    const std::string handler_name(match.route ? match.route->options.name : kNoRoute);

    std::string user;
    if (!web_->passwords.empty() && !(match.route && match.route->options.is_public)) {
        std::optional<Refusal> denied = co_await authenticate(head.headers, user);
        if (denied) refusal = std::move(denied);
    }
    if (!refusal && match.route) {
        const RouteOptions& route = match.route->options;
        if (route.always_changes || (!is_safe(head.method) && route.changes_something)) {
            if (auto why = refuse_origin(head.headers, is_loopback_, server_.origins)) {
                refusal = Refusal{403, *std::move(why)};
            }
        }
    } else if (!refusal && head.method == "OPTIONS" && !match.allowed.empty()) {
        refusal = Refusal{204, "", {{"Allow", join(match.allowed)}}};
    } else if (!refusal && !match.allowed.empty()) {
        refusal = Refusal{
            405, "this path does not take " + head.method, {{"Allow", join(match.allowed)}}};
    } else if (!refusal) {
        refusal = Refusal{404, "nothing is here"};
    }
    if (closed_) co_return false;
    if (refusal) {
        const bool goes_on = co_await refuse(reader, *std::move(refusal), handler_name);
        co_return goes_on;
    }

    const auto exchange = std::make_shared<Exchange>(server_, *match.route, form_of(head), waker());
    exchange->web = web_;
    const bool has_body = co_await read_body(reader, match.route->options, exchange->bodies);
    if (!has_body) co_return false;

    Request& request = exchange->request;
    request.method = head.method;
    request.target = head.target;
    request.headers = head.headers;
    request.body = reader.take_body();
    request.path_params = std::move(match.path_params);
    request.remote_address = remote_address_;
    request.is_tls = is_tls_;
    request.user = std::move(user);
    if (const size_t question = target.find('?'); question != std::string_view::npos) {
        request.query_text = target.substr(question + 1);
    }
    Result<std::string> path = percent_decode(raw_path, false);
    Result<void> parsed;
    if (!path.ok()) {
        parsed = std::move(path).error();
    } else {
        request.path = std::move(path).value();
        if (takes_form(request)) parsed = parse_form(request.body, request.params);
        if (parsed.ok()) parsed = parse_form(request.query_text, request.params);
    }
    if (!parsed.ok()) {
        Refusal bad{400, parsed.error().message};
        const bool goes_on = co_await refuse(reader, std::move(bad), handler_name);
        co_return goes_on;
    }
    const bool goes_on = co_await run_handler(exchange);
    exchange_.reset();
    co_return goes_on;
}

ResponseForm Connection::form_of(const RequestReader::Head& head) const {
    ResponseForm form;
    form.is_head = head.method == "HEAD";
    form.is_http_1_0 = head.is_http_1_0;
    form.keep_alive = head.keep_alive && !server_.draining;
    form.accepts_gzip = accepts_gzip(head.headers.get("Accept-Encoding"));
    form.date = http_date(server_.env.clock.now());
    form.extra_headers = &web_->options.headers;
    return form;
}

asio::awaitable<std::optional<Connection::Refusal>> Connection::authenticate(const Headers& headers,
                                                                             std::string& user) {
    const Refusal denied{401, "Unauthorized", {{"WWW-Authenticate", "Basic"}}};
    Result<Credentials> credentials = parse_basic_authorization(headers.get("Authorization"));
    if (!credentials.ok()) co_return denied;
    std::optional<bool> right =
        web_->passwords.remembered(credentials->user, credentials->password);
    if (!right) {
        struct Check {
            Mutex mutex;
            std::optional<bool> answer KW_GUARDED_BY(mutex);
            std::optional<bool> get() KW_EXCLUDES(mutex) {
                MutexLock lock(mutex);
                return answer;
            }
        };
        const auto check = std::make_shared<Check>();
        const Result<void> queued = server_.handlers.submit(
            [check, web = web_, pair = *credentials, wake_connection = waker()] {
                const bool answer = web->passwords.check(pair.user, pair.password);
                {
                    MutexLock lock(check->mutex);
                    check->answer = answer;
                }
                wake_connection();
            });
        if (!queued.ok())
            co_return Refusal{503, "too many requests are waiting", {{"Retry-After", "1"}}};
        for (;;) {
            right = check->get();
            if (right || closed_) break;
            co_await data_.async_wait(kAwait);
        }
    }
    if (!right.value_or(false)) co_return denied;
    user = credentials->user;
    co_return std::nullopt;
}

asio::awaitable<bool> Connection::run_handler(std::shared_ptr<Exchange> exchange) {
    const Result<void> queued = server_.handlers.submit([exchange] { exchange->run(); });
    if (!queued.ok()) {
        exchange->response.set_header("Retry-After", "1");
        (void)exchange->response.send(503, "text/plain; charset=utf-8",
                                      "too many requests are waiting\n");
        exchange->response.finish();
        server_.count(exchange->route.options.name, 503, 0, exchange->response.body_bytes());
    }
    exchange_ = exchange;
    const bool goes_on = co_await send_answer(exchange);
    co_return goes_on;
}

asio::awaitable<bool> Connection::send_answer(std::shared_ptr<Exchange> exchange) {
    for (;;) {
        if (closed_) co_return false;
        const Outbox::Taken taken = exchange->outbox.take();
        if (!taken.bytes.empty()) {
            const bool sent = co_await write_all(taken.bytes);
            if (!sent) {
                close();
                co_return false;
            }
            disarm();
        }
        if (taken.finished) {
            if (!taken.whole) close();
            co_return taken.whole && !exchange->response.closes_connection();
        }
        if (taken.bytes.empty()) co_await data_.async_wait(kAwait);
    }
}

asio::awaitable<bool> Connection::write_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, kWriteBytes);
        arm(server_.options.write_timeout, true);
        const error_code ec = co_await transport_->write(asio::buffer(piece.data(), piece.size()));
        if (ec || closed_) co_return false;
        bytes.remove_prefix(piece.size());
    }
    co_return true;
}

asio::awaitable<bool> Connection::refuse(RequestReader& reader, Refusal refusal,
                                         std::string handler) {
    const RequestReader::Head& head = reader.head();
    // A request that was not read to its end leaves the connection in the middle of it.
    if (reader.header_done() && !head.has_body) (void)reader.begin_body(0, false);
    const bool read_to_end = reader.done();

    Outbox outbox(server_.options.write_buffer_bytes, [] {});
    ResponseForm form = form_of(head);
    form.keep_alive = form.keep_alive && read_to_end;
    ServerResponse response(outbox, form);
    for (const auto& [name, value] : refusal.headers) response.set_header(name, value);
    if (refusal.message.empty()) {
        response.set_status(refusal.status);
    } else {
        refusal.message += '\n';
        (void)response.send(refusal.status, "text/plain; charset=utf-8", refusal.message);
    }
    response.finish();
    server_.count(handler, refusal.status, 0, response.body_bytes());
    const bool sent = co_await write_all(outbox.take().bytes);
    if (sent && !read_to_end) co_await linger();
    co_return sent&& form.keep_alive;
}

asio::awaitable<void> Connection::linger() {
    discards_input_ = true;
    inbox_.clear();
    room_.cancel();
    arm(kLinger, true);
    if (!is_tls_) co_await transport_->shut_down_sending();
    while (!input_ended_ && !closed_) co_await data_.async_wait(kAwait);
}

}  // namespace kw::net
