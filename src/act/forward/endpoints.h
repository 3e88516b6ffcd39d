// From discovered targets to the URLs that alerts are posted to.
//
// A target gets __scheme__ and __alerts_path__ of the entry, then its group's labels, is relabelled, and is read:
// __scheme__://__address__/__alerts_path__. Two that come to the same URL are one Alertmanager.
// Source: Prometheus' notifier, alertmanagerFromGroup.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "forward/options.h"

namespace kw::forward {

struct Endpoints {
    std::vector<std::string> active;   // in the order of the groups, each once
    std::vector<std::string> dropped;  // by relabelling; likewise
    std::vector<std::string> errors;   // of targets that have no usable address
    bool operator==(const Endpoints&) const = default;
};

Endpoints find_endpoints(const AlertmanagerOptions& options,
                         std::span<const scrape::TargetGroup> groups);

}  // namespace kw::forward
