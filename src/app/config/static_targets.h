// Whether what static_configs name are addresses once relabel_configs were applied: what a load leaves to the
// scrape, and a check wants to know before.
#pragma once

#include <string_view>

#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// Of every scrape_config and alertmanager_config of `text`. Errors: kInvalid, with the place; also those of
// reading the configuration.
Result<void> check_relabelled_targets(std::string_view text, const std::string& path);

}  // namespace kw::app
