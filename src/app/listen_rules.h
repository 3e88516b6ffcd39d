// Where the server may listen and under which URL it is reached.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/serve_flags.h"
#include "base/result.h"
#include "net/http_server.h"

namespace kw::app {

// Loopback always; any other address only with both TLS and users, since everything that the server knows is
// behind it. Errors: kInvalid, with the mend.
Result<void> check_listen_addresses(const std::vector<std::string>& addresses,
                                    const net::WebOptions& web);

struct ExternalUrl {
    std::string host;    // without port; empty: no external URL
    std::string origin;  // "https://ops.example.org:8443"
    std::string path;    // "/kilowatch", without a slash at the end
};
// An empty text is no external URL. Errors: kInvalid.
Result<ExternalUrl> parse_external_url(std::string_view text);

// "15d", "15d or 10GB", "" when nothing limits: for status/runtimeinfo.
std::string retention_text(const ServeSettings& settings);

}  // namespace kw::app
