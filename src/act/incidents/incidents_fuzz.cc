// Fuzzes what is read from outside and from disk: webhooks, and documents, which are written as they were read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "incidents/incident_json.h"
#include "incidents/webhook.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kw::incidents;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)parse_webhook(text, kw::Millis{1'700'000'000'000});
    (void)parse_rfc3339(text);
    if (const auto incident = parse_incident(text); incident.ok()) {
        const std::string written = incident_json(*incident);
        const auto again = parse_incident(written);
        if (!again.ok() || incident_json(*again) != written) std::abort();
    }
    if (const auto timeline = parse_timeline(text); timeline.ok()) {
        const std::string written = timeline_json(*timeline);
        const auto again = parse_timeline(written);
        if (!again.ok() || timeline_json(*again) != written) std::abort();
    }
    return 0;
}
