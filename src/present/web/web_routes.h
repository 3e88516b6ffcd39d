// Routes of the web UI: its pages, its files, and Prometheus' old page paths.
#pragma once

#include <string>

#include "web/index_page.h"

namespace kw::net {
class Router;
}

namespace kw::web {

// GET (and HEAD) of "/", the UI's pages and the embedded files. Answers carry an ETag and are 304
// when the client has them. Pages are public in no way: a configured password is asked for.
void add_web_routes(net::Router& routes, const IndexPageOptions& options);

}  // namespace kw::web
