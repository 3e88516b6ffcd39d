#include "api/query_parameters.h"

#include <optional>
#include <string>
#include <utility>

#include "api/envelope.h"
#include "api/parameters.h"
#include "net/request.h"
#include "promql/engine.h"

namespace kw::api {

Result<promql::QueryOptions> query_options(const net::Request& request) {
    promql::QueryOptions options;
    KW_TRY_ASSIGN(options.timeout_ms, duration_parameter_ms(request, "timeout"));
    KW_TRY_ASSIGN(options.lookback_ms, duration_parameter_ms(request, "lookback_delta"));
    for (const auto& [name, value] : {std::pair{"timeout", options.timeout_ms},
                                      std::pair{"lookback_delta", options.lookback_ms}}) {
        if (value && *value <= 0) return invalid_parameter(name, "must be greater than 0");
    }
    return options;
}

Result<promql::QueryRange> query_range_parameters(const net::Request& request,
                                                  uint64_t points_max) {
    for (const std::string_view name : {"start", "end", "step"}) {
        if (request.params.get(name).empty()) {
            return invalid_parameter(name, name == "step"
                                               ? "cannot parse \"\" to a valid duration"
                                               : "cannot parse \"\" to a valid timestamp");
        }
    }
    KW_TRY_ASSIGN(const TimeRange range, range_parameters(request));
    if (range.max < range.min) {
        return invalid_parameter("end", "end timestamp must not be before start time");
    }
    KW_TRY_ASSIGN(const std::optional<int64_t> step_ms, duration_parameter_ms(request, "step"));
    if (*step_ms <= 0) {
        return invalid_parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive "
            "integer");
    }
    // Unsigned: from the earliest time to the latest is more than int64 holds.
    const uint64_t span_ms =
        static_cast<uint64_t>(range.max.count) - static_cast<uint64_t>(range.min.count);
    if (span_ms / static_cast<uint64_t>(*step_ms) > points_max) {
        return invalid(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query "
            "resolution "
            "(?step=XX)",
            points_max == 11'000 ? "11,000" : std::to_string(points_max));
    }
    return promql::QueryRange{range.min, range.max, *step_ms};
}

}  // namespace kw::api
