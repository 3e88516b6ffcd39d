// How the exporter reaches its receiver: libcurl, or what a test puts in its place.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kilowatch {

struct HttpPost {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

struct HttpReply {
    int status = 0;     // 0: no answer came
    std::string error;  // why, where status is 0
    std::string body;   // its first 64 KiB
    std::optional<std::chrono::milliseconds> retry_after = {};
};

class HttpTransport {
 public:
    virtual ~HttpTransport() = default;
    // Called by one thread at a time; returns soon once `cancelled` is true.
    virtual HttpReply post(const HttpPost& request, std::chrono::milliseconds timeout,
                           const std::atomic<bool>& cancelled) = 0;
};

// http and https; follows no redirects; proxies as the environment says.
std::unique_ptr<HttpTransport> curl_transport();

// Seconds, or an HTTP date that is compared with `now_seconds` (Unix time). nullopt: neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text,
                                                           int64_t now_seconds);

}  // namespace kilowatch
