#include "app/command_version.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <ostream>

#include "app/version.h"

namespace kw::app {

void add_version_command(CLI::App& app, CommandRun& chosen) {
    CLI::App* const command =
        app.add_subcommand("version", "Prints the version and how it was built");
    command->callback([&chosen] {
        chosen = [](CommandContext& context) {
            const BuildInfo& info = build_info();
            context.out << fmt::format("kilowatch, version {} (revision: {})\n  compiler: {}\n",
                                       info.version, info.revision, info.compiler);
            return kExitOk;
        };
    });
}

}  // namespace kw::app
