// URLs as libcurl reads them, so that what is checked here is what is fetched there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kw::net {

struct Url {
    std::string scheme;  // "http" or "https"
    std::string user;    // decoded
    std::string password;
    std::string host;  // lower case; an IPv6 address in brackets
    uint16_t port = 0;
    std::string text;  // whole, without user and password and fragment

    // Scheme, host and port.
    bool same_origin(const Url& other) const {
        return scheme == other.scheme && host == other.host && port == other.port;
    }
};

// Errors: kInvalid, also for a scheme other than http and https.
Result<Url> parse_url(std::string_view text);
// Where `location` leads from `base` (RFC 3986, 5). Errors: as parse_url().
Result<Url> resolve_url(const Url& base, std::string_view location);

}  // namespace kw::net
