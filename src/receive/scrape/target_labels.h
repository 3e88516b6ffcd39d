// From discovered labels to a target: relabelling, the labels its series get, and the URL that is
// fetched.
//
// What discovery found gets the job's defaults (job, __scheme__, __metrics_path__,
// __scrape_interval__, __scrape_timeout__, __param_<name>), is relabelled, and is then read:
// __address__ is the host, the other names with two underscores say how to scrape, the rest are the
// labels of the target's series; instance defaults to the address. No port is added: Prometheus 3
// does not either.
// Source: Prometheus' PopulateLabels and Target.URL.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "scrape/options.h"

namespace kw::scrape {

struct TargetPlan {
    LabelSet labels;
    std::string url;
    int64_t interval_ms = 0;
    int64_t timeout_ms = 0;

    bool operator==(const TargetPlan&) const = default;
};

// The labels of `target` in `group`, with the job's defaults: what the API calls discoveredLabels.
LabelSet discovered_labels(const LabelSet& target, const LabelSet& group, const JobOptions& job);

// nullopt: relabelling dropped it. Errors: kInvalid (no address, a path in it, an interval or
// timeout that is none).
Result<std::optional<TargetPlan>> plan_target(const LabelSet& discovered, const JobOptions& job);

}  // namespace kw::scrape
