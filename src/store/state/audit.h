// Who changed what, when: a row for each change, written in the transaction of the change itself, so that
// neither is without the other. Rows can be neither changed nor removed.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "state/migrations.h"

namespace kw::state {

class Connection;

struct AuditEntry {
    int64_t id = 0;  // ascending; given by record_audit()
    Millis at;
    std::string actor;                  // who: a user, "config", "rule:HighErrorRate"
    std::string origin;                 // from where: an address, "file", "cli"
    std::string action;                 // "create", "change", "remove", …
    std::string kind;                   // of what: "silence", "incident", "rule"
    std::string object;                 // its id
    std::optional<std::string> before;  // JSON; nullopt: it did not exist
    std::optional<std::string> after;   // JSON; nullopt: it exists no more

    bool operator==(const AuditEntry&) const = default;
};

inline constexpr size_t kAuditJsonBytesMax = 256 << 10;  // of `before` and of `after`
inline constexpr size_t kAuditWordBytesMax = 1 << 10;    // of each other text

// Adds an entry to the open transaction; `id` is ignored. Returns the new id.
// Errors: kInvalid (`before` or `after` is not JSON), kExhausted (a text over its limit), those of Connection.
Result<int64_t> record_audit(Connection& transaction, const AuditEntry& entry);

struct AuditFilter {  // nullopt: any
    std::optional<std::string> actor{};
    std::optional<std::string> action{};
    std::optional<std::string> kind{};
    std::optional<std::string> object{};
    Millis from = Millis::min();                              // inclusive
    Millis to = Millis::max();                                // inclusive
    int64_t before_id = std::numeric_limits<int64_t>::max();  // exclusive: the next page
    uint32_t limit = 100;
};

// The newest first.
Result<std::vector<AuditEntry>> read_audit(Connection& connection, const AuditFilter& filter);

extern const Schema kAuditSchema;

}  // namespace kw::state
