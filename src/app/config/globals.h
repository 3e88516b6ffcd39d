// What a scrape_config takes from `global` where it says nothing itself.
#pragma once

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// Fills in global's own defaults that hang together: protocols, name scheme, escaping.
// Errors: kInvalid (UTF-8 names asked for under the legacy scheme), with its place.
Result<void> fill_global(Section& global);

// Precondition: fill_global(global). Errors: kInvalid (a time-out longer than the interval, a name
// scheme and an escaping that exclude each other), with its place.
Result<void> fill_from_global(Section& scrape, const Section& global);

}  // namespace kw::app
