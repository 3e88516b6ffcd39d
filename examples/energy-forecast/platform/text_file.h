// Whole small files.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace energy {

// Errors: kNotFound, kUnavailable, kExhausted over 256 MiB; the message has the path.
kw::Result<std::string> read_file(const std::string& path);

// Writes beside `path` and renames, so that a reader sees the old file or the new one.
kw::Result<void> write_file(const std::string& path, std::string_view content);

}  // namespace energy
