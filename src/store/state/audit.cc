// The audit table; contract in the header.
#include "state/audit.h"

#include <string_view>

#include "state/connection.h"

namespace kw::state {
namespace {

constexpr Migration kMigrations[] = {
    {1, "audit",
     "CREATE TABLE audit ("
     " id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
     " actor TEXT NOT NULL, origin TEXT NOT NULL, action TEXT NOT NULL,"
     " kind TEXT NOT NULL, object TEXT NOT NULL, old_json TEXT, new_json TEXT) STRICT;"
     "CREATE INDEX audit_object ON audit (kind, object, id);"
     "CREATE INDEX audit_at ON audit (at_ms);"
     "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
     " BEGIN SELECT RAISE(ABORT, 'the audit table is never changed'); END;"
     "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
     " BEGIN SELECT RAISE(ABORT, 'the audit table is never changed'); END;"},
};

Result<void> check_json(Connection& connection, std::string_view what,
                        const std::optional<std::string>& json) {
    if (!json) return {};
    if (json->size() > kAuditJsonBytesMax)
        return exhausted("audit: {} has {} bytes, at most {} are kept", what, json->size(),
                         kAuditJsonBytesMax);
    KW_TRY_ASSIGN(auto row, connection.query("SELECT json_valid(?1)", *json));
    KW_TRY_ASSIGN(const bool is_row, row.next());
    if (!is_row || row.integer(0) != 1) return invalid("audit: {} is not JSON", what);
    return {};
}

}  // namespace

const Schema kAuditSchema{"audit", kMigrations};

Result<int64_t> record_audit(Connection& transaction, const AuditEntry& entry) {
    for (const std::string* word :
         {&entry.actor, &entry.origin, &entry.action, &entry.kind, &entry.object})
        if (word->size() > kAuditWordBytesMax)
            return exhausted("audit: a text has {} bytes, at most {} are kept", word->size(),
                             kAuditWordBytesMax);
    KW_TRY(check_json(transaction, "before", entry.before));
    KW_TRY(check_json(transaction, "after", entry.after));
    KW_TRY(
        transaction.run("INSERT INTO audit (at_ms, actor, origin, action, kind, object,"
                        " old_json, new_json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                        entry.at, entry.actor, entry.origin, entry.action, entry.kind, entry.object,
                        entry.before, entry.after));
    return transaction.last_row_id();
}

Result<std::vector<AuditEntry>> read_audit(Connection& connection, const AuditFilter& filter) {
    KW_TRY_ASSIGN(
        auto rows,
        connection.query("SELECT id, at_ms, actor, origin, action, kind, object, old_json, new_json"
                         " FROM audit WHERE id < ?1 AND at_ms BETWEEN ?2 AND ?3"
                         " AND (?4 IS NULL OR actor = ?4) AND (?5 IS NULL OR action = ?5)"
                         " AND (?6 IS NULL OR kind = ?6) AND (?7 IS NULL OR object = ?7)"
                         " ORDER BY id DESC LIMIT ?8",
                         filter.before_id, filter.from, filter.to, filter.actor, filter.action,
                         filter.kind, filter.object, filter.limit));
    std::vector<AuditEntry> entries;
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return entries;
        entries.push_back({rows.integer(0), rows.time(1), rows.text(2), rows.text(3), rows.text(4),
                           rows.text(5), rows.text(6), rows.optional_text(7),
                           rows.optional_text(8)});
    }
}

}  // namespace kw::state
