// `kilowatch version`: which build this is.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

// `chosen` outlives the parsing.
void add_version_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
