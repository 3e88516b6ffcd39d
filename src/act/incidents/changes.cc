#include "incidents/changes.h"

#include <algorithm>
#include <tuple>

#include "model/sample.h"

namespace kw::incidents {
namespace {

Result<void> check_size(std::string_view what, std::string_view text, size_t bytes_max) {
    if (text.size() > bytes_max) {
        return exhausted("{} has {} bytes, at most {} are kept", what, text.size(), bytes_max);
    }
    if (!is_valid_utf8(text)) return invalid("{} is not UTF-8", what);
    return {};
}

Result<void> check_wanted(std::string_view what, std::string_view text, size_t bytes_max) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return invalid("{} is empty", what);
    }
    return check_size(what, text, bytes_max);
}

template <typename T>
Result<void> check_room(std::string_view what, const std::vector<T>& items) {
    if (items.size() >= kItemsMax) {
        return exhausted("there are {} {} already, the most that an incident has", items.size(),
                         what);
    }
    return {};
}

// Of a closed one nothing changes any more but its notes and its action items.
Result<void> check_not_closed(const Incident& incident) {
    if (incident.status != Status::kClosed) return {};
    return conflict("{} is closed; open it again by moving it to a phase with a reason",
                    incident_name(incident.id));
}

void enter(Incident& incident, Phase phase, const std::string& reason, const Moment& moment) {
    incident.phase = phase;
    incident.phases.push_back({phase, moment.now, moment.who, reason});
}

std::string with_reason(std::string text, const std::string& reason) {
    if (!reason.empty()) text += ": " + reason;
    return text;
}

bool is_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    const auto number = [&](size_t at, size_t length) {
        int value = 0;
        for (const char c : text.substr(at, length)) {
            if (c < '0' || c > '9') return -1;
            value = value * 10 + (c - '0');
        }
        return value;
    };
    const int year = number(0, 4);
    const int month = number(5, 2);
    const int day = number(8, 2);
    constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month != 2 || day < 29 || is_leap;
}

// Why it cannot be resolved yet; empty: it can.
std::string open_ends(const Incident& incident) {
    std::string reasons;
    const auto add = [&](std::string reason) {
        reasons += (reasons.empty() ? "" : "; ") + std::move(reason);
    };
    if (const size_t firing = incident.firing_count(); firing > 0) {
        add(fmt::format("{} of its alerts {}", firing, firing == 1 ? "fires" : "fire"));
    }
    for (const Check& check : incident.checks) {
        if (!check.is_green)
            add(fmt::format("check {} is not green: {}", check.query, check.answer));
    }
    return reasons;
}

}  // namespace

Done acknowledge(Incident& incident, const Moment& moment) {
    if (!incident.is_open()) {
        return conflict("{} is {} already: there is nothing to acknowledge",
                        incident_name(incident.id), status_text(incident.status));
    }
    if (incident.acknowledged_at) {
        return conflict("{} acknowledged {} already; assign it to hand it over",
                        incident.acknowledged_by, incident_name(incident.id));
    }
    incident.acknowledged_at = moment.now;
    incident.acknowledged_by = moment.who;
    if (incident.assignee.empty()) incident.assignee = moment.who;
    if (incident.phase == Phase::kDetection) enter(incident, Phase::kAssessment, "", moment);
    return std::string("acknowledged");
}

