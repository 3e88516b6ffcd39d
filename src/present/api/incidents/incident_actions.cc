// What people do to an incident, by the last segment of the path: a table from the action's name to the function
// that reads its body and does it.
#include <algorithm>
#include <optional>

#include "api/incidents/incidents_api.h"
#include "api/incidents/json_body.h"
#include "incidents/changes.h"
#include "model/sample.h"
#include "net/request.h"
#include "promql/parser.h"

namespace kw::api {
namespace {

using incidents::Actor;
using incidents::Done;
using incidents::Incident;
using incidents::IncidentPtr;
using incidents::Moment;

// What an action is given.
struct Asked {
    incidents::Incidents& all;
    int64_t id;
    std::string_view action;
    const JsonBody& body;
    const Actor& actor;
    const net::Request& request;

    Result<IncidentPtr> change(const incidents::Incidents::Change& change) const {
        return all.change(id, action, actor, change);
    }
    // "" when the body has none.
    Result<std::string> reason() const {
        KW_TRY_ASSIGN(const std::optional<std::string> text, body.text("reason"));
        return text.value_or("");
    }
};

Result<IncidentPtr> acknowledge(const Asked& asked) { return asked.change(incidents::acknowledge); }

Result<IncidentPtr> move(const Asked& asked) {
    KW_TRY_ASSIGN(const std::string text, asked.body.wanted_text("phase"));
    KW_TRY_ASSIGN(const incidents::Phase phase, incidents::parse_phase(text));
    KW_TRY_ASSIGN(const std::string reason, asked.reason());
    const IncidentPtr now = asked.all.find(asked.id);
    // The way into the post-mortem is to be resolved, which runs the checks.
    if (phase == incidents::Phase::kPostMortem && now != nullptr && now->is_open()) {
        return asked.all.resolve(asked.id, reason, asked.actor, asked.request.cancel);
    }
    return asked.change([&](Incident& incident, const Moment& moment) {
        return incidents::move_to(incident, phase, reason, moment);
    });
}

Result<IncidentPtr> resolve(const Asked& asked) {
    KW_TRY_ASSIGN(const std::string reason, asked.reason());
    return asked.all.resolve(asked.id, reason, asked.actor, asked.request.cancel);
}

Result<IncidentPtr> close(const Asked& asked) {
    KW_TRY_ASSIGN(const std::string reason, asked.reason());
    return asked.change([&](Incident& incident, const Moment& moment) {
        return incidents::close(incident, reason, moment);
    });
}

Result<IncidentPtr> comment(const Asked& asked) {
    KW_TRY_ASSIGN(const std::string text, asked.body.wanted_text("text"));
    return asked.change(
        [&](Incident& incident, const Moment&) { return incidents::comment(incident, text); });
}

Result<IncidentPtr> assign(const Asked& asked) {
    KW_TRY_ASSIGN(const std::string to, asked.body.wanted_text("to"));
    KW_TRY_ASSIGN(const std::optional<std::string> role, asked.body.text("role"));
    return asked.change([&](Incident& incident, const Moment&) {
        return incidents::assign(incident, to, role.value_or(""));
    });
}

Result<IncidentPtr> snooze(const Asked& asked) {
    KW_TRY_ASSIGN(const std::string text, asked.body.wanted_text("for"));
    KW_TRY_ASSIGN(const int64_t duration_ms, parse_duration_ms(text).with_context("for"));
    return asked.change([&](Incident& incident, const Moment& moment) {
        return incidents::snooze(incident, moment.now + duration_ms, moment);
    });
}

Result<IncidentPtr> link(const Asked& asked) {
    KW_TRY_ASSIGN(const std::optional<std::string> kind, asked.body.text("kind"));
    KW_TRY_ASSIGN(const std::string title, asked.body.wanted_text("title"));
    KW_TRY_ASSIGN(const std::optional<std::string> url, asked.body.text("url"));
    return asked.change([&](Incident& incident, const Moment& moment) {
        return incidents::link(incident, kind.value_or("other"), title, url.value_or(""), moment);
    });
}

Result<IncidentPtr> edit(const Asked& asked) {
    incidents::Edit edit;
    KW_TRY_ASSIGN(edit.title, asked.body.text("title"));
    KW_TRY_ASSIGN(const std::optional<std::string> severity, asked.body.text("severity"));
    if (severity) {
        KW_TRY_ASSIGN(edit.severity, incidents::parse_severity(*severity));
    }
    KW_TRY_ASSIGN(edit.summary, asked.body.text("summary"));
    KW_TRY_ASSIGN(edit.began_at, asked.body.time("beganAt"));
    KW_TRY_ASSIGN(edit.services, asked.body.texts("services"));
    KW_TRY_ASSIGN(edit.zones, asked.body.texts("zones"));
    KW_TRY_ASSIGN(edit.users, asked.body.integer("users"));
    KW_TRY_ASSIGN(edit.impact_text, asked.body.text("impact"));
    return asked.change(
        [&](Incident& incident, const Moment&) { return incidents::edit(incident, edit); });
}

// {"text"}: another step; {"step": 0, "done": true}: ticked off.
Result<IncidentPtr> runbook(const Asked& asked) {
    KW_TRY_ASSIGN(const std::optional<std::string> text, asked.body.text("text"));
    if (text) {
        return asked.change([&](Incident& incident, const Moment&) {
            return incidents::add_runbook_step(incident, *text);
        });
    }
    KW_TRY_ASSIGN(const int64_t step, asked.body.wanted_integer("step"));
    KW_TRY_ASSIGN(const std::optional<bool> done, asked.body.flag("done"));
    return asked.change([&](Incident& incident, const Moment& moment) {
        return incidents::tick_runbook_step(incident, step, done.value_or(true), moment);
    });
}

// {"query"}: another check; {"remove": 0}; {}: runs them.
Result<IncidentPtr> check(const Asked& asked) {
    KW_TRY_ASSIGN(const std::optional<std::string> query, asked.body.text("query"));
    if (query) {
        KW_TRY(promql::parse(*query, promql::ParseOptions::all_features()).with_context("query"));
        return asked.change([&](Incident& incident, const Moment&) {
            return incidents::add_check(incident, *query);
        });
    }
    KW_TRY_ASSIGN(const std::optional<int64_t> index, asked.body.integer("remove"));
    if (index) {
        return asked.change([&](Incident& incident, const Moment&) {
            return incidents::remove_check(incident, *index);
        });
    }
    return asked.all.run_checks(asked.id, asked.actor, asked.request.cancel);
}

Result<IncidentPtr> set_action(const Asked& asked) {
    KW_TRY_ASSIGN(const std::optional<int64_t> id, asked.body.integer("id"));
    incidents::ActionEdit edit;
    KW_TRY_ASSIGN(edit.text, asked.body.text("text"));
    KW_TRY_ASSIGN(edit.owner, asked.body.text("owner"));
    KW_TRY_ASSIGN(edit.due, asked.body.text("due"));
    KW_TRY_ASSIGN(edit.rule, asked.body.text("rule"));
    KW_TRY_ASSIGN(edit.is_done, asked.body.flag("done"));
    return asked.change([&](Incident& incident, const Moment& moment) {
        return incidents::set_action(incident, id.value_or(0), edit, moment);
    });
}

// {"text"}: written by hand; {}: drafted anew.
Result<IncidentPtr> postmortem(const Asked& asked) {
    KW_TRY_ASSIGN(const std::optional<std::string> text, asked.body.text("text"));
    if (!text) return asked.all.draft_postmortem(asked.id, asked.actor, asked.request.cancel);
    return asked.change([&](Incident& incident, const Moment&) {
        return incidents::write_postmortem(incident, *text);
    });
}

struct Action {
    std::string_view name;
    Result<IncidentPtr> (*run)(const Asked&);
};
constexpr Action kActions[] = {
    {"acknowledge", acknowledge},
    {"move", move},
    {"resolve", resolve},
    {"close", close},
    {"comment", comment},
    {"assign", assign},
    {"snooze", snooze},
    {"link", link},
    {"edit", edit},
    {"runbook", runbook},
    {"check", check},
    {"action", set_action},
    {"postmortem", postmortem},
};

}  // namespace

std::string incident_action_names() {
    std::string names;
    for (const Action& action : kActions) {
        if (!names.empty()) names += ", ";
        names += action.name;
    }
    return names;
}

Result<IncidentPtr> act_on_incident(incidents::Incidents& incidents, int64_t id,
                                    std::string_view action, const JsonBody& body,
                                    const Actor& actor, const net::Request& request) {
    const auto* const found = std::find_if(std::begin(kActions), std::end(kActions),
                                           [&](const Action& one) { return one.name == action; });
    if (found == std::end(kActions)) {
        return not_found("{} is no action; there are {}", kw::quoted(action),
                         incident_action_names());
    }
    return found->run({incidents, id, found->name, body, actor, request});
}

}  // namespace kw::api
