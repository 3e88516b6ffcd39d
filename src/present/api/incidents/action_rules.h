// The rules that verify action items: whether there is such a rule, how it stands, and whether it fired since the
// item was done.
//
//   action item ─ its rule's name ─▶ the rules that run ─▶ state
//                                  └▶ ALERTS in the store, from done_at to now ─▶ has fired, or not
//
// Threads: all functions from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/time.h"
#include "incidents/incident.h"
#include "promql/engine.h"
#include "rules/rule_manager.h"

namespace kw::api {

class JsonWriter;

// How the rule of an action item stands.
struct ActionRule {
    int64_t action = 0;  // its id
    std::string rule;
    bool exists = false;
    std::string nearest;  // when it does not exist: a rule of a similar name; empty: none is
    std::string state;    // when it does: "inactive", "pending", "firing"; of several the gravest
    std::optional<bool>
        has_fired;      // since the item was done; nullopt: it is open, or that cannot be told
    std::string error;  // why it cannot
};

// Errors: kInvalid when no alerting rule is called `name`; it names the nearest.
Result<void> check_action_rule(const std::string& name,
                               const std::vector<rules::GroupView>& groups);

// Of the action items that name a rule, in their order. One query for each that is done.
std::vector<ActionRule> action_rules(const incidents::Incident& incident,
                                     const std::vector<rules::GroupView>& groups,
                                     promql::Engine& engine, Millis now, const CancelToken& cancel);
void write_action_rules(JsonWriter& json, const std::vector<ActionRule>& found);

}  // namespace kw::api
