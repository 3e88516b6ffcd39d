// `kilowatch rules`: rule groups and backfills of a running server.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

// `chosen` outlives the parsing; it is set when one of the commands was asked for.
void add_rules_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
