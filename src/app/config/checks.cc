#include "app/config/checks.h"

#include <algorithm>
#include <string>

#include "model/labels.h"
#include "settings/values.h"

namespace kw::app {
namespace {

constexpr std::string_view kReservedHeaders[] = {
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

std::string listed(std::initializer_list<std::string_view> keys) {
    std::string out;
    for (const std::string_view key : keys) {
        if (!out.empty()) out += ", ";
        out += key;
    }
    return out;
}

}  // namespace

Result<void> check_at_most_one(const Section& section,
                               std::initializer_list<std::string_view> keys) {
    std::string_view first;
    for (const std::string_view key : keys) {
        if (!section.has(key)) continue;
        if (first.empty()) {
            first = key;
        } else {
            return section.error(key, "excludes {}; keep one of {}", first, listed(keys));
        }
    }
    return {};
}

Result<void> check_exactly_one(const Section& section,
                               std::initializer_list<std::string_view> keys) {
    KW_TRY(check_at_most_one(section, keys));
    const bool has_one = std::any_of(keys.begin(), keys.end(),
                                     [&](std::string_view key) { return section.has(key); });
    return has_one ? Result<void>() : section.error("", "wants one of {}", listed(keys));
}

Result<void> check_http_url(const Section& section, std::string_view key) {
    if (!section.has(key)) return {};
    Result<UrlParts> url = parse_url(section.text(key));
    if (!url.ok()) return section.error(key, "{}", url.error().message);
    if (url->scheme != "http" && url->scheme != "https") {
        return section.error(key, "the scheme must be http or https, not {}",
                             kw::quoted(url->scheme));
    }
    if (url->host.empty()) return section.error(key, "names no host; write http://host:port/path");
    return {};
}

bool is_reserved_header(std::string_view name) {
    return std::find(std::begin(kReservedHeaders), std::end(kReservedHeaders), lower(name)) !=
           std::end(kReservedHeaders);
}

Result<void> check_headers(const Section& section, std::string_view key, bool is_remote) {
    for (const auto& [name, values] : section.map(key)) {
        const std::string header = lower(name);
        if (header == "authorization" && is_remote) {
            return section.error(
                key, "{} cannot be set here; use basic_auth, authorization or oauth2", name);
        }
        if (is_reserved_header(header)) {
            return section.error(key, "{} is set by the server itself; remove it", name);
        }
    }
    return {};
}

Result<void> check_target_address(std::string_view address) {
    if (address.find('/') == std::string_view::npos) return {};
    return invalid(
        "{} is not host:port; a URL's path belongs into metrics_path, its scheme into scheme",
        kw::quoted(url_without_password(address)));
}

Result<void> check_static_targets(const Section& section) {
    for (const Section& group : section.sections("static_configs")) {
        for (const std::string& target : group.texts("targets")) {
            if (Result<void> address = check_target_address(target); !address.ok()) {
                return group.error("targets", "{}", address.error().message);
            }
        }
    }
    return {};
}

}  // namespace kw::app
