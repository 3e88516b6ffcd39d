// The draft of a post-mortem as Markdown, from what an incident and its timeline hold: what they cite stands in it,
// so that it reads without the server. What only people know is left open, in words that say so.
#pragma once

#include <string>
#include <string_view>

#include "incidents/incident.h"
#include "incidents/timeline.h"

namespace kw::incidents {

std::string draft_postmortem_text(const Incident& incident, const Timeline& timeline);

// 2026-01-02 03:04:05 UTC
std::string readable_time(Millis time);

}  // namespace kw::incidents
