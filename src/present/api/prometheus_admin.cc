// What changes data: remote write, and the admin API behind its flag.
#include "api/envelope.h"
#include "api/parameters.h"
#include "api/prometheus_api.h"
#include "net/request.h"
#include "net/response_writer.h"
#include "promql/engine.h"
#include "wire/remote_write/write_request.h"

namespace kw::api {
namespace {

Result<void> check_admin(const PrometheusApi::Options& options, bool is_there,
                         std::string_view what) {
    if (!options.enable_admin_api) return unavailable("admin APIs disabled");
    if (!is_there) return unsupported("this server's store cannot {}", what);
    return {};
}

}  // namespace

Result<void> PrometheusApi::delete_series(const net::Request& request,
                                          net::ResponseWriter& response) const {
    KW_TRY(check_admin(given_.options, static_cast<bool>(given_.delete_series), "delete series"));
    if (!request.params.has("match[]")) return invalid("no match[] parameter provided");
    KW_TRY_ASSIGN(const TimeRange range, range_parameters(request));
    KW_TRY_ASSIGN(const auto selectors,
                  selector_parameters(request, given_.engine.options().features));
    if (range.max < range.min) {
        return invalid_parameter("end", "end timestamp must not be before start time");
    }
    for (const std::vector<Matcher>& selector : selectors)
        KW_TRY(given_.delete_series(selector, range));
    response.set_status(204);
    return {};
}

Result<void> PrometheusApi::clean_tombstones(const net::Request&,
                                             net::ResponseWriter& response) const {
    KW_TRY(check_admin(given_.options, static_cast<bool>(given_.clean_tombstones),
                       "clean tombstones"));
    KW_TRY(given_.clean_tombstones());
    response.set_status(204);
    return {};
}

Result<void> PrometheusApi::snapshot(const net::Request& request,
                                     net::ResponseWriter& response) const {
    KW_TRY(check_admin(given_.options, static_cast<bool>(given_.snapshot), "make a snapshot"));
    const std::string_view skip_head = request.params.get("skip_head");
    if (!skip_head.empty() && skip_head != "true" && skip_head != "false") {
        return invalid_parameter(
            "skip_head", fmt::format("{} is neither true nor false", kw::quoted(skip_head)));
    }
    KW_TRY_ASSIGN(const std::string name, given_.snapshot(skip_head == "true"));
    SuccessEnvelope envelope(response);
    envelope.data().begin_object().key("name").string(name).end_object();
    return envelope.end();
}

// Statuses are remote write's: senders repeat on 5xx and 429 and drop on other 4xx. The text is for people.
Result<void> PrometheusApi::write(const net::Request& request,
                                  net::ResponseWriter& response) const {
    if (!given_.write) return unsupported("this server takes no remote write");
    const Result<void> headers = wire::check_write_headers(request.headers.get("Content-Type"),
                                                           request.headers.get("Content-Encoding"));
    const WriteAnswer answer =
        headers.ok() ? given_.write(request.body) : WriteAnswer{415, headers.error().message};
    if (answer.message.empty()) {
        response.set_status(answer.status);
        return {};
    }
    return response.send(answer.status, "text/plain; charset=utf-8", answer.message + "\n");
}

}  // namespace kw::api
