// The `collectors` block → the jobs of built-in collectors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app/config/config.h"
#include "app/config/schema.h"
#include "base/result.h"

namespace kw::app {

// Where each job name was taken: name -> "file:line".
using JobPlaces = std::map<std::string, std::string, std::less<>>;

// A scrape job of the user's that has what a built-in collector would collect.
struct JobOfOwn {
    std::string job_name;
    std::string target;  // host:port
    std::string file;
    int line = 0;
};

// The job's target that is a node_exporter on this machine: its port, 9100, of a loopback address. Only targets that
// stand in the file are looked at.
std::optional<JobOfOwn> find_own_node_exporter(const Section& scrape);

// Fills host, process and remote_collectors of `config`. Files are taken below `directory`; names of jobs are looked
// up in `places` and added to it. Where the user has a `node_exporter` of this machine, the host's collector gives way
// with a warning, unless it was switched on by hand. Errors: kInvalid, with its place.
Result<void> read_collectors(const Section& collectors, const Section& global,
                             const std::string& directory,
                             const std::optional<JobOfOwn>& node_exporter, JobPlaces& places,
                             Config& config);

}  // namespace kw::app
