// `kilowatch notify` (receivers and what was sent) and `kilowatch alert` (why, simulate), asked of a running server.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

// `chosen` outlives the parsing; it is set when one of them was asked for.
void add_notify_command(CLI::App& app, CommandRun& chosen);
void add_alert_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