Done move_to(Incident& incident, Phase phase, const std::string& reason, const Moment& moment) {
    KW_TRY(check_size("reason", reason, kTextBytesMax));
    if (phase == incident.phase && incident.status != Status::kClosed) {
        return conflict("{} is in {} already", incident_name(incident.id), phase_text(phase));
    }
    if (phase == Phase::kPostMortem && incident.is_open()) {
        return resolve(incident, reason, moment);
    }
    const auto from = static_cast<size_t>(incident.phase);
    const bool is_next = static_cast<size_t>(phase) == from + 1;
    if (!is_next && reason.empty()) {
        if (static_cast<size_t>(phase) <= from) {
            return conflict("from {} to {} is a way back; say why in reason",
                            phase_text(incident.phase), phase_text(phase));
        }
        return conflict(
            "from {} to {} is a jump over phases; say why in reason, or move to {} first",
            phase_text(incident.phase), phase_text(phase), phase_text(kPhases[from + 1]));
    }
    const Phase before = incident.phase;
    enter(incident, phase, reason, moment);
    if (phase != Phase::kPostMortem) {
        // A way back opens it again.
        incident.status = Status::kOpen;
        incident.resolved_at.reset();
        incident.closed_at.reset();
        incident.is_resolved_by_itself = false;
    } else {
        incident.status = Status::kResolved;
        incident.closed_at.reset();
    }
    return with_reason(fmt::format("from {} to {}", phase_text(before), phase_text(phase)), reason);
}

Done resolve(Incident& incident, const std::string& reason, const Moment& moment) {
    KW_TRY(check_size("reason", reason, kTextBytesMax));
    if (!incident.is_open()) {
        return conflict("{} is {} already", incident_name(incident.id),
                        status_text(incident.status));
    }
    if (reason.empty()) {
        if (const std::string reasons = open_ends(incident); !reasons.empty()) {
            return conflict("{} is not over: {}; mend that, or say in reason why it is resolved",
                            incident_name(incident.id), reasons);
        }
        if (incident.phase != Phase::kResolution) {
            return conflict(
                "from {} to post-mortem is a jump over phases; say why in reason, or move to {} "
                "first",
                phase_text(incident.phase),
                phase_text(kPhases[static_cast<size_t>(incident.phase) + 1]));
        }
    }
    incident.status = Status::kResolved;
    incident.resolved_at = moment.now;
    incident.snoozed_until.reset();
    enter(incident, Phase::kPostMortem, reason, moment);
    return with_reason("resolved", reason);
}

Done close(Incident& incident, const std::string& reason, const Moment& moment) {
    KW_TRY(check_size("reason", reason, kTextBytesMax));
    if (incident.status != Status::kResolved) {
        return conflict("{} is {}; only what is resolved can be closed", incident_name(incident.id),
                        status_text(incident.status));
    }
    if (reason.empty() && incident.severity <= Severity::kSev2) {
        if (incident.postmortem.empty()) {
            return conflict("{} has no post-mortem yet; write it, or say in reason why not",
                            incident_name(incident.id));
        }
        for (const ActionItem& item : incident.actions) {
            if (item.done_at || (!item.owner.empty() && !item.due.empty())) continue;
            return conflict("action {} ({}) has no {}; add it, or say in reason why not", item.id,
                            item.text, item.owner.empty() ? "owner" : "due date");
        }
    }
    incident.status = Status::kClosed;
    incident.closed_at = moment.now;
    return with_reason("closed", reason);
}

Done comment(const Incident& incident, const std::string& text) {
    KW_TRY(check_wanted("text", text, kTextBytesMax));
    size_t bytes = text.size();
    for (const Note& note : incident.notes) bytes += note.text.size();
    if (bytes > kNotesBytesMax) {
        return exhausted("the notes of {} would have {} bytes, at most {} are kept",
                         incident_name(incident.id), bytes, kNotesBytesMax);
    }
    return text;  // the note is the change
}

Done assign(Incident& incident, const std::string& person, const std::string& role) {
    KW_TRY(check_not_closed(incident));
    KW_TRY(check_size("to", person, kWordBytesMax));
    KW_TRY(check_size("role", role, kWordBytesMax));
    if (role.empty()) {
        incident.assignee = person;
        return person.empty() ? std::string("assigned to nobody")
                              : fmt::format("assigned to {}", person);
    }
    const auto found = std::find_if(incident.roles.begin(), incident.roles.end(),
                                    [&](const Role& one) { return one.role == role; });
    if (person.empty()) {
        if (found != incident.roles.end()) incident.roles.erase(found);
        return fmt::format("{}: nobody", role);
    }
    if (found != incident.roles.end()) {
        found->person = person;
    } else {
        KW_TRY(check_room("roles", incident.roles));
        incident.roles.push_back({role, person});
    }
    return fmt::format("{}: {}", role, person);
}

