#include "net/proxy_choice.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace kw::net {
namespace {

// 16 bytes, IPv4 mapped into IPv6.
using Address = std::array<unsigned char, 16>;

std::optional<Address> parse_address(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    const std::string copy(text);
    Address address{};
    if (inet_pton(AF_INET6, copy.c_str(), address.data()) == 1) return address;
    address = {};
    address[10] = address[11] = 0xff;
    if (inet_pton(AF_INET, copy.c_str(), address.data() + 12) == 1) return address;
    return {};
}

bool is_v4(const Address& address) {
    return std::all_of(address.begin(), address.begin() + 10,
                       [](unsigned char b) { return b == 0; }) &&
           address[10] == 0xff && address[11] == 0xff;
}

bool is_loopback(const Address& address) {
    if (is_v4(address)) return address[12] == 127;
    Address loopback{};
    loopback[15] = 1;
    return address == loopback;
}

bool in_network(const Address& address, std::string_view network) {
    const size_t slash = network.find('/');
    const std::optional<Address> base = parse_address(network.substr(0, slash));
    if (!base || is_v4(*base) != is_v4(address)) return false;
    unsigned bits = 0;
    const char* end = network.data() + network.size();
    const auto [used, ec] = std::from_chars(network.data() + slash + 1, end, bits);
    if (ec != std::errc() || used != end || bits > (is_v4(*base) ? 32U : 128U)) return false;
    if (is_v4(*base)) bits += 96;
    const size_t whole = bits / 8;
    if (std::memcmp(address.data(), base->data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const unsigned mask = 0xffU << (8 - bits % 8);
    return (address[whole] & mask) == ((*base)[whole] & mask);
}

std::string lower_trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

// Cuts a ":port" that is not part of an IPv6 address.
std::string_view cut_port(std::string_view& entry) {
    const size_t colon = entry.rfind(':');
    const bool in_address = entry.starts_with('[') ? entry.back() == ']' : entry.find(':') != colon;
    if (colon == std::string_view::npos || in_address) return "";
    const std::string_view port = entry.substr(colon + 1);
    entry = entry.substr(0, colon);
    return port;
}

std::string variable(const char* upper, const char* lower) {
    const char* value = std::getenv(upper);
    if (!value || !*value) value = std::getenv(lower);
    return value ? value : "";
}

}  // namespace

ProxyEnvironment ProxyEnvironment::of_process() {
    return {variable("HTTP_PROXY", "http_proxy"), variable("HTTPS_PROXY", "https_proxy"),
            variable("NO_PROXY", "no_proxy")};
}

bool is_excepted(std::string_view host, uint16_t port, std::string_view no_proxy) {
    const std::string name = lower_trimmed(host);
    const std::optional<Address> address = parse_address(name);
    if (name == "localhost" || (address && is_loopback(*address))) return true;
    while (!no_proxy.empty()) {
        const size_t comma = no_proxy.find(',');
        const std::string text = lower_trimmed(no_proxy.substr(0, comma));
        no_proxy.remove_prefix(comma == std::string_view::npos ? no_proxy.size() : comma + 1);
        std::string_view entry = text;
        if (entry.empty()) continue;
        if (entry == "*") return true;
        if (entry.find('/') != std::string_view::npos) {
            if (address && in_network(*address, entry)) return true;
            continue;
        }
        const std::string_view wanted_port = cut_port(entry);
        if (entry.empty() || (!wanted_port.empty() && wanted_port != std::to_string(port)))
            continue;
        if (const std::optional<Address> wanted = parse_address(entry)) {
            if (address && *address == *wanted) return true;
            continue;
        }
        if (entry.starts_with("*.")) entry.remove_prefix(1);
        const bool with_itself = !entry.starts_with('.');
        if (with_itself && name == entry) return true;
        const std::string suffix = with_itself ? "." + std::string(entry) : std::string(entry);
        if (name.ends_with(suffix)) return true;
    }
    return false;
}

std::string choose_proxy(const Url& url, const ProxyOptions& options,
                         const ProxyEnvironment& environment) {
    if (options.from_environment) {
        const std::string& proxy =
            url.scheme == "https" ? environment.https_proxy : environment.http_proxy;
        return proxy.empty() || is_excepted(url.host, url.port, environment.no_proxy) ? "" : proxy;
    }
    if (options.url.empty()) return "";
    if (!options.no_proxy.empty() && is_excepted(url.host, url.port, options.no_proxy)) return "";
    return options.url;
}

}  // namespace kw::net
