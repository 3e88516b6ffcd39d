#include "incidents/incident.h"

#include <algorithm>
#include <charconv>

namespace kw::incidents {
namespace {

struct SeverityWords {
    std::string_view text;
    std::string_view name;
};
// By Severity. Source: the monitoring guide, its two lists of severity levels.
constexpr SeverityWords kSeverityWords[] = {
    {"SEV1", "Critical"}, {"SEV2", "High"}, {"SEV3", "Medium"}, {"SEV4", "Low"}};
constexpr std::string_view kPhaseTexts[] = {"detection", "assessment", "mitigation", "resolution",
                                            "post-mortem"};
constexpr std::string_view kStatusTexts[] = {"open", "resolved", "closed"};

bool is_same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        };
        return lower(x) == lower(y);
    });
}

}  // namespace

std::string_view severity_text(Severity severity) {
    return kSeverityWords[static_cast<size_t>(severity)].text;
}

std::string_view severity_name(Severity severity) {
    return kSeverityWords[static_cast<size_t>(severity)].name;
}

Result<Severity> parse_severity(std::string_view text) {
    for (const Severity severity : kSeverities) {
        if (is_same_word(text, severity_text(severity)) ||
            is_same_word(text, severity_name(severity))) {
            return severity;
        }
    }
    return invalid(
        "{} is no severity; write SEV1 (Critical), SEV2 (High), SEV3 (Medium) or SEV4 (Low)",
        kw::quoted(text));
}

std::string_view phase_text(Phase phase) { return kPhaseTexts[static_cast<size_t>(phase)]; }

Result<Phase> parse_phase(std::string_view text) {
    for (const Phase phase : kPhases) {
        if (is_same_word(text, phase_text(phase))) return phase;
    }
    if (is_same_word(text, "postmortem")) return Phase::kPostMortem;
    return invalid(
        "{} is no phase; write detection, assessment, mitigation, resolution or post-mortem",
        kw::quoted(text));
}

std::string_view status_text(Status status) { return kStatusTexts[static_cast<size_t>(status)]; }

Result<Status> parse_status(std::string_view text) {
    for (const Status status : {Status::kOpen, Status::kResolved, Status::kClosed}) {
        if (is_same_word(text, status_text(status))) return status;
    }
    return invalid("{} is no status; write open, resolved or closed", kw::quoted(text));
}

size_t Incident::firing_count() const {
    return static_cast<size_t>(
        std::count_if(alerts.begin(), alerts.end(),
                      [](const IncidentAlert& alert) { return !alert.ended_at.has_value(); }));
}

std::string incident_name(int64_t id) { return fmt::format("INC-{}", id); }

Result<int64_t> parse_incident_name(std::string_view text) {
    std::string_view digits = text;
    if (is_same_word(digits.substr(0, 4), "INC-")) digits.remove_prefix(4);
    int64_t id = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (error != std::errc() || end != digits.data() + digits.size() || id <= 0) {
        return invalid("{} is no incident; write INC-7 or 7", kw::quoted(text));
    }
    return id;
}

}  // namespace kw::incidents
