// incidents: our own key. What opens an incident, how bad it is, and what belongs to it.
#include "app/config/schema.h"
#include "model/sample.h"

namespace kw::app {
namespace {

constexpr Field kClassFields[] = {
    required(text("name")),
    required(texts("matchers")),
    required(text("severity")),
    texts("runbook"),
    texts("checks"),
};
constexpr Block kClassBlock = {"incident_class", kClassFields};

// Samples of three hours and of the timeline are read for each.
constexpr int64_t kTimelineBeforeMsMax = 3 * 3'600'000LL;

Result<void> check_incidents(Section& section) {
    const int64_t before = section.integer("timeline_before");
    if (before < 60'000 || before > kTimelineBeforeMsMax) {
        return section.error("timeline_before", "{} is not between 1m and 3h",
                             format_duration_ms(before));
    }
    return {};
}

constexpr Field kIncidentsFields[] = {
    flag("open_from_alerts", true),
    flag("page", true),
    duration("group_window", "30m"),
    duration("auto_resolve_after", "15m"),
    duration("timeline_before", "30m"),
    texts("service_labels"),
    texts("zone_labels"),
    texts("fault_metrics"),
    text("users_query", "sum(active_users)"),
    flag("shipped_classes", true),
    blocks("classes", kClassBlock),
    text_map("label_severities"),
    text("default_severity", "SEV3"),
};

}  // namespace

constexpr Block kIncidentsBlock = {"incidents", kIncidentsFields, check_incidents};

}  // namespace kw::app
