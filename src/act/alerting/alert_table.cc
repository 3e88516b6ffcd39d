#include "alerting/alert_table.h"

#include <string>
#include <utility>

#include "alerting/alert_codec.h"

namespace kw::alerting {
namespace {

// The whole of an alert's labels is its key: fingerprints of two may be the same.
constexpr state::Migration kAlertMigrations[] = {
    {1, "alerts",
     "CREATE TABLE alerting_alert (labels BLOB PRIMARY KEY, ends_at_ms INTEGER NOT NULL,"
     " has_ended INTEGER NOT NULL, content BLOB NOT NULL) STRICT, WITHOUT ROWID;"},
};

}  // namespace

Result<std::unique_ptr<AlertTable>> AlertTable::open(state::Store& store) {
    KW_TRY(store.migrate({"alerting_alerts", kAlertMigrations}));
    return std::unique_ptr<AlertTable>(new AlertTable(store));
}

Result<AlertTable::Loaded> AlertTable::load() const {
    Loaded loaded;
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store_.snapshot());
    KW_TRY_ASSIGN(state::Statement rows,
                  snapshot->query("SELECT labels, has_ended, content FROM alerting_alert"));
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return loaded;
        const std::string key = rows.text(0);
        const std::string content = rows.text(2);
        Result<Alert> alert = decode_alert(as_bytes(key), as_bytes(content));
        if (alert.ok()) {
            loaded.rows.push_back({std::move(alert).value(), rows.integer(1) != 0});
        } else {
            ++loaded.unreadable_count;
        }
    }
}

void AlertTable::put_later(std::vector<AlertPtr> alerts, Millis now,
                           state::Store::Done done) const {
    store_.write_later(
        [alerts = std::move(alerts), now](state::Connection& transaction) -> Result<void> {
            for (const AlertPtr& alert : alerts) {
                const Bytes key = encode_alert_key(alert->labels);
                const Bytes content = encode_alert_content(key, *alert);
                KW_TRY(transaction.run(
                    "INSERT OR REPLACE INTO alerting_alert VALUES (?1, ?2, ?3, ?4)", ByteView(key),
                    alert->ends_at, alert->is_resolved_at(now), ByteView(content)));
            }
            return {};
        },
        std::move(done));
}

void AlertTable::end_later(std::vector<AlertPtr> alerts, Millis now,
                           state::Store::Done done) const {
    store_.write_later(
        [alerts = std::move(alerts), now](state::Connection& transaction) -> Result<void> {
            for (const AlertPtr& alert : alerts) {
                KW_TRY(
                    transaction.run("UPDATE alerting_alert SET has_ended = 1 WHERE labels = ?1"
                                    " AND ends_at_ms <= ?2",
                                    ByteView(encode_alert_key(alert->labels)), now));
            }
            return {};
        },
        std::move(done));
}

void AlertTable::remove_later(std::vector<AlertPtr> alerts, Millis now,
                              state::Store::Done done) const {
    store_.write_later(
        [alerts = std::move(alerts), now](state::Connection& transaction) -> Result<void> {
            for (const AlertPtr& alert : alerts) {
                KW_TRY(transaction.run(
                    "DELETE FROM alerting_alert WHERE labels = ?1 AND ends_at_ms <= ?2",
                    ByteView(encode_alert_key(alert->labels)), now));
            }
            return {};
        },
        std::move(done));
}

}  // namespace kw::alerting
