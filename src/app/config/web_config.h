// The web configuration file (--web.config.file), in Prometheus' format: TLS, passwords and extra headers of
// the HTTP server. Paths in it are below its own folder.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/https/
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_server.h"

namespace kw::fs {
class FileSystem;
}

namespace kw::app {

// Schema, and what is between keys; certificates are not opened, hashes not looked at.
// Errors: kInvalid, with file, line, key and mend; kExhausted.
Result<net::WebOptions> parse_web_config(std::string_view text, const std::string& path);

// Reads the file and checks all of it, certificates and hashes included (net::check_web_options).
// Errors: as above, and those of files.
Result<net::WebOptions> load_web_config(fs::FileSystem& files, const std::string& path);

}  // namespace kw::app
