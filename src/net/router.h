// Method and path -> handler.
//
//   routes.add("GET", "/api/v1/label/:name/values", label_values, {});
//   routes.add("GET", "/assets/*file", asset, {});
//
// A pattern is a path whose segments may be `:name` (one non-empty segment) or, last, `*name` (the
// rest, which may be empty and hold slashes). Segments are matched before they are decoded, so that
// an encoded slash does not split one; the captured values are decoded. Literal beats `:name` beats
// `*name`. A path that has routes but not for this method is 405 with Allow; HEAD runs GET's
// handler; OPTIONS is answered with Allow where no route takes it.
// Threads: add() before the server starts, then const members from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/fields.h"

namespace kw::net {

struct Request;
class ResponseWriter;

// Runs on a thread of the server's pool and may block. What it throws ends this request only, with
// 500.
using Handler = std::function<void(const Request&, ResponseWriter&)>;

struct RouteOptions {
    // The request's body, also after decompression; longer is 413. 10 MiB: room for forms with long
    // queries.
    uint64_t body_bytes_max = 10 << 20;
    // Host and Origin are checked (origin_check.h). Ignored for GET, HEAD and OPTIONS unless
    // `always_changes`. Set to false for a POST that only reads, such as a query in a form.
    bool changes_something = true;
    // For a GET that changes something.
    bool always_changes = false;
    // No password is asked for: health checks.
    bool is_public = false;
    // gzip and zstd undone before the handler runs; false hands the body over as sent, Content-Encoding and
    // all.
    bool decode_body = true;
    // The `handler` label of the server's own metrics; the pattern when empty.
    std::string name;
};

class Router final {
 public:
    Router();
    ~Router();
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    // Precondition: a pattern that begins with '/', not added before for this method.
    void add(std::string_view method, std::string_view pattern, Handler handler,
             RouteOptions options = {});

    struct Route {
        std::string method;
        std::string pattern;
        Handler handler;
        RouteOptions options;
    };
    struct Match {
        const Route* route = nullptr;  // null: nothing here (404), or not by this method (405)
        Params path_params;
        std::vector<std::string> allowed;  // methods that the path takes, sorted; empty: 404
    };
    // `raw_path` as sent, without query and prefix; where nothing is found, once more with single slashes.
    Match match(std::string_view method, std::string_view raw_path) const;

    // In the order they were added.
    const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
    struct Node;
    std::unique_ptr<Node> root_;
    std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace kw::net
