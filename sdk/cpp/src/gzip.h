// Bytes as gzip: bodies of the exporter, pprof profiles.
#pragma once

#include <string>
#include <string_view>

namespace kilowatch {

// Empty where zlib has no memory.
std::string gzip(std::string_view bytes);

}  // namespace kilowatch
