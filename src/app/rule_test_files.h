// Runs files of unit tests of rules and says what came of it, in promtool's manner.
#pragma once

#include <string>
#include <vector>

#include "app/command.h"

namespace kw::app {

struct TestRulesOptions {
    std::vector<std::string> files;
    std::vector<std::string> run;
    bool ignores_unknown_keys = false;
};
int test_rules(CommandContext& context, const TestRulesOptions& options);

}  // namespace kw::app
