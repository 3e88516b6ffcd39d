// The keys that are valid and do not act yet: one table, which the warnings at start, the Status
// page and docs/limits.md are made of (a test holds the page to it). A key that starts to act
// leaves the table.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "app/config/config.h"
#include "app/config/schema.h"

namespace kw::app {

struct InactiveKey {
    // "alerting", "scrape_configs[].consul_sd_configs": [] is any index. A first part "**" is any
    // place.
    std::string_view path;
    std::string_view effect;  // what does not happen, for the warning and the page
};

std::span<const InactiveKey> inactive_keys();

// A warning for each key of the table that is set in `root` (or in a block below it).
void add_inactive_warnings(const Section& root, std::vector<ConfigWarning>& warnings);

}  // namespace kw::app
