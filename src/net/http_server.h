// HTTP/1.1 server: plain or TLS, keep-alive, pipelining, streaming answers with back pressure.
//
//   socket ─▶ RequestReader ─▶ Router ─▶ pool: authenticate, handler ─▶ ResponseWriter ─▶ socket
//
// Sockets are coroutines on I/O threads; handlers are blocking functions on a bounded pool, and a
// full pool answers 503. Requests of one connection run one after the other. While a handler runs
// the connection is read ahead (at most one header limit), so that a client that goes is noticed
// and its request cancelled. Everything is bounded: see Options.
// Threads: all members from any thread.
// Source: RFC 9110, RFC 9112; Prometheus' web configuration file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "net/tls_options.h"

namespace kw::net {

class Router;

// What Prometheus' web.config.file says.
struct WebOptions {
    std::optional<TlsServerOptions> tls;
    std::map<std::string, std::string>
        basic_auth_users;  // name -> bcrypt hash; empty: nobody is asked
    // http_server_config.headers, sent with every answer.
    std::vector<std::pair<std::string, std::string>> headers;
    bool operator==(const WebOptions&) const = default;
};
// Checks hashes, header names and values, and TLS files. Errors: kInvalid and those of files.
Result<void> check_web_options(const WebOptions& options);

class HttpServer final {
 public:
    struct Options {
        // "host:port", ":port" (all interfaces) or "[v6]:port"; port 0 takes a free one.
        std::vector<std::string> listen_addresses = {"127.0.0.1:9090"};
        // The path of the external URL: "/metrics-of-site", without a slash at the end. A request
        // below it is routed without it; others are 404, and "/" is redirected to it.
        std::string path_prefix;
        // Hosts (no port) that a changing request may name besides localhost, IP literals and this
        // machine's name: the external URL's.
        std::vector<std::string> allowed_hosts;
        // Origins ("https://ops.example.org") other than the server's own from which changes are
        // taken.
        std::vector<std::string> allowed_origins;
        WebOptions web;

        uint32_t io_threads = 1;         // they parse and copy, handlers do the work
        uint32_t handler_threads = 32;   // most of them wait for a disk or a reader
        uint32_t handler_queue = 1024;   // requests that wait for a thread
        uint32_t connections_max = 512;  // as Prometheus; past it the one idle longest gives way
        uint32_t header_bytes_max = 64 << 10;        // request line and fields
        uint64_t body_bytes_in_all_max = 256 << 20;  // of all requests at one time; past it: 503
        uint64_t write_buffer_bytes = 1 << 20;       // a connection, before a handler has to wait
        std::chrono::milliseconds header_timeout{
            10'000};  // from the first byte to the last of the header
        std::chrono::milliseconds body_timeout{60'000};  // and of the body, however it trickles
        std::chrono::milliseconds idle_timeout{
            300'000};  // between requests; Prometheus' web.read-timeout
        std::chrono::milliseconds write_timeout{
            30'000};  // for each 64 KiB that the client must take
        std::chrono::milliseconds drain_timeout{
            10'000};  // at stop(), before what still runs is cancelled
    };

    // Listens. `routes` and what `env` names outlive the server.
    // Errors: kInvalid (an address, web options), kConflict (the port is taken), kDenied,
    // kUnavailable.
    static Result<std::unique_ptr<HttpServer>> start(Environment& env, const Router& routes,
                                                     const Options& options);
    // stop(), and joins.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // "127.0.0.1:40123" for each listen address, with the port taken.
    const std::vector<std::string>& addresses() const;
    // For new connections and requests. Errors: as check_web_options(); the old ones then stay.
    Result<void> update(const WebOptions& web);
    // No new connections or requests; running ones end, within the drain timeout. Returns when all
    // are gone.
    void stop();

 private:
    class Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::net
