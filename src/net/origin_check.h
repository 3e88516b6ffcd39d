// Keeps other sites' pages from changing something here through the user's browser.
//
// Cross-site request forgery: a page of another site posts to us. Browsers say so in Origin and
// Sec-Fetch-Site, so an Origin that is neither ours nor allowed is refused.
// DNS rebinding: the page's own name is made to resolve to our address; Origin and Host then agree,
// but the Host is none of ours. So a Host that is no address literal, localhost, this machine's
// name or an allowed one is refused where a browser asks, and for everybody on loopback, where no
// other name can be meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/fields.h"

namespace kw::net {

struct OriginRules {
    std::vector<std::string> allowed_hosts;    // without port
    std::vector<std::string> allowed_origins;  // "https://ops.example.org"
    std::string machine_name;
};

// Why a request that changes something is refused; nullopt when it is not.
// `came_by_loopback`: the connection's own end has a loopback address.
std::optional<std::string> refuse_origin(const Headers& headers, bool came_by_loopback,
                                         const OriginRules& rules);

// "example.org:9090" -> "example.org"; "[::1]:9090" -> "[::1]".
std::string_view host_without_port(std::string_view host);

}  // namespace kw::net
