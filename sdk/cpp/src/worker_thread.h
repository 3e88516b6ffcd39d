// Threads of the SDK: named, and with the host's signals blocked (but SIGPROF, so that profiles
// show what the SDK costs), since a host's handler must not run on a thread that it does not know;
// SIGPIPE becomes EPIPE.
#pragma once

#include <functional>
#include <thread>

namespace kilowatch {

// Throws std::system_error where no thread is to be had.
std::jthread start_worker(const char* name, std::function<void()> run);

}  // namespace kilowatch
