// A log entry as one line of JSON in the guide's form.
#pragma once

#include <string>
#include <string_view>

#include "kilowatch/log.h"

namespace kilowatch {

inline constexpr size_t kLogLineBytesMax = 64 << 10;
inline constexpr size_t kLogDetailsMax = 64;

// At most 8 KiB; what is cut ends in "…".
std::string cut_message(std::string_view message);

// `details` with texts of at most 2 KiB, the last of each name, request_id and user_id of `tags`
// (may be null) before them.
Attributes log_details(Attributes details, const TraceTags* tags);

// With its line feed, for an entry made of the two above; `left_out` details were given up before.
std::string format_log_line(const LogEntry& entry, const LogOptions& options, size_t left_out);

}  // namespace kilowatch
