// `kilowatch test`: unit tests of what users write.
#pragma once

#include "app/command.h"

namespace CLI {
class App;
}

namespace kw::app {

void add_test_command(CLI::App& app, CommandRun& chosen);

}  // namespace kw::app
