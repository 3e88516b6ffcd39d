// Checks that several blocks of the schema share.
#pragma once

#include <initializer_list>
#include <string_view>

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// Of these keys at most one is set. Errors: at the last that is.
Result<void> check_at_most_one(const Section& section,
                               std::initializer_list<std::string_view> keys);
// Exactly one.
Result<void> check_exactly_one(const Section& section,
                               std::initializer_list<std::string_view> keys);
// The key, if set, is an http or https URL with a host.
Result<void> check_http_url(const Section& section, std::string_view key);
// A header that requests carry anyway, in any case.
bool is_reserved_header(std::string_view name);
// None of the header names in the map `key` is one that the server sets itself. `is_remote`:
// Authorization is refused too, since the block has keys of its own for it.
Result<void> check_headers(const Section& section, std::string_view key, bool is_remote);
// No target of `static_configs` looks like a URL.
Result<void> check_static_targets(const Section& section);
// What a URL in place of host:port is told.
Result<void> check_target_address(std::string_view address);

}  // namespace kw::app
