#include "app/command_incident.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "app/command_query.h"
#include "app/incident_client.h"
#include "base/check.h"

namespace kw::app {
namespace {

using Run = int (*)(CommandContext&, net::Fetcher&, const IncidentOptions&);

struct Command {
    CLI::App* app;
    std::shared_ptr<IncidentOptions> options;
};

Command add(CLI::App& incident, CommandRun& chosen, const std::string& name,
            const std::string& description, Run run) {
    auto options = std::make_shared<IncidentOptions>();
    options->members.reserve(kIncidentMembersMax);
    CLI::App* const command = incident.add_subcommand(name, description);
    add_server_options(*command, options->query);
    command->callback([options, &chosen, run] {
        chosen = [options, run](CommandContext& context) {
            return with_client(context, options->query,
                               [&](CommandContext& inner, net::Fetcher& fetcher,
                                   const QueryOptions&) { return run(inner, fetcher, *options); });
        };
    });
    return {command, std::move(options)};
}

void add_id(const Command& command) {
    command.app->add_option("id", command.options->id, "INC-7, or 7")->required();
}

// Who does it; a server that asks for a password takes the user of that.
void add_by(const Command& command) {
    if (const char* const user = std::getenv("USER"); user != nullptr) command.options->by = user;
    command.app->add_option("--by", command.options->by, "Who does it")->capture_default_str();
}

// A command that does something to one incident: POST …/ID/<action>.
Command add_action(CLI::App& incident, CommandRun& chosen, const std::string& name,
                   const std::string& action, const std::string& description) {
    const Command command = add(incident, chosen, name, description, incident_act);
    command.options->action = action;
    add_id(command);
    add_by(command);
    return command;
}

void add_member(const Command& command, const std::string& flag, const std::string& member,
                const std::string& description, bool is_required = false) {
    auto& members = command.options->members;
    KW_CHECK(members.size() < kIncidentMembersMax);  // CLI11 keeps references into it
    std::string& value = members.emplace_back(member, "").second;
    CLI::Option* const option = command.app->add_option(flag, value, description);
    if (is_required) option->required();
}

}  // namespace

void add_incident_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const incident =
        app.add_subcommand("incident", "Incidents of a running server: see, open, work on them");
    incident->require_subcommand(1);

    const Command list =
        add(*incident, chosen, "list", "Lists incidents, the newest first", incident_list);
    list.app->add_option("--status", list.options->statuses,
                         "open, resolved or closed; repeatable");
    list.app->add_option("--severity", list.options->severities, "SEV1 or Critical, …; repeatable");
    list.app->add_option("--service", list.options->service, "Only of this service");
    list.app->add_flag("--json", list.options->is_json, "The answer as it comes");

    const Command show =
        add(*incident, chosen, "show", "One incident with its timeline", incident_show);
    add_id(show);
    show.app->add_flag("--json", show.options->is_json, "The answer as it comes");

    const Command open = add(*incident, chosen, "open", "Opens an incident by hand", incident_open);
    add_by(open);
    add_member(open, "title", "title", "What is wrong", true);
    add_member(open, "--severity", "severity", "SEV1 or Critical, SEV2 or High, …", true);
    add_member(open, "--summary", "summary", "What is known");
    open.app->add_option("--service", open.options->services, "A service that suffers; repeatable");

    (void)add_action(*incident, chosen, "ack", "acknowledge", "Says that somebody is on it");
    const Command comment = add_action(*incident, chosen, "comment", "comment", "Adds a comment");
    add_member(comment, "text", "text", "The comment", true);
    const Command assign =
        add_action(*incident, chosen, "assign", "assign", "Says whose it is, or who has a role");
    add_member(assign, "person", "to", "Who", true);
    add_member(assign, "--role", "role", "commander, communications, …; without it, whose it is");
    const Command snooze =
        add_action(*incident, chosen, "snooze", "snooze", "Tells nobody for a while");
    add_member(snooze, "duration", "for", "1h, say; 0 ends it", true);
    const Command move = add_action(*incident, chosen, "move", "move", "Moves it to another phase");
    add_member(move, "phase", "phase",
               "detection, assessment, mitigation, resolution or post-mortem", true);
    add_member(move, "--reason", "reason", "Why, where it is not the next phase");
    const Command resolve =
        add_action(*incident, chosen, "resolve", "resolve", "Runs its checks and resolves it");
    add_member(resolve, "--reason", "reason", "Why, where alerts fire or checks are not green");
    const Command close =
        add_action(*incident, chosen, "close", "close", "Closes it: its post-mortem is done");
    add_member(close, "--reason", "reason", "Why, where the post-mortem is not complete");

    const Command postmortem = add(*incident, chosen, "postmortem",
                                   "Writes its post-mortem as Markdown", incident_postmortem);
    add_id(postmortem);
    add_by(postmortem);
    postmortem.app->add_flag("--draft", postmortem.options->is_draft,
                             "Drafts it anew; what was written by hand goes");
}

}  // namespace kw::app
