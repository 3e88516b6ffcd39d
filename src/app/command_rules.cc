#include "app/command_rules.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "app/command_query.h"
#include "app/rule_client.h"

namespace kw::app {
namespace {

using RunRules = int (*)(CommandContext&, net::Fetcher&, const RuleClientOptions&);

std::shared_ptr<RuleClientOptions> add_one(CLI::App& rules, CommandRun& chosen,
                                           const std::string& name, const std::string& description,
                                           RunRules run, CLI::App*& command) {
    auto options = std::make_shared<RuleClientOptions>();
    command = rules.add_subcommand(name, description);
    add_server_options(*command, options->connection);
    command->callback([options, &chosen, run] {
        chosen = [options, run](CommandContext& context) {
            return with_client(
                context, options->connection,
                [options, run](CommandContext& inner, net::Fetcher& fetcher, const QueryOptions&) {
                    return run(inner, fetcher, *options);
                });
        };
    });
    return options;
}

}  // namespace

void add_rules_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const rules =
        app.add_subcommand("rules", "Rule groups and backfills of a running server");
    rules->require_subcommand(1);
    CLI::App* command = nullptr;

    add_one(*rules, chosen, "list", "Lists groups: those of files, and those made through the API",
            list_rules, command);

    auto apply =
        add_one(*rules, chosen, "apply",
                "Makes or changes the groups of a rule file through the API", apply_rules, command);
    command->add_option("file", apply->target, "A rule file")->required();
    command->add_flag("--dry-run", apply->is_dry_run,
                      "Has the server check it, and changes nothing");

    auto remove = add_one(*rules, chosen, "remove", "Removes a group made through the API",
                          remove_rules, command);
    command->add_option("group", remove->target, "The group's name")->required();

    auto backfill = add_one(*rules, chosen, "backfill",
                            "Writes what recording rules would have given over a time past",
                            backfill_rules, command);
    command->add_option("rules", backfill->target,
                        "A rule file, or the name of a group that the server has");
    command->add_option("--start", backfill->start,
                        "From when on: seconds since the epoch, or RFC 3339");
    command->add_option("--end", backfill->end, "Until when; without it, now");
    command->add_option("--step", backfill->step, "Instead of the interval of the groups: 1m");
    command->add_option("--rule", backfill->rules, "Only rules of this name; repeatable");
    command->add_flag("--detach", backfill->is_detached, "Does not wait until it is done");
    command->add_flag("--list", backfill->is_list, "Lists backfills instead");
    command->add_option("--cancel", backfill->cancel_id, "Cancels the backfill of this id instead");
}

}  // namespace kw::app
