#include "collect/probe/probe.h"

#include "collect/family_set.h"

namespace kw::collect {

ProbeSource::ProbeSource(net::Fetcher& fetcher, ProbeOptions options)
    : fetcher_(fetcher), options_(std::move(options)) {}

Result<void> ProbeSource::collect(const Deadline& deadline, std::string& out) {
    FamilySet families;
    Result<void> outcome = std::visit(
        [&](const auto& probe) {
            if constexpr (std::is_same_v<std::decay_t<decltype(probe)>, HttpProbe>) {
                return run_probe(probe, fetcher_, deadline, families);
            } else {
                return run_probe(probe, deadline, families);
            }
        },
        options_.what);
    // Nobody waits for it any more: that says nothing of the target.
    if (!outcome.ok() && outcome.error().code == Code::kCancelled) return outcome;

    const double success = outcome.ok() ? 1 : 0;
    families.add("probe_success", "gauge", "Whether the probe succeeded", {}, success);
    families.add("probe_duration_seconds", "gauge", "How long the probe took", {},
                 deadline.elapsed_seconds());
    if (!outcome.ok()) {
        families.add("probe_failure_info", "gauge", "1 for why the probe failed",
                     {{"reason", outcome.error().message.substr(0, kProbeReasonBytesMax)}}, 1);
    }
    if (!options_.component.empty()) {
        families.add("health_component_status", "gauge",
                     "Whether the component is healthy, as a probe found it",
                     {{"service", options_.service}, {"component", options_.component}}, success);
    }
    ExpositionWriter writer(out);
    families.write(writer);
    return {};
}

}  // namespace kw::collect
