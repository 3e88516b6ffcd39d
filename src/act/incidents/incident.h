// An incident as a value: what went wrong, how badly, who is on it, and how far they are.
//
//   detection ─▶ assessment ─▶ mitigation ─▶ resolution ─▶ post-mortem        (phase_machine.h)
//   └─────────────── status open ────────────────────────┘└ resolved, closed ┘
//
// A SEV has the guide's two names: SEV1 Critical, SEV2 High, SEV3 Medium, SEV4 Low. Times are instants of the
// server's clock. `began_at` is when it began as far as anybody knows, never after `opened_at`.
// Kept as JSON with a version and a checksum (incident_json.h, incident_table.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::incidents {

enum class Severity : unsigned char { kSev1, kSev2, kSev3, kSev4 };
inline constexpr Severity kSeverities[] = {Severity::kSev1, Severity::kSev2, Severity::kSev3,
                                           Severity::kSev4};
std::string_view severity_text(Severity severity);  // "SEV1"
std::string_view severity_name(Severity severity);  // "Critical"
// Either word, in any case: SEV2, High. Errors: kInvalid.
Result<Severity> parse_severity(std::string_view text);

enum class Phase : unsigned char { kDetection, kAssessment, kMitigation, kResolution, kPostMortem };
inline constexpr Phase kPhases[] = {Phase::kDetection, Phase::kAssessment, Phase::kMitigation,
                                    Phase::kResolution, Phase::kPostMortem};
std::string_view phase_text(Phase phase);  // "post-mortem"
// Errors: kInvalid, with the five.
Result<Phase> parse_phase(std::string_view text);

enum class Status : unsigned char { kOpen, kResolved, kClosed };
std::string_view status_text(Status status);  // "open"
Result<Status> parse_status(std::string_view text);

// An alert that belongs to it.
struct IncidentAlert {
    LabelSet labels;
    std::string summary;
    std::string link;  // to the expression
    Millis starts_at;
    std::optional<Millis> ended_at;  // nullopt: it fires
    int64_t firing_count = 1;        // how many times it began
    bool is_no_data = false;  // ended since its series have no data: nobody knows that it recovered
    bool is_external = false;  // a webhook told of it, and must tell of its end
    bool operator==(const IncidentAlert&) const = default;
};

// A line of its history: who did what.
struct Note {
    Millis at;
    std::string who;
    std::string kind;  // "opened", "phase", "comment", …: the action of the API
    std::string text;
    bool operator==(const Note&) const = default;
};

struct RunbookStep {
    std::string text;
    std::optional<Millis> done_at;
    std::string done_by;
    bool operator==(const RunbookStep&) const = default;
};

struct Link {
    std::string kind;  // "change", "deployment", "runbook", "restore", "other"
    std::string title;
    std::string url;
    Millis added_at;
    bool operator==(const Link&) const = default;
};

// An expression that must hold before the incident is resolved.
struct Check {
    std::string query;
    std::optional<Millis> checked_at;  // nullopt: not yet
    bool is_green = false;
    std::string answer;  // what it gave, in words
    bool operator==(const Check&) const = default;
};

struct ActionItem {
    int64_t id = 0;
    std::string text;
    std::string owner;
    std::string due;   // 2026-01-31
    std::string rule;  // the alerting rule that will tell whether it helped
    std::optional<Millis> done_at;
    bool operator==(const ActionItem&) const = default;
};

struct Impact {
    std::vector<std::string> services;
    std::vector<std::string> zones;
    std::optional<int64_t> users;  // how many; nullopt: not known
    std::string text;
    bool is_edited = false;  // by hand: what alerts say does not change it any more
    bool operator==(const Impact&) const = default;
};

struct Role {
    std::string role;  // "commander", "communications", "scribe", …
    std::string person;
    bool operator==(const Role&) const = default;
};

// A phase that was entered.
struct PhaseEntry {
    Phase phase = Phase::kDetection;
    Millis at;
    std::string who;
    std::string reason;  // for a jump
    bool operator==(const PhaseEntry&) const = default;
};

struct Incident {
    int64_t id = 0;
    std::string title;
    Severity severity = Severity::kSev3;
    std::string severity_reason;       // the class or label that gave it
    bool is_severity_by_hand = false;  // alerts do not raise it
    std::string source;                // "alert", "manual", "webhook"
    Phase phase = Phase::kDetection;
    Status status = Status::kOpen;
    Millis began_at;
    bool is_began_by_hand = false;
    Millis opened_at;
    Millis updated_at;
    std::optional<Millis> acknowledged_at;
    std::string acknowledged_by;
    std::optional<Millis> restored_at;  // when its last alert ended
    std::optional<Millis> resolved_at;
    bool is_resolved_by_itself = false;  // its alerts ended and nobody was on it
    std::optional<Millis> closed_at;
    std::optional<Millis> snoozed_until;
    std::string assignee;
    std::string summary;
    std::vector<Role> roles;
    Impact impact;
    std::vector<IncidentAlert> alerts;
    int64_t alerts_left_out = 0;  // over the limit
    Millis last_alert_at;
    std::vector<PhaseEntry> phases;
    std::vector<RunbookStep> runbook;
    std::vector<Link> links;
    std::vector<Check> checks;
    std::vector<ActionItem> actions;
    std::vector<Note> notes;
    std::string postmortem;              // Markdown; empty: none yet
    bool is_postmortem_by_hand = false;  // it is not drafted again
    bool operator==(const Incident&) const = default;

    bool is_open() const { return status == Status::kOpen; }
    bool is_snoozed_at(Millis now) const { return snoozed_until && *snoozed_until > now; }
    size_t firing_count() const;
};

using IncidentPtr = std::shared_ptr<const Incident>;

// "INC-7": as people and alerts name it.
std::string incident_name(int64_t id);
// "INC-7" or "7". Errors: kInvalid.
Result<int64_t> parse_incident_name(std::string_view text);

// Who changes something, from where.
struct Actor {
    std::string name;    // "anna", "alerts"
    std::string origin;  // an address, "alerts"
};

inline constexpr size_t kIncidentAlertsMax = 200;
inline constexpr size_t kAlertBytesMax = 8 << 10;  // of the labels of one
inline constexpr size_t kTextBytesMax = 16 << 10;  // of a comment, a summary
inline constexpr size_t kItemBytesMax = 2 << 10;   // of a step, a check, an action item, a URL
inline constexpr size_t kWordBytesMax = 512;       // of a title, a name, a link's title
inline constexpr size_t kItemsMax = 100;           // steps, links, checks, action items, roles
// Of all notes of one. Comments end there, so that there is room left to resolve it.
inline constexpr size_t kNotesBytesMax = 1 << 20;
inline constexpr size_t kPostmortemBytesMax = 256 << 10;  // of the Markdown

}  // namespace kw::incidents
