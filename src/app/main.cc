// The command line: picks the command, which owns its flags and its exit code.
#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>

#include "app/command.h"
#include "app/command_check.h"
#include "app/command_incident.h"
#include "app/command_notify.h"
#include "app/command_query.h"
#include "app/command_rules.h"
#include "app/command_unit_tests.h"
#include "app/command_version.h"
#include "app/serve.h"
#include "app/serve_flags.h"
#include "app/signals.h"
#include "base/fs/real.h"

namespace kw::app {
namespace {

int run_serve(const ServeFlags& flags, std::ostream& err) {
    const Signals signals;
    const Result<ServeSettings> settings = check_serve_flags(flags);
    const Result<void> served =
        settings.ok() ? serve(*settings, signals) : Result<void>(settings.error());
    if (served.ok()) return kExitOk;
    err << "kilowatch: " << served.error().message << '\n';
    return kExitFailed;
}

int run(int argc, char** argv) {
    CLI::App app(
        "Kilowatch: metrics and observability for an energy-forecast platform in one server.",
        "kilowatch");
    app.require_subcommand(1);
    CommandRun chosen;
    ServeFlags flags;
    CLI::App* const serving = app.add_subcommand("serve", "Scrape, store, and answer over HTTP");
    add_serve_flags(*serving, flags);
    serving->callback(
        [&] { chosen = [&](CommandContext& context) { return run_serve(flags, context.err); }; });
    add_query_command(app, chosen);
    add_rules_command(app, chosen);
    add_incident_command(app, chosen);
    add_check_command(app, chosen);
    add_test_command(app, chosen);
    add_notify_command(app, chosen);
    add_alert_command(app, chosen);
    add_version_command(app, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        // CLI11 asks for a command and does not say that it got one that it does not know.
        const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
        if (!unknown.empty()) std::cerr << '"' << unknown.front() << "\" is not known here\n";
        app.exit(error);
        return kExitFailed;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == kExitOk ? kExitOk : kExitFailed;  // --help is no failure
    }
    fs::RealFileSystem files;
    CommandContext context{files, std::cin, std::cout, std::cerr};
    return chosen(context);
}

}  // namespace
}  // namespace kw::app

int main(int argc, char** argv) {
    try {
        return kw::app::run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "kilowatch: " << error.what() << '\n';
        return kw::app::kExitFailed;
    }
}
