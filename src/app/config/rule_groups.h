// The rule files that a configuration names, read: what `serve` hands to the rules, after the configuration
// itself is known to be good.
#pragma once

#include "app/config/config.h"
#include "base/result.h"
#include "promql/parser.h"

namespace kw::app {

// Fills `config.rule_groups`, and adds to its warnings: globs that match nothing, alerts of one name in several
// places. Errors: those of read_rule_file() and of files; the first.
Result<void> load_rule_groups(fs::FileSystem& files, Config& config,
                              const promql::ParseOptions& features);

}  // namespace kw::app
