// A command's talk with a running server: asks its HTTP API (any that speaks Prometheus' envelope) and reads the
// envelope of the answer.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "app/query_client.h"
#include "base/result.h"
#include "net/fields.h"

namespace kw::app {

class ServerConversation final {
 public:
    // Everything outlives it. Remarks of the server (warnings, infos) go to the context's err.
    ServerConversation(CommandContext& context, net::Fetcher& fetcher, const QueryOptions& options)
        : context_(context), fetcher_(fetcher), options_(options) {}

    // POST with a form, GET where the path has no POST. Returns the answer's data, which lives until the next call.
    // Errors: what the server says, "type: message"; kInvalid when it is none of ours; those of the network.
    Result<simdjson::dom::element> ask(std::string_view path, const net::Params& params);
    // Any method; `params` stand in the URL. Errors: the same.
    Result<simdjson::dom::element> call(std::string_view method, std::string_view path,
                                        const net::Params& params, std::string body = {});
    // POST with a JSON body. Errors: the same.
    Result<simdjson::dom::element> post_json(std::string_view path, std::string body);

 private:
    Result<simdjson::dom::element> send(std::string_view method, std::string_view target,
                                        std::string body, std::string_view content_type);
    Result<simdjson::dom::element> read_envelope(std::string_view url, int status,
                                                 std::string_view body);

    CommandContext& context_;
    net::Fetcher& fetcher_;
    const QueryOptions& options_;
    simdjson::dom::parser parser_;
};

// 0; or 1 and the error on the context's err, behind the command's name.
int exit_code(CommandContext& context, std::string_view command, const Result<void>& done);

// A time on the command line, as seconds since the epoch: those, or RFC 3339.
Result<double> parse_command_time(const std::string& text);
// Seconds since the epoch as RFC 3339 with milliseconds.
std::string command_time_text(double seconds);

}  // namespace kw::app
