// The number of files and sockets that this process may have open.
#pragma once

#include <cstdint>

namespace kw::net {

// Raises the soft limit (often 1024) to the hard one, and returns what holds then. A server that
// scrapes thousands of targets keeps a connection to each. Call once, at the start.
uint64_t raise_open_files_limit();

}  // namespace kw::net
