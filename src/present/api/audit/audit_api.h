// Our own API over the audit table: who changed what of the small state, when and from where; the newest first, in pages.
//
//   GET /api/kw/v1/audit?actor=&action=&kind=&object=&start=&end=&before=&limit=
//
// Threads: handlers run on the server's threads, each with a snapshot of the state of its own.
#pragma once

namespace kw {
namespace net {
class Router;
}
namespace state {
class Store;
}
}  // namespace kw

namespace kw::api {

// `state` outlives `routes`.
void add_audit_routes(net::Router& routes, state::Store& state);

}  // namespace kw::api
