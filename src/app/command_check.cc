#include "app/command_check.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "app/check.h"
#include "app/command_query.h"
#include "app/query_client.h"

namespace kw::app {
namespace {

void add_lint(CLI::App& command, LintOptions& lint, const std::vector<std::string>& checks) {
    command.add_option("--lint", lint.checks, "What to lint for; several, separated by commas")
        ->delimiter(',')
        ->check(CLI::IsMember(checks))
        ->capture_default_str();
    command.add_flag("--lint-fatal", lint.is_fatal,
                     "A remark of the linter ends the command with 3");
}

void add_config(CLI::App& check, CommandRun& chosen) {
    auto options = std::make_shared<CheckConfigOptions>();
    CLI::App* const command = check.add_subcommand(
        "config",
        "Checks configuration files, with the rule, discovery and credential files that they name");
    command->add_option("files", options->files, "Configuration files")->required();
    command->add_flag("--syntax-only", options->syntax_only,
                      "Checks the file alone: what it names need not exist");
    command->add_flag("--agent", options->agent_mode, "Holds the file to what agent mode takes");
    command
        ->add_option("--lint-lookback-delta", options->lookback_delta,
                     "The query lookback that scrape intervals are compared with")
        ->capture_default_str();
    add_lint(*command, options->lint,
             {"all", "none", "duplicate-rules", "too-long-scrape-interval"});
    command->callback([options, &chosen] {
        chosen = [options](CommandContext& context) { return check_config(context, *options); };
    });
}

void add_rules(CLI::App& check, CommandRun& chosen) {
    auto options = std::make_shared<CheckRulesOptions>();
    CLI::App* const command =
        check.add_subcommand("rules", "Checks rule files: groups, rules and their expressions");
    command->add_option("files", options->files, "Rule files")->required();
    add_lint(*command, options->lint, {"all", "none", "duplicate-rules"});
    command->callback([options, &chosen] {
        chosen = [options](CommandContext& context) { return check_rules(context, *options); };
    });
}

void add_web_config(CLI::App& check, CommandRun& chosen) {
    auto paths = std::make_shared<std::vector<std::string>>();
    CLI::App* const command = check.add_subcommand(
        "web-config",
        "Checks files for --web.config.file, with certificates, keys and password hashes");
    command->add_option("files", *paths, "Web configuration files")->required();
    command->callback([paths, &chosen] {
        chosen = [paths](CommandContext& context) { return check_web_config(context, *paths); };
    });
}

void add_alertmanager(CLI::App& check, CommandRun& chosen) {
    auto paths = std::make_shared<std::vector<std::string>>();
    CLI::App* const command = check.add_subcommand(
        "alertmanager", "Checks files for --alertmanager.config.file: routes, receivers, the like");
    command->add_option("files", *paths, "Alertmanager configuration files")->required();
    command->callback([paths, &chosen] {
        chosen = [paths](CommandContext& context) { return check_alertmanager(context, *paths); };
    });
}

void add_metrics(CLI::App& check, CommandRun& chosen) {
    auto options = std::make_shared<CheckMetricsOptions>();
    CLI::App* const command =
        check.add_subcommand("metrics",
                             "Lints an exposition, in text format 0.0.4, from standard input\n"
                             "  curl -s localhost:9090/metrics | kilowatch check metrics");
    command->add_flag("--extended", options->extended, "Prints how many series each metric has");
    command->callback([options, &chosen] {
        chosen = [options](CommandContext& context) { return check_metrics(context, *options); };
    });
}

void add_query(CLI::App& check, CommandRun& chosen) {
    auto options = std::make_shared<QueryOptions>();
    CLI::App* const command = check.add_subcommand(
        "query",
        "Says what a PromQL expression most likely does not mean, and how to mend it\n"
        "  kilowatch check query --server http://localhost:9090 'rate(http_request_total[5m])'");
    command->add_option("expr", options->expression, "PromQL")->required();
    command->add_option("--server", options->server,
                        "URL of a Kilowatch server, which knows types, scrape intervals and names");
    add_connection_options(*command, *options);
    command->callback([options, &chosen] {
        chosen = [options](CommandContext& context) {
            return with_client(context, *options, check_query);
        };
    });
}

}  // namespace

void add_check_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const check = app.add_subcommand("check", "Checks files before a server reads them");
    check->require_subcommand(1);
    add_config(*check, chosen);
    add_rules(*check, chosen);
    add_alertmanager(*check, chosen);
    add_web_config(*check, chosen);
    add_metrics(*check, chosen);
    add_query(*check, chosen);
}

}  // namespace kw::app
