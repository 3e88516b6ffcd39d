// Incidents and timelines as JSON: what is stored and what the API answers. Times are milliseconds since the
// epoch; what is not there is left out. Reading is bounded by the document's bytes, takes members in any order,
// passes over those it does not know, and names what is wrong.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "incidents/incident.h"
#include "incidents/timeline.h"

namespace kw::incidents {

inline constexpr size_t kDocumentBytesMax = 4 << 20;

std::string incident_json(const Incident& incident);
std::string timeline_json(const Timeline& timeline);
// Of a list: without alerts, notes and what else is long.
std::string incident_summary_json(const Incident& incident);

// Errors: kInvalid; kExhausted over kDocumentBytesMax.
Result<Incident> parse_incident(std::string_view json);
Result<Timeline> parse_timeline(std::string_view json);

}  // namespace kw::incidents
