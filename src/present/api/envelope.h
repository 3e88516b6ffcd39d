// What every answer of Prometheus' API is wrapped in, and the one table of error types and statuses.
//
//   {"status":"success","data":…,"warnings":[…],"infos":[…]}
//   {"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": …"}
//
// Source: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
#pragma once

#include <string_view>
#include <vector>

#include "api/json_writer.h"
#include "base/result.h"

namespace kw::net {
struct Request;
class ResponseWriter;
}  // namespace kw::net

namespace kw::api {

// What never happened yet, of a rule or a scrape: Go's zero time.
inline constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

struct ErrorKind {
    std::string_view type;  // errorType
    int status;
};
// What an error of parameters or of a store becomes.
ErrorKind error_kind(Code code);
// The same for an error of a query that could be parsed: what it says of the query is `execution`, 422.
ErrorKind execution_error_kind(Code code);

// Whole answers.
void send_error(net::ResponseWriter& response, const ErrorKind& kind, std::string_view message);
void send_error(net::ResponseWriter& response, const Error& error);
// The same where the answer may have begun: then it is cut off, so that it is not taken for a whole one.
void send_error_or_abort(net::ResponseWriter& response, const Error& error);

// Begins `{"status":"success","data":`; write the data, then end().
class SuccessEnvelope final {
 public:
    explicit SuccessEnvelope(net::ResponseWriter& response);
    JsonWriter& data() { return json_; }
    // Errors: kCancelled when the client has gone.
    Result<void> end(const std::vector<std::string>& warnings = {},
                     const std::vector<std::string>& infos = {});

 private:
    JsonWriter json_;
};

// `invalid parameter "name": message`, as Prometheus words it.
Error invalid_parameter(std::string_view name, std::string_view message);

}  // namespace kw::api
