// The checks behind `kilowatch check`: what is said goes to the context's streams in promtool's manner, what
// came of it into the exit code (command.h).
#pragma once

#include <string>
#include <vector>

#include "app/command.h"

namespace kw::app {

struct LintOptions {
    // "all", "none", "duplicate-rules", "too-long-scrape-interval".
    std::vector<std::string> checks = {"duplicate-rules"};
    bool is_fatal = false;

    bool has(const std::string& check) const;
};

struct CheckConfigOptions {
    std::vector<std::string> files;
    bool syntax_only = false;  // files that the configuration names need not exist
    bool agent_mode = false;
    LintOptions lint;
    std::string lookback_delta = "5m";  // an interval from this on is too long
};
int check_config(CommandContext& context, const CheckConfigOptions& options);

struct CheckRulesOptions {
    std::vector<std::string> files;
    LintOptions lint;
};
int check_rules(CommandContext& context, const CheckRulesOptions& options);

// Alertmanager's configuration files.
int check_alertmanager(CommandContext& context, const std::vector<std::string>& paths);

int check_web_config(CommandContext& context, const std::vector<std::string>& paths);

struct CheckMetricsOptions {
    bool extended = false;
};
// Reads the context's input to its end, at most 256 MiB.
int check_metrics(CommandContext& context, const CheckMetricsOptions& options);

}  // namespace kw::app
