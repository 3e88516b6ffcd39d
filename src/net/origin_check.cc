#include "net/origin_check.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>

namespace kw::net {
namespace {

bool is_address_literal(std::string_view host) {
    unsigned char address[sizeof(in6_addr)];
    if (host.starts_with('[') && host.ends_with(']')) {
        return inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), address) ==
               1;
    }
    return inet_pton(AF_INET, std::string(host).c_str(), address) == 1;
}

bool is_known_host(std::string_view host, const OriginRules& rules) {
    if (is_address_literal(host) || equals_ignoring_case(host, "localhost") ||
        equals_ignoring_case(host, rules.machine_name)) {
        return true;
    }
    constexpr std::string_view kBelowLocalhost =
        ".localhost";  // RFC 6761: never leaves the machine
    if (host.size() > kBelowLocalhost.size() &&
        equals_ignoring_case(host.substr(host.size() - kBelowLocalhost.size()), kBelowLocalhost)) {
        return true;
    }
    return std::ranges::any_of(rules.allowed_hosts, [&](const std::string& allowed) {
        return equals_ignoring_case(allowed, host);
    });
}

}  // namespace

std::string_view host_without_port(std::string_view host) {
    const size_t from = host.starts_with('[') ? host.find(']') : 0;
    if (from == std::string_view::npos) return host;
    return host.substr(0, host.find(':', from));
}

std::optional<std::string> refuse_origin(const Headers& headers, bool came_by_loopback,
                                         const OriginRules& rules) {
    const std::string_view host = headers.get("Host");
    const std::optional<std::string_view> origin = headers.find("Origin");
    const std::string_view site = headers.get("Sec-Fetch-Site");
    const bool by_browser = origin || !site.empty();

    if (origin) {
        const bool allowed = std::ranges::any_of(
            rules.allowed_origins,
            [&](const std::string& known) { return equals_ignoring_case(known, *origin); });
        if (allowed) return {};
        const size_t scheme_end = origin->find("://");
        if (scheme_end == std::string_view::npos ||
            !equals_ignoring_case(origin->substr(scheme_end + 3), host)) {
            return fmt::format("a page of origin {} may not change anything here", *origin);
        }
    } else if (!site.empty() && site != "same-origin" && site != "none") {
        return "a page of another site may not change anything here";
    }
    if ((by_browser || came_by_loopback) && !is_known_host(host_without_port(host), rules)) {
        return fmt::format(
            "host {} is not one of this server's; name it with --web.external-url when it is",
            host);
    }
    return {};
}

}  // namespace kw::net
