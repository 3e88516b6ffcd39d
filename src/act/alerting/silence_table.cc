#include "alerting/silence_table.h"

#include <fmt/core.h>

#include "base/clock.h"
#include "state/audit.h"
#include "state/store.h"

namespace kw::alerting {
namespace {

// Matchers as text in the UTF-8 syntax, which reads every matcher back as it was.
constexpr state::Migration kSilenceMigrations[] = {
    {1, "silences", R"(
CREATE TABLE alerting_silence (
    id TEXT PRIMARY KEY,
    matchers TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    comment TEXT NOT NULL
) STRICT;
)"},
};
constexpr state::Schema kSchema{"alerting_silences", kSilenceMigrations};

// A JSON string.
std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string json_of(const Silence& silence) {
    return fmt::format(R"({{"matchers":{},"startsAt":{},"endsAt":{},"createdBy":{},"comment":{}}})",
                       json_text(matchers_text(silence.matchers)), silence.starts_at.count,
                       silence.ends_at.count, json_text(silence.created_by),
                       json_text(silence.comment));
}

Result<Silence> read_row(const state::Statement& row) {
    Silence silence;
    silence.id = row.text(0);
    KW_TRY_ASSIGN(silence.matchers, parse_utf8_matchers(row.text(1)).with_context(silence.id));
    silence.starts_at = row.time(2);
    silence.ends_at = row.time(3);
    silence.updated_at = row.time(4);
    silence.created_by = row.text(5);
    silence.comment = row.text(6);
    return silence;
}

Result<std::optional<Silence>> find_row(state::Connection& connection, const std::string& id) {
    KW_TRY_ASSIGN(state::Statement row,
                  connection.query("SELECT id, matchers, starts_at, ends_at, updated_at, "
                                   "created_by, comment FROM alerting_silence WHERE id = ?1",
                                   id));
    KW_TRY_ASSIGN(const bool is_there, row.next());
    if (!is_there) return std::optional<Silence>();
    KW_TRY_ASSIGN(Silence silence, read_row(row));
    return std::optional(std::move(silence));
}

Result<void> write_row(state::Connection& connection, const Silence& silence) {
    KW_TRY(connection.run(
        "INSERT INTO alerting_silence (id, matchers, starts_at, ends_at, updated_at, created_by, "
        "comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET "
        "matchers = ?2, starts_at = ?3, ends_at = ?4, updated_at = ?5, created_by = ?6, "
        "comment = ?7",
        silence.id, matchers_text(silence.matchers), silence.starts_at, silence.ends_at,
        silence.updated_at, silence.created_by, silence.comment));
    return {};
}

}  // namespace

Result<std::unique_ptr<SilenceTable>> SilenceTable::open(state::Store& store, Clock& clock) {
    KW_TRY(store.migrate(kSchema));
    return std::unique_ptr<SilenceTable>(new SilenceTable(store, clock));
}

Result<std::vector<Silence>> SilenceTable::load() {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store_.snapshot());
    KW_TRY_ASSIGN(state::Statement rows,
                  snapshot->query("SELECT id, matchers, starts_at, ends_at, updated_at, "
                                  "created_by, comment FROM alerting_silence ORDER BY id"));
    std::vector<Silence> all;
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return all;
        KW_TRY_ASSIGN(Silence silence, read_row(rows));
        all.push_back(std::move(silence));
    }
}

Result<void> SilenceTable::put(const std::vector<Silence>& silences, const std::string& actor) {
    return store_.write([&](state::Connection& transaction) -> Result<void> {
        for (const Silence& silence : silences) {
            KW_TRY_ASSIGN(const std::optional<Silence> before, find_row(transaction, silence.id));
            KW_TRY(write_row(transaction, silence));
            state::AuditEntry entry;
            entry.at = clock_.now();
            entry.actor = actor;
            entry.origin = "api";
            entry.action = before ? "change" : "create";
            entry.kind = "silence";
            entry.object = silence.id;
            if (before) entry.before = json_of(*before);
            entry.after = json_of(silence);
            KW_TRY(state::record_audit(transaction, entry));
        }
        return {};
    });
}

Result<void> SilenceTable::remove(const std::vector<std::string>& ids) {
    return store_.write([&](state::Connection& transaction) -> Result<void> {
        for (const std::string& id : ids) {
            KW_TRY(transaction.run("DELETE FROM alerting_silence WHERE id = ?1", id));
        }
        return {};
    });
}

}  // namespace kw::alerting
