// Which proxy, if any, a request goes through: the rules of Go's httpproxy package, which
// Prometheus uses, so that a no_proxy list means the same here.
//
//   example.org      it and its subdomains    .example.org   subdomains only (also *.example.org)
//   10.0.0.1         the address              10.0.0.0/8     the network
//   example.org:80   with that port only      *              everything
// localhost and loopback addresses need no entry, except where a proxy stands without a no_proxy
// list: then all goes through it.
// Source: golang.org/x/net/http/httpproxy.
#pragma once

#include <string>
#include <string_view>

#include "net/http_client.h"
#include "net/url.h"

namespace kw::net {

// HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the same in lower case.
struct ProxyEnvironment {
    std::string http_proxy;
    std::string https_proxy;
    std::string no_proxy;

    static ProxyEnvironment of_process();
};

// The proxy's URL, empty for none.
std::string choose_proxy(const Url& url, const ProxyOptions& options,
                         const ProxyEnvironment& environment);

bool is_excepted(std::string_view host, uint16_t port, std::string_view no_proxy);

}  // namespace kw::net
