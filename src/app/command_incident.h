// `kilowatch incident`: incidents of a running server, listed, opened and worked on.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

// `chosen` outlives the parsing; it is set when one of its commands was asked for.
void add_incident_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
