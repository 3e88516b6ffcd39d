// `energy-forecast run`: starts private PostgreSQL and Redis and the four roles, keeps them alive, hears faults on
// command, and stops all of it in reverse.
//
//   run folder   secret · clock (simulated time, so that a restart goes on where it stopped) · platform.json (ports
//                and process ids) · postgres/ · redis.conf · models/ · NAME.log
// PostgreSQL refuses to run as root: then it runs as the system's user `postgres`, and its data lies in a folder that
// this user reaches (under /var/tmp where the run folder is not such a one).
// Ports of the services are as given, and must be free; those of PostgreSQL and Redis move to a free one. A server
// that runs already is never touched: what is not ours has another port.
#pragma once

#include "platform/roles.h"

namespace energy {

int run_supervisor(RoleOptions options, bool start_given, const std::atomic<bool>& stop);

}  // namespace energy
