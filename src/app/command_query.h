// `kilowatch query instant|range|series|labels`: asks a server over its HTTP API.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

// `chosen` outlives the parsing; it is set when a query was asked for.
void add_query_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
