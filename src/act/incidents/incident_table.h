// Incidents in the small state: a document each (JSON, its version, its crc32c), the timeline beside it, and an
// entry of the audit for each change, in the same transaction.
// Format: docs/formats/state.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "incidents/incident.h"
#include "incidents/timeline.h"

namespace kw::state {
class Connection;
class Store;
}  // namespace kw::state

namespace kw::incidents {

// One change of one incident.
struct Write {
    IncidentPtr before;  // null: it is new
    IncidentPtr after;
    Actor actor;
    std::string action;  // "open", "acknowledge", …
    std::string text;    // what was done, in words
};

class IncidentTable final {
 public:
    // Makes the tables. `store` outlives this. Errors: the store's.
    static Result<std::unique_ptr<IncidentTable>> open(state::Store& store);

    struct Loaded {
        std::vector<Incident> incidents;   // by id
        std::vector<std::string> damaged;  // what could not be read, and why; it stays where it is
        int64_t last_id = 0;               // ever given, damaged and removed ones included
    };
    Result<Loaded> load();
    // All of `writes` in one step. Returns when they are durable.
    Result<void> put(const std::vector<Write>& writes, Millis now);
    Result<void> put_timeline(int64_t id, const Timeline& timeline);
    // nullopt: none yet. Errors: kCorrupt, the store's.
    Result<std::optional<Timeline>> timeline(int64_t id);
    // Forgets one for good, its timeline too; the audit keeps that it was.
    Result<void> remove(int64_t id, const Actor& actor, Millis now);

 private:
    explicit IncidentTable(state::Store& store) : store_(store) {}
    state::Store& store_;
};

}  // namespace kw::incidents
