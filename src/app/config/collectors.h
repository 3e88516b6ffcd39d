// The `collectors` block → the jobs of built-in collectors.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "app/config/config.h"
#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// Where each job name was taken: name -> "file:line".
using JobPlaces = std::map<std::string, std::string, std::less<>>;

// Fills host, process and remote_collectors of `config`. Files are taken below `directory`; names of jobs are looked
// up in `places` and added to it. Errors: kInvalid, with its place.
Result<void> read_collectors(const Section& collectors, const Section& global,
                             const std::string& directory, JobPlaces& places, Config& config);

}  // namespace kw::app
