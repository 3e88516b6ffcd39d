#include "app/listen_rules.h"

namespace kw::app {
namespace {

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "[::1]" || host == "::1" || host.starts_with("127.");
}

}  // namespace

Result<void> check_listen_addresses(const std::vector<std::string>& addresses,
                                    const net::WebOptions& web) {
    for (const std::string& address : addresses) {
        const std::string host = address.substr(0, address.rfind(':'));
        if (is_loopback(host)) continue;
        if (web.tls.has_value() && !web.basic_auth_users.empty()) continue;
        return invalid(
            "--web.listen-address: {} is reachable from other machines; give it TLS "
            "(tls_server_config) and users (basic_auth_users) in --web.config.file, or listen on "
            "127.0.0.1",
            address);
    }
    return {};
}

Result<ExternalUrl> parse_external_url(std::string_view text) {
    ExternalUrl url;
    if (text.empty()) return url;
    const size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) {
        return invalid("--web.external-url: '{}' has no http:// or https://", text);
    }
    const size_t host_begin = scheme_end + 3;
    const size_t host_end = std::min(text.find('/', host_begin), text.size());
    std::string_view authority = text.substr(host_begin, host_end - host_begin);
    if (authority.empty() || authority.find('@') != std::string_view::npos) {
        return invalid("--web.external-url: '{}' has no plain host", text);
    }
    url.origin = std::string(text.substr(0, host_end));
    const size_t port = authority.rfind(':');
    if (port != std::string_view::npos && authority.find(']', port) == std::string_view::npos) {
        authority = authority.substr(0, port);
    }
    url.host = std::string(authority);
    std::string_view path = text.substr(host_end);
    path = path.substr(0, path.find_first_of("?#"));
    while (path.ends_with('/')) path.remove_suffix(1);
    url.path = std::string(path);
    return url;
}

std::string retention_text(const ServeSettings& settings) {
    std::string text;
    if (settings.retention_ms > 0) text = settings.flags.retention_time;
    if (settings.retention_bytes > 0) {
        if (!text.empty()) text += " or ";
        text += settings.flags.retention_size;
    }
    return text;
}

}  // namespace kw::app
