// `kilowatch serve`: everything that runs, made in the order data flows and destroyed in reverse.
#pragma once

#include "app/serve_flags.h"
#include "base/result.h"

namespace kw::app {

class Signals;

// Serves until a signal (or /-/quit) asks to stop. `signals` was made before any thread.
// Errors: what kept it from starting; while it runs, nothing ends it but a signal.
Result<void> serve(const ServeSettings& settings, const Signals& signals);

}  // namespace kw::app
