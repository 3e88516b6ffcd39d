// Sections of a configuration → the options of the modules that act on them. The sections were
// checked when they were read, and defaults that come from `global` are filled in already.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config/schema.h"
#include "base/result.h"
#include "forward/options.h"
#include "intake/relabel.h"
#include "net/http_client.h"
#include "scrape/options.h"

namespace kw::app {

// `path` below `directory`, unless it is absolute or empty.
std::string resolved_path(std::string_view directory, std::string_view path);

// A relabel_config. Errors: kInvalid, kExhausted, with its place.
Result<intake::RelabelRule> to_relabel_rule(const Section& rule, NameScheme scheme);
Result<std::vector<intake::RelabelRule>> to_relabel_rules(const Sections& rules, NameScheme scheme);

// A tls_config.
net::TlsClientOptions to_tls_client(const Section& tls, const std::string& directory);
// The HTTP client's keys of `section`; files are taken below `directory`.
// Errors: kInvalid, with its place.
Result<net::HttpClientOptions> to_http_client(const Section& section, const std::string& directory);

// A scrape_config. Service discovery of other kinds than static, file, HTTP and DNS does not act.
// Errors: kInvalid, with its place.
Result<scrape::JobOptions> to_job(const Section& scrape, const std::string& directory);

// An entry of alerting.alertmanagers, with discovery as above; sigv4 does not act. Errors: kInvalid, with its place.
Result<forward::AlertmanagerOptions> to_alertmanager(const Section& alertmanager,
                                                     const std::string& directory,
                                                     NameScheme scheme);

}  // namespace kw::app
