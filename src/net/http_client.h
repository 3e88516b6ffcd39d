// Outbound HTTP: thousands of transfers on one thread, over libcurl's multi interface.
//
// Redirects are followed here, not by libcurl: credentials, secret headers and client certificates
// go with a redirect only to the same scheme, host and port (or from http to https of the same host
// on standard ports). gzip and zstd are undone here: `body_bytes_max` cuts a body that grows in decompression
// as well.
// Threads: all members from any thread. Callbacks run on the environment's pool.
// Source: prometheus/common's HTTP client configuration, for what the options mean.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "net/fields.h"
#include "net/tls_options.h"

namespace kw::net {

struct BasicAuth {
    TextOrFile username;
    TextOrFile password;
    bool operator==(const BasicAuth&) const = default;
};

struct Authorization {
    std::string type = "Bearer";
    TextOrFile credentials;
    bool operator==(const Authorization&) const = default;
};

// A header of http_headers: its values are those in place, the secrets and the files' contents.
struct ExtraHeader {
    std::string name;
    std::vector<std::string> values;
    std::vector<std::string> secrets;
    std::vector<std::string> files;
    bool operator==(const ExtraHeader&) const = default;
};

struct ProxyOptions {
    std::string url;  // http://, https:// or socks5://; empty: none
    std::string
        no_proxy;  // comma-separated: host, .domain, address, CIDR, each with :port or without; *
    bool from_environment = false;  // HTTP_PROXY, HTTPS_PROXY, NO_PROXY instead of the two above
    std::vector<std::pair<std::string, std::string>>
        connect_headers;  // sent to the proxy with CONNECT
    bool operator==(const ProxyOptions&) const = default;
};

// How to get the tokens that requests are sent with, see net/oauth2.h.
struct OAuth2Options {
    enum class Grant : unsigned char { kClientCredentials, kJwtBearer };
    enum class Signature : unsigned char { kRs256, kRs384, kRs512 };
    Grant grant = Grant::kClientCredentials;
    std::string client_id;
    TextOrFile secret;  // the client's secret; of kJwtBearer its RSA key, PEM
    std::vector<std::string> scopes;
    std::string token_url;
    std::vector<std::pair<std::string, std::string>> endpoint_params;
    TlsClientOptions tls;
    ProxyOptions proxy;
    std::vector<ExtraHeader> headers;
    // Of kJwtBearer only:
    Signature signature = Signature::kRs256;
    std::string key_id;
    std::string issuer;                                       // empty: client_id
    std::string audience;                                     // empty: token_url
    std::vector<std::pair<std::string, std::string>> claims;  // name and JSON; before our own
    bool operator==(const OAuth2Options&) const = default;
};

// The HTTP client block of Prometheus' configuration. Compared at a reload.
struct HttpClientOptions {
    std::optional<BasicAuth> basic_auth;
    std::optional<Authorization> authorization;
    std::optional<OAuth2Options> oauth2;
    TlsClientOptions tls;
    ProxyOptions proxy;
    bool follow_redirects = true;
    bool enable_http2 = true;
    std::vector<ExtraHeader> headers;
    bool operator==(const HttpClientOptions&) const = default;
};

struct FetchRequest {
    std::string method = "GET";
    std::string url;  // http or https; user:password@ in it is basic authentication
    Headers headers;  // beside those of `options`; these do follow redirects
    std::string body;
    // Settings that many requests share; null: the defaults.
    std::shared_ptr<const HttpClientOptions> options;
    std::chrono::milliseconds timeout{30'000};  // for the whole fetch, redirects included
    uint64_t body_bytes_max = 64 << 20;         // after decompression; longer is kExhausted
    bool accept_gzip = true;                    // sends Accept-Encoding: gzip and undoes it
    bool accept_zstd = false;                   // beside gzip, and rather
    bool callback_is_quick =
        false;  // it never waits, and runs on the client's thread rather than the pool
    // For probes: every leg on a connection of its own, and FetchResponse::measured.
    bool measures = false;
};

// How a fetch went, over all its redirects; seconds. A phase that did not occur is 0.
struct FetchMeasurement {
    double resolve = 0;
    double connect = 0;
    double tls = 0;
    double processing = 0;  // from the request to the first byte of the answer
    double transfer = 0;
    uint32_t redirect_count = 0;
    double http_version = 0;                // 1.1, 2: of the last leg, as everything below
    std::string address;                    // that was connected to
    std::string tls_version;                // "TLSv1.3"; empty without TLS
    std::vector<std::string> certificates;  // PEM, the peer's own first
};

struct FetchResponse {
    int status = 0;
    Headers headers;
    std::string body;
    std::string url;          // after redirects
    uint64_t wire_bytes = 0;  // the body as it came, compressed perhaps
    std::optional<FetchMeasurement> measured{};
};

using FetchCallback = std::function<void(Result<FetchResponse>)>;

// What fetches: HttpClient, or a test's fake.
class Fetcher {
 public:
    virtual ~Fetcher() = default;
    using FetchId = uint64_t;

    // Starts a fetch; never blocks on the network. `callback` is called exactly once. Any status is
    // a response. Errors: kInvalid (URL, a header, a file of the options), kUnavailable (resolve,
    // connect, TLS, a broken answer), kTimeout, kExhausted (body too long), kCancelled.
    virtual FetchId fetch(FetchRequest request, FetchCallback callback) = 0;
    // Makes a running fetch end with kCancelled; its callback still comes. Unknown ids are fine.
    virtual void cancel(FetchId id) = 0;

    // Waits for the answer. Not from a callback.
    Result<FetchResponse> fetch_and_wait(FetchRequest request);
};

class HttpClient final : public Fetcher {
 public:
    struct Options {
        std::string user_agent = "Kilowatch";
        std::chrono::milliseconds connect_timeout{10'000};
        uint32_t idle_connections_max = 4096;
        std::chrono::seconds idle_connection_age{90};
        uint32_t redirects_max = 10;
        std::chrono::milliseconds token_timeout{30'000};  // of one request for an OAuth2 token
        // How long a token that could not be fetched is not asked for again.
        std::chrono::milliseconds token_retry{1'000};
        // A token that was answered with 401 is renewed when it is at least this old.
        std::chrono::milliseconds token_renewal{60'000};
    };

    // Callbacks run on env.pool; when it is full, on the client's own thread.
    HttpClient(Environment& env, const Options& options);
    // Cancels what runs, waits until every callback was handed over, and joins.
    ~HttpClient() override;

    FetchId fetch(FetchRequest request, FetchCallback callback) override;
    void cancel(FetchId id) override;

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// Checks what can be checked without a connection: URLs, header names, exclusions, versions. Files
// are not read. Errors: kInvalid.
Result<void> check_http_client_options(const HttpClientOptions& options);

}  // namespace kw::net
