// A request as a handler sees it: read completely, within its limits, and decoded.
// Threads: owned by the connection; the handler may read it until it returns.
#pragma once

#include <string>

#include "base/cancel.h"
#include "net/fields.h"

namespace kw::net {

struct Request {
    // `cancel_token` is cancelled when the client disconnects or the server is torn down, and
    // outlives the handler.
    explicit Request(const CancelToken& cancel_token) : cancel(cancel_token) {}

    std::string method;      // "GET"; upper case by convention of the clients, not changed here
    std::string target;      // as sent: "/graph/api/v1/query?query=up"
    std::string path;        // decoded, without the external URL's prefix: "/api/v1/query"
    std::string query_text;  // as sent, after the '?', without it
    Headers headers;
    std::string body;    // gzip already undone
    Params path_params;  // of the route's pattern
    // Query and, for POST, PUT and PATCH with a form body, form parameters; the form's first, as in
    // Go's Request.Form.
    Params params;
    std::string remote_address;  // "127.0.0.1:51234", "[::1]:51234"
    bool is_tls = false;
    std::string user;  // who authenticated, empty when nobody had to
    const CancelToken& cancel;
};

}  // namespace kw::net
