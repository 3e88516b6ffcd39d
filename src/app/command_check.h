// `kilowatch check config|rules|web-config|metrics`: what promtool's checks say, about the files that this
// server reads.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

// `chosen` outlives the parsing; it is set when a check was asked for.
void add_check_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
