// What people do to an incident, as plain functions: each checks, changes the value, and says in words what was
// done (or, as an error, why not and what to do instead). Nothing here is stored; incidents.h does that.
//
// The phases are a state machine: on to the next one freely; any other move wants a reason, which is kept. An
// incident leaves `resolution` for `post-mortem` by being resolved, which wants its alerts ended and its checks
// green, or a reason.
// Errors of all: kInvalid (what is asked), kConflict (not in this state), kExhausted (a limit).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "incidents/incident.h"

namespace kw::incidents {

// Who and when: what every change needs.
struct Moment {
    Millis now;
    std::string who;
};

// In words what was done.
using Done = Result<std::string>;

// Somebody is on it: detection becomes assessment.
Done acknowledge(Incident& incident, const Moment& moment);
Done move_to(Incident& incident, Phase phase, const std::string& reason, const Moment& moment);
// To post-mortem. Its checks were run just now.
Done resolve(Incident& incident, const std::string& reason, const Moment& moment);
// The post-mortem is done. Wants its text and an owner and a date for each action item, or a reason.
Done close(Incident& incident, const std::string& reason, const Moment& moment);

Done comment(const Incident& incident, const std::string& text);
// Empty: nobody. With a role, the role's person instead of the assignee.
Done assign(Incident& incident, const std::string& person, const std::string& role);
// Until when it tells nobody again; the past ends a snooze.
Done snooze(Incident& incident, Millis until, const Moment& moment);
Done link(Incident& incident, const std::string& kind, const std::string& title,
          const std::string& url, const Moment& moment);

// What may be changed by hand; nullopt: stays.
struct Edit {
    std::optional<std::string> title{};
    std::optional<Severity> severity{};
    std::optional<std::string> summary{};
    std::optional<Millis> began_at{};
    std::optional<std::vector<std::string>> services{};
    std::optional<std::vector<std::string>> zones{};
    std::optional<int64_t> users{};
    std::optional<std::string> impact_text{};
};
Done edit(Incident& incident, const Edit& edit);

Done add_runbook_step(Incident& incident, const std::string& text);
// `index` from 0. Ticked off, or open again.
Done tick_runbook_step(Incident& incident, int64_t index, bool is_done, const Moment& moment);

// `query` is PromQL that parses: the caller has looked.
Done add_check(Incident& incident, const std::string& query);
Done remove_check(Incident& incident, int64_t index);

struct ActionEdit {
    std::optional<std::string> text{};
    std::optional<std::string> owner{};
    std::optional<std::string> due{};  // 2026-01-31
    std::optional<std::string> rule{};
    std::optional<bool> is_done{};
};
// `id` 0: a new one, which wants a text.
Done set_action(Incident& incident, int64_t id, const ActionEdit& edit, const Moment& moment);

// Written by hand: from now on it is not drafted again.
Done write_postmortem(Incident& incident, const std::string& markdown);

}  // namespace kw::incidents
