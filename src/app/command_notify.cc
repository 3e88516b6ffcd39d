#include "app/command_notify.h"

#include <CLI/CLI.hpp>

#include <memory>

#include "app/command_query.h"
#include "app/notify_client.h"

namespace kw::app {
namespace {

using Ask = int (*)(CommandContext&, net::Fetcher&, const NotifyOptions&);

struct Question {
    CLI::App* command;
    std::shared_ptr<NotifyOptions> options;
};

Question add_question(CLI::App& parent, CommandRun& chosen, const std::string& name,
                      const std::string& description, Ask ask) {
    auto options = std::make_shared<NotifyOptions>();
    CLI::App* const command = parent.add_subcommand(name, description);
    command->add_option("-o,--format", options->connection.format, "Form of the answer")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
    add_server_options(*command, options->connection);
    command->callback([options, &chosen, ask] {
        chosen = [options, ask](CommandContext& context) {
            return with_client(context, options->connection,
                               [&](CommandContext& within, net::Fetcher& fetcher,
                                   const QueryOptions&) { return ask(within, fetcher, *options); });
        };
    });
    return {command, options};
}

}  // namespace

void add_notify_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const notify =
        app.add_subcommand("notify", "Receivers of a running server, and what they were sent");
    notify->require_subcommand(1);

    const Question test = add_question(
        *notify, chosen, "test", "Sends a test alert, and its end, to a receiver", notify_test);
    test.command->add_option("receiver", test.options->receiver, "Its name")->required();

    const Question history = add_question(*notify, chosen, "history",
                                          "What was sent, and what was answered", notify_history);
    history.command->add_option("--receiver", history.options->receiver, "Only of this one");
    history.command->add_option("--fingerprint", history.options->fingerprint,
                                "Only of this alert");
    history.command->add_option("--outcome", history.options->outcome,
                                "delivered, failed, refused, abandoned or 'nothing to send'");
    history.command->add_option("--start", history.options->start,
                                "From when on: seconds since the epoch, or RFC 3339");
    history.command->add_option("--end", history.options->end, "Until when");
    history.command->add_option("--limit", history.options->limit, "The most lines, up to 1000")
        ->capture_default_str();

    add_question(*notify, chosen, "receivers", "Lists the receivers and their integrations",
                 notify_receivers);

    const Question acknowledge = add_question(
        *notify, chosen, "acknowledge",
        "Tells providers (PagerDuty) that somebody works on an alert", notify_acknowledge);
    acknowledge.command->add_option("--fingerprint", acknowledge.options->fingerprint,
                                    "The alert: all groups that it is in");
    acknowledge.command->add_option("--receiver", acknowledge.options->receiver,
                                    "Only this receiver");
    acknowledge.command->add_option("--group-key", acknowledge.options->group_key,
                                    "The group at the receiver, in place of a fingerprint");
}

void add_alert_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const alert =
        app.add_subcommand("alert", "Why somebody was told of an alert, or would be");
    alert->require_subcommand(1);

    const Question why =
        add_question(*alert, chosen, "why",
                     "The life of an alert: its rule, routes, messages and answers", alert_why);
    why.command->add_option("--fingerprint", why.options->fingerprint, "The alert");
    why.command->add_option("labels", why.options->labels,
                            "All labels of the alert, name=value, in place of a fingerprint");

    const Question simulate = add_question(
        *alert, chosen, "simulate", "Who would be told of an alert, and when", alert_simulate);
    simulate.command->add_option("labels", simulate.options->labels, "Its labels, name=value")
        ->required();
    simulate.command->add_option("--at", simulate.options->at,
                                 "When it begins to fire, RFC 3339; without it, now");
    simulate.command->add_option("--ends-at", simulate.options->ends_at, "When it ends, RFC 3339");
    simulate.command
        ->add_option("--horizon", simulate.options->horizon, "How far to look, 31d at most")
        ->capture_default_str();
}

}  // namespace kw::app