Done snooze(Incident& incident, Millis until, const Moment& moment) {
    if (!incident.is_open()) {
        return conflict("{} is {}: it tells nobody", incident_name(incident.id),
                        status_text(incident.status));
    }
    if (until <= moment.now) {
        incident.snoozed_until.reset();
        return std::string("snooze ended");
    }
    constexpr int64_t kSnoozeMsMax = 7 * 86'400'000LL;
    if (until - moment.now > kSnoozeMsMax) {
        return invalid("a snooze is at most {}; a silence may be longer",
                       format_duration_ms(kSnoozeMsMax));
    }
    incident.snoozed_until = until;
    return fmt::format("snoozed for {}", format_duration_ms((until - moment.now) / 1000 * 1000));
}

Done link(Incident& incident, const std::string& kind, const std::string& title,
          const std::string& url, const Moment& moment) {
    constexpr std::string_view kKinds[] = {"change", "deployment", "runbook", "restore", "other"};
    if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
        return invalid("kind {} is not one of change, deployment, runbook, restore, other",
                       kw::quoted(kind));
    }
    KW_TRY(check_wanted("title", title, kWordBytesMax));
    KW_TRY(check_size("url", url, kItemBytesMax));
    // Shown as a link: what is not a page of the web does not get to be one.
    if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://")) {
        return invalid("url {} does not begin with https:// or http://", kw::quoted(url));
    }
    KW_TRY(check_room("links", incident.links));
    incident.links.push_back({kind, title, url, moment.now});
    return fmt::format("{} {}", kind, title);
}

Done edit(Incident& incident, const Edit& edit) {
    KW_TRY(check_not_closed(incident));
    std::string done;
    const auto note = [&](std::string text) {
        done += (done.empty() ? "" : "; ") + std::move(text);
    };
    if (edit.title) {
        KW_TRY(check_wanted("title", *edit.title, kWordBytesMax));
        incident.title = *edit.title;
        note("title " + *edit.title);
    }
    if (edit.severity) {
        note(fmt::format("{} instead of {}", severity_text(*edit.severity),
                         severity_text(incident.severity)));
        incident.severity = *edit.severity;
        incident.severity_reason = "by hand";
        incident.is_severity_by_hand = true;
    }
    if (edit.summary) {
        KW_TRY(check_size("summary", *edit.summary, kTextBytesMax));
        incident.summary = *edit.summary;
        note("summary");
    }
    if (edit.began_at) {
        if (*edit.began_at > incident.opened_at) {
            return invalid("beganAt is after the incident was opened");
        }
        incident.began_at = *edit.began_at;
        incident.is_began_by_hand = true;
        note("when it began");
    }
    for (const auto& [name, from, to] :
         {std::tuple("services", &edit.services, &incident.impact.services),
          std::tuple("zones", &edit.zones, &incident.impact.zones)}) {
        if (!*from) continue;
        if ((*from)->size() > kItemsMax) {
            return exhausted("{} has {} entries, at most {} are kept", name, (*from)->size(),
                             kItemsMax);
        }
        for (const std::string& one : **from) KW_TRY(check_wanted(name, one, kWordBytesMax));
        *to = **from;
        incident.impact.is_edited = true;
        note(name);
    }
    if (edit.users) {
        if (*edit.users < 0) return invalid("users is negative");
        incident.impact.users = *edit.users;
        note(fmt::format("{} users", *edit.users));
    }
    if (edit.impact_text) {
        KW_TRY(check_size("impact", *edit.impact_text, kTextBytesMax));
        incident.impact.text = *edit.impact_text;
        note("impact");
    }
    if (done.empty()) return invalid("nothing is named that could be changed");
    return done;
}

