// The body of a /health endpoint, and such an endpoint as a target.
//
//   {"status": "healthy", "components": {"database": true, "cache": "ok", "model": {"status": "up"}}}
//
// A component is a boolean, a string (healthy, ok, up, pass, ready, in any case, are well; every other word is not) or
// an object that says the same in `status`, `state`, `healthy`, `ok` or `up`. HTTP 200 with an unhealthy body is
// unhealthy, and so is a healthy body with another status than 2xx.
// Bodies are bounded and not trusted: bytes, depth, components, length of names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collect/remote/fetch.h"
#include "collect/remote/worker.h"

namespace kw::collect {

inline constexpr size_t kHealthBytesMax = 256 << 10;
inline constexpr size_t kHealthDepthMax = 16;
inline constexpr size_t kHealthComponentsMax = 200;
inline constexpr size_t kHealthNameBytesMax = 128;

struct HealthBody {
    std::optional<bool> status;  // of the whole, where the body says so
    std::vector<std::pair<std::string, bool>> components;

    // The whole as well as every component.
    bool is_healthy() const;
};
// Errors: kInvalid (no JSON, no object, neither status nor components), kExhausted (over a bound).
Result<HealthBody> parse_health(std::string_view json);

struct HealthOptions {
    std::string service{};
    std::string url{};
    net::HttpClientOptions client{};
    bool operator==(const HealthOptions&) const = default;
};

// health_status{service}, health_component_status{service,component}, health_http_status_code{service},
// health_response_seconds{service}. An endpoint that cannot be reached, or whose body says nothing, fails the scrape,
// with `health_status 0`; its components are then unknown, and gone.
class HealthSource final : public RemoteSource {
 public:
    // `fetcher` outlives it.
    HealthSource(net::Fetcher& fetcher, HealthOptions options);

    Result<void> collect(const Deadline& deadline, std::string& out) override;

 private:
    net::Fetcher& fetcher_;
    const HealthOptions options_;
    const std::shared_ptr<const net::HttpClientOptions> client_;
};

}  // namespace kw::collect
