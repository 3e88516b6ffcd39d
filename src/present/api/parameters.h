// Parameters of a request as values: times, durations, limits, selectors. Errors are kInvalid and read like
// Prometheus': `invalid parameter "start": cannot parse "x" to a valid timestamp`.
// Source: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace kw::net {
struct Request;
}
namespace kw::promql {
struct ParseOptions;
}

namespace kw::api {

// Seconds since the epoch with decimals, or RFC 3339.
Result<Millis> parse_time(std::string_view text);
// Seconds with decimals, or a duration like 1h30m. May be negative or zero.
Result<int64_t> parse_duration_parameter_ms(std::string_view text);

// `fallback` when the parameter is absent or empty.
Result<Millis> time_parameter(const net::Request& request, std::string_view name, Millis fallback);
// Absent: nullopt.
Result<std::optional<int64_t>> duration_parameter_ms(const net::Request& request,
                                                     std::string_view name);
// 0: no limit.
Result<uint64_t> limit_parameter(const net::Request& request, std::string_view name = "limit");
// A whole number from `min` to `max`; `fallback` when it is absent or empty.
Result<int64_t> integer_parameter(const net::Request& request, std::string_view name,
                                  int64_t fallback, int64_t min, int64_t max);
// `start` and `end`; absent: all times. The end may lie before the start: what that means is the
// endpoint's.
Result<TimeRange> range_parameters(const net::Request& request);
// Every `match[]`. Errors also when one of them selects nothing in particular.
Result<std::vector<std::vector<Matcher>>> selector_parameters(const net::Request& request,
                                                              const promql::ParseOptions& options);

// 2026-01-02T13:36:40.200Z
std::string format_rfc3339(Millis time);

// What Prometheus' escaping of names makes of `name`, undone: "U__http_2e_method" is "http.method". A name that
// is not so escaped stays as it is.
std::string unescape_name(std::string_view name);

}  // namespace kw::api
