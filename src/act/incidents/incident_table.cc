#include "incidents/incident_table.h"

#include "alerting/json_text.h"
#include "base/checksum.h"
#include "incidents/incident_json.h"
#include "state/audit.h"
#include "state/store.h"

namespace kw::incidents {
namespace {

constexpr int64_t kDocumentVersion = 1;

constexpr state::Migration kMigrations[] = {
    {1, "incidents", R"(
CREATE TABLE incident (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL,
    crc32c INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE TABLE incident_timeline (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    crc32c INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
)"},
};
constexpr state::Schema kSchema{"incidents", kMigrations};

int64_t checksum_of(std::string_view document) {
    return crc32c(ByteView(reinterpret_cast<const uint8_t*>(document.data()), document.size()));
}

// Columns: id, version, crc32c, document.
Result<std::string> checked_document(const state::Statement& row) {
    if (row.integer(1) != kDocumentVersion) {
        return unsupported("{} is of version {}, written by a newer server",
                           incident_name(row.integer(0)), row.integer(1));
    }
    std::string document = row.text(3);
    if (checksum_of(document) != row.integer(2)) {
        return corrupt("{} has another checksum than its document", incident_name(row.integer(0)));
    }
    return document;
}

Result<Incident> read_row(const state::Statement& row) {
    KW_TRY_ASSIGN(const std::string document, checked_document(row));
    KW_TRY_ASSIGN(Incident incident,
                  parse_incident(document).with_context(incident_name(row.integer(0))));
    incident.id = row.integer(0);
    return incident;
}

// What the audit keeps of a state: the document itself may be long, and is in its table.
std::string audit_json(const Incident& incident, std::string_view what) {
    alerting::JsonText json;
    json.begin_object().member("title", incident.title);
    json.member("severity", severity_text(incident.severity));
    json.member("phase", phase_text(incident.phase));
    json.member("status", status_text(incident.status));
    json.member_if("assignee", incident.assignee).member_if("what", what);
    return json.end_object().take();
}

state::AuditEntry audit_entry(const Write& write, Millis now) {
    state::AuditEntry entry;
    entry.at = now;
    entry.actor = write.actor.name.substr(0, kWordBytesMax);
    entry.origin = write.actor.origin;
    entry.action = write.action;
    entry.kind = "incident";
    entry.object = incident_name(write.after->id);
    if (write.before != nullptr) entry.before = audit_json(*write.before, "");
    entry.after = audit_json(*write.after, write.text);
    return entry;
}

}  // namespace

Result<std::unique_ptr<IncidentTable>> IncidentTable::open(state::Store& store) {
    KW_TRY(store.migrate(kSchema));
    return std::unique_ptr<IncidentTable>(new IncidentTable(store));
}

Result<IncidentTable::Loaded> IncidentTable::load() {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store_.snapshot());
    Loaded loaded;
    {
        KW_TRY_ASSIGN(state::Statement rows,
                      snapshot->query("SELECT id, version, crc32c, document FROM incident "
                                      "ORDER BY id"));
        while (true) {
            KW_TRY_ASSIGN(const bool is_row, rows.next());
            if (!is_row) break;
            Result<Incident> incident = read_row(rows);
            if (incident.ok()) {
                loaded.incidents.push_back(std::move(incident).value());
            } else {
                loaded.damaged.push_back(incident.error().message);
            }
        }
    }
    KW_TRY_ASSIGN(state::Statement last,
                  snapshot->query("SELECT seq FROM sqlite_sequence WHERE name = 'incident'"));
    KW_TRY_ASSIGN(const bool has_last, last.next());
    if (has_last) loaded.last_id = last.integer(0);
    return loaded;
}

Result<void> IncidentTable::put(const std::vector<Write>& writes, Millis now) {
    std::vector<std::string> documents;
    documents.reserve(writes.size());
    for (const Write& write : writes) {
        documents.push_back(incident_json(*write.after));
        if (documents.back().size() > kDocumentBytesMax) {
            return exhausted("{} would have {} bytes, at most {} are kept; shorten its texts",
                             incident_name(write.after->id), documents.back().size(),
                             kDocumentBytesMax);
        }
    }
    return store_.write([&](state::Connection& transaction) -> Result<void> {
        for (size_t i = 0; i < writes.size(); ++i) {
            KW_TRY(transaction.run(
                "INSERT INTO incident (id, version, crc32c, document) VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT (id) DO UPDATE SET version = ?2, crc32c = ?3, document = ?4",
                writes[i].after->id, kDocumentVersion, checksum_of(documents[i]), documents[i]));
            KW_TRY(state::record_audit(transaction, audit_entry(writes[i], now)));
        }
        return {};
    });
}

Result<void> IncidentTable::put_timeline(int64_t id, const Timeline& timeline) {
    const std::string document = timeline_json(timeline);
    if (document.size() > kDocumentBytesMax) {
        return exhausted("the timeline of {} has {} bytes, at most {} are kept", incident_name(id),
                         document.size(), kDocumentBytesMax);
    }
    return store_.write([&](state::Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run(
            "INSERT INTO incident_timeline (id, version, crc32c, document) "
            "VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (id) DO UPDATE SET version = ?2, crc32c = ?3, document = ?4",
            id, kDocumentVersion, checksum_of(document), document));
        return {};
    });
}

Result<std::optional<Timeline>> IncidentTable::timeline(int64_t id) {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store_.snapshot());
    KW_TRY_ASSIGN(state::Statement row,
                  snapshot->query("SELECT id, version, crc32c, document FROM incident_timeline "
                                  "WHERE id = ?1",
                                  id));
    KW_TRY_ASSIGN(const bool is_row, row.next());
    if (!is_row) return std::optional<Timeline>();
    KW_TRY_ASSIGN(const std::string document, checked_document(row));
    KW_TRY_ASSIGN(Timeline timeline, parse_timeline(document));
    return std::optional(std::move(timeline));
}

Result<void> IncidentTable::remove(int64_t id, const Actor& actor, Millis now) {
    return store_.write([&](state::Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("DELETE FROM incident WHERE id = ?1", id));
        KW_TRY(transaction.run("DELETE FROM incident_timeline WHERE id = ?1", id));
        state::AuditEntry entry;
        entry.at = now;
        entry.actor = actor.name;
        entry.origin = actor.origin;
        entry.action = "remove";
        entry.kind = "incident";
        entry.object = incident_name(id);
        KW_TRY(state::record_audit(transaction, entry));
        return {};
    });
}

}  // namespace kw::incidents
