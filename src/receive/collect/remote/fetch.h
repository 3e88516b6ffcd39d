// A fetch within a Deadline: over HTTP, with everything that the server's client can do.
#pragma once

#include "base/result.h"
#include "collect/remote/deadline.h"
#include "net/http_client.h"

namespace kw::collect {

// Waits for the answer until the deadline or an interrupt, which cancel the fetch. The request's timeout is set here.
// Errors: those of Fetcher::fetch(), kTimeout, kCancelled.
Result<net::FetchResponse> fetch(net::Fetcher& fetcher, net::FetchRequest request,
                                 const Deadline& deadline);

}  // namespace kw::collect
