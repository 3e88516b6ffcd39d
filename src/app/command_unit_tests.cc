#include "app/command_unit_tests.h"

#include <CLI/CLI.hpp>

#include <memory>

#include "app/rule_test_files.h"

namespace kw::app {

void add_test_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const test = app.add_subcommand("test", "Runs unit tests of what a server will read");
    test->require_subcommand(1);
    auto options = std::make_shared<TestRulesOptions>();
    CLI::App* const rules =
        test->add_subcommand("rules", "Runs unit tests of rules, in promtool's format");
    rules->add_option("files", options->files, "Files of tests")->required();
    rules->add_option("--run", options->run,
                      "Runs the tests whose name this regular expression matches; repeatable");
    rules->add_flag("--ignore-unknown-fields", options->ignores_unknown_keys,
                    "Passes over keys of rule files that this version does not know");
    rules->callback([options, &chosen] {
        chosen = [options](CommandContext& context) { return test_rules(context, *options); };
    });
}

}  // namespace kw::app