Done add_runbook_step(Incident& incident, const std::string& text) {
    KW_TRY(check_not_closed(incident));
    KW_TRY(check_wanted("step", text, kItemBytesMax));
    KW_TRY(check_room("steps", incident.runbook));
    incident.runbook.push_back({text, std::nullopt, ""});
    return fmt::format("step {}: {}", incident.runbook.size(), text);
}

Done tick_runbook_step(Incident& incident, int64_t index, bool is_done, const Moment& moment) {
    KW_TRY(check_not_closed(incident));
    if (index < 0 || static_cast<size_t>(index) >= incident.runbook.size()) {
        return invalid("there is no step {}: the runbook has {}, counted from 0", index,
                       incident.runbook.size());
    }
    RunbookStep& step = incident.runbook[static_cast<size_t>(index)];
    if (is_done) {
        step.done_at = moment.now;
        step.done_by = moment.who;
    } else {
        step.done_at.reset();
        step.done_by.clear();
    }
    return fmt::format("{}: {}", is_done ? "done" : "open again", step.text);
}

Done add_check(Incident& incident, const std::string& query) {
    KW_TRY(check_not_closed(incident));
    KW_TRY(check_wanted("query", query, kItemBytesMax));
    KW_TRY(check_room("checks", incident.checks));
    incident.checks.push_back({query, std::nullopt, false, "not checked yet"});
    return query;
}

Done remove_check(Incident& incident, int64_t index) {
    KW_TRY(check_not_closed(incident));
    if (index < 0 || static_cast<size_t>(index) >= incident.checks.size()) {
        return invalid("there is no check {}: there are {}, counted from 0", index,
                       incident.checks.size());
    }
    std::string query = incident.checks[static_cast<size_t>(index)].query;
    incident.checks.erase(incident.checks.begin() + index);
    return "removed: " + query;
}

Done set_action(Incident& incident, int64_t id, const ActionEdit& edit, const Moment& moment) {
    if (edit.text) KW_TRY(check_wanted("text", *edit.text, kItemBytesMax));
    if (edit.owner) KW_TRY(check_size("owner", *edit.owner, kWordBytesMax));
    if (edit.rule) KW_TRY(check_size("rule", *edit.rule, kWordBytesMax));
    if (edit.due && !edit.due->empty() && !is_date(*edit.due)) {
        return invalid("due {} is no date; write it as 2026-01-31", kw::quoted(*edit.due));
    }
    auto found = std::find_if(incident.actions.begin(), incident.actions.end(),
                              [&](const ActionItem& item) { return item.id == id; });
    if (id == 0) {
        if (!edit.text) return invalid("text is empty");
        KW_TRY(check_room("action items", incident.actions));
        ActionItem item;
        item.id = incident.actions.empty() ? 1 : incident.actions.back().id + 1;
        incident.actions.push_back(std::move(item));
        found = incident.actions.end() - 1;
    } else if (found == incident.actions.end()) {
        return not_found("{} has no action {}", incident_name(incident.id), id);
    }
    ActionItem& item = *found;
    if (edit.text) item.text = *edit.text;
    if (edit.owner) item.owner = *edit.owner;
    if (edit.due) item.due = *edit.due;
    if (edit.rule) item.rule = *edit.rule;
    if (edit.is_done) item.done_at = *edit.is_done ? std::optional(moment.now) : std::nullopt;
    return fmt::format("action {}{}: {}", item.id, item.done_at ? " (done)" : "", item.text);
}

Done write_postmortem(Incident& incident, const std::string& markdown) {
    KW_TRY(check_not_closed(incident));
    KW_TRY(check_size("post-mortem", markdown, kPostmortemBytesMax));
    incident.postmortem = markdown;
    incident.is_postmortem_by_hand = true;
    return fmt::format("post-mortem of {} bytes", markdown.size());
}

}  // namespace kw::incidents
