#include "alerting/notification_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "alerting/alert_codec.h"
#include "base/bytes.h"
#include "base/checksum.h"

namespace kw::alerting {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint64_t kAlertsMax = 1'000'000;  // of one notification: what a decoder believes

constexpr state::Migration kLogMigrations[] = {
    {1, "log, intents, history",
     "CREATE TABLE notify_log (group_key TEXT NOT NULL, receiver TEXT NOT NULL,"
     " integration TEXT NOT NULL, at_ms INTEGER NOT NULL, firing BLOB NOT NULL,"
     " resolved BLOB NOT NULL, state TEXT NOT NULL, expires_at_ms INTEGER NOT NULL,"
     " PRIMARY KEY (group_key, receiver, integration)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE notify_intent (group_key TEXT NOT NULL, receiver TEXT NOT NULL,"
     " integration TEXT NOT NULL, content BLOB NOT NULL,"
     " PRIMARY KEY (group_key, receiver, integration)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE notify_history (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
     " group_key TEXT NOT NULL, receiver TEXT NOT NULL, integration TEXT NOT NULL,"
     " firing INTEGER NOT NULL, resolved INTEGER NOT NULL, fingerprints TEXT NOT NULL,"
     " outcome TEXT NOT NULL, answer TEXT NOT NULL, tries INTEGER NOT NULL,"
     " is_repeat INTEGER NOT NULL) STRICT;"
     "CREATE INDEX notify_history_receiver ON notify_history (receiver, id);"},
};

Bytes encode_fingerprints(const std::vector<uint64_t>& fingerprints) {
    ByteWriter out;
    for (const uint64_t one : fingerprints) out.u64(one);
    return out.take();
}

std::vector<uint64_t> decode_fingerprints(std::string_view bytes) {
    std::vector<uint64_t> fingerprints;
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8)
        fingerprints.push_back(load_le<uint64_t>(as_bytes(bytes).data() + i));
    return fingerprints;
}

bool is_subset(const std::vector<uint64_t>& part, const std::vector<uint64_t>& whole) {
    return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

LogKey key_of(const state::Statement& row) { return {row.text(0), row.text(1), row.text(2)}; }

std::string one_a_line(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

}  // namespace

bool needs_notification(const LogEntry* entry, const std::vector<uint64_t>& firing,
                        const std::vector<uint64_t>& resolved, bool send_resolved, Millis now,
                        int64_t repeat_interval_ms) {
    if (entry == nullptr) return !firing.empty();
    if (!is_subset(firing, entry->firing)) return true;
    // All resolved: told when it fired before, once.
    if (firing.empty()) return !entry->firing.empty();
    if (send_resolved && !is_subset(resolved, entry->resolved)) return true;
    return entry->at < now - repeat_interval_ms;
}

Bytes encode_notification(const Notification& notification) {
    ByteWriter out;
    out.u8(kVersion);
    out.text(notification.receiver);
    out.text(notification.group_key);
    put_labels(out, notification.group_labels);
    put_pairs(out, notification.route_labels);
    out.i64(notification.now.count);
    out.i64(notification.repeat_interval_ms);
    out.i64(notification.group_interval_ms);
    out.i64(notification.timeout_ms);
    out.varint(notification.alerts.size());
    for (const AlertPtr& alert : notification.alerts) {
        put_labels(out, alert->labels);
        put_alert_rest(out, *alert);
    }
    const uint32_t checksum = crc32c(out.view());
    out.u32(checksum);
    return out.take();
}

Result<Notification> decode_notification(ByteView bytes) {
    if (bytes.size() < 5) return corrupt("a notification of {} bytes", bytes.size());
    const ByteView content = bytes.first(bytes.size() - 4);
    if (crc32c(content) != load_le<uint32_t>(bytes.data() + content.size()))
        return corrupt("the checksum of a notification does not fit");
    ByteReader in(content);
    KW_TRY_ASSIGN(const uint8_t version, in.u8());
    if (version != kVersion) return unsupported("a notification of version {}", version);
    Notification notification;
    KW_TRY_ASSIGN(const std::string_view receiver, in.text());
    notification.receiver = receiver;
    KW_TRY_ASSIGN(const std::string_view group_key, in.text());
    notification.group_key = group_key;
    KW_TRY_ASSIGN(notification.group_labels, take_labels(in));
    KW_TRY_ASSIGN(notification.route_labels, take_pairs(in));
    KW_TRY_ASSIGN(notification.now.count, in.i64());
    KW_TRY_ASSIGN(notification.repeat_interval_ms, in.i64());
    KW_TRY_ASSIGN(notification.group_interval_ms, in.i64());
    KW_TRY_ASSIGN(notification.timeout_ms, in.i64());
    KW_TRY_ASSIGN(const uint64_t count, in.varint());
    if (count == 0 || count > kAlertsMax) return corrupt("a notification of {} alerts", count);
    for (uint64_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(LabelSet labels, take_labels(in));
        KW_TRY_ASSIGN(Alert alert, take_alert_rest(in, std::move(labels)));
        notification.alerts.push_back(std::make_shared<const Alert>(std::move(alert)));
    }
    if (!in.at_end()) return corrupt("{} bytes behind a notification", in.remaining());
    return notification;
}

Result<LoadedLog> load_log(state::Store& store, Millis now) {
    KW_TRY(store.migrate({"notifications", kLogMigrations}));
    KW_TRY(store.write([now](state::Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run("DELETE FROM notify_log WHERE expires_at_ms < ?1", now));
        return {};
    }));
    LoadedLog loaded;
    KW_TRY_ASSIGN(const state::Snapshot snapshot, store.snapshot());
    KW_TRY_ASSIGN(
        auto entries,
        snapshot->query("SELECT group_key, receiver, integration, at_ms, firing, resolved,"
                        " state, expires_at_ms FROM notify_log"));
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, entries.next());
        if (!is_row) break;
        loaded.entries.emplace_back(
            key_of(entries),
            LogEntry{entries.time(3), decode_fingerprints(entries.text(4)),
                     decode_fingerprints(entries.text(5)), entries.text(6), entries.time(7)});
    }
    KW_TRY_ASSIGN(auto intents, snapshot->query("SELECT group_key, receiver, integration, content"
                                                " FROM notify_intent"));
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, intents.next());
        if (!is_row) break;
        const std::string content = intents.text(3);
        Result<Notification> notification = decode_notification(as_bytes(content));
        if (notification.ok()) {
            loaded.intents.emplace_back(key_of(intents), std::move(notification).value());
        } else {
            ++loaded.unreadable_intents;
        }
    }
    return loaded;
}

Result<void> record_intent(state::Connection& transaction, const LogKey& key,
                           const Notification& notification) {
    const Bytes content = encode_notification(notification);
    KW_TRY(transaction.run("INSERT OR REPLACE INTO notify_intent VALUES (?1, ?2, ?3, ?4)",
                           key.group_key, key.receiver, key.integration, ByteView(content)));
    return {};
}

Result<void> record_result(state::Connection& transaction, const LogKey& key, const LogEntry* entry,
                           const HistoryLine& line) {
    KW_TRY(
        transaction.run("DELETE FROM notify_intent WHERE group_key = ?1 AND receiver = ?2"
                        " AND integration = ?3",
                        key.group_key, key.receiver, key.integration));
    if (entry != nullptr) {
        const Bytes firing = encode_fingerprints(entry->firing);
        const Bytes resolved = encode_fingerprints(entry->resolved);
        KW_TRY(transaction.run(
            "INSERT OR REPLACE INTO notify_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            key.group_key, key.receiver, key.integration, entry->at, ByteView(firing),
            ByteView(resolved), entry->state, entry->expires_at));
    }
    KW_TRY(transaction.run(
        "INSERT INTO notify_history (at_ms, group_key, receiver, integration, firing, resolved,"
        " fingerprints, outcome, answer, tries, is_repeat)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        line.at, key.group_key, key.receiver, key.integration, line.firing_count,
        line.resolved_count, one_a_line(line.fingerprints), line.outcome, line.answer, line.tries,
        line.is_repeat));
    KW_TRY(transaction.run("DELETE FROM notify_history WHERE id <= ?1",
                           transaction.last_row_id() - kHistoryLinesMax));
    return {};
}

Result<std::vector<HistoryLine>> read_history(state::Connection& connection,
                                              const HistoryFilter& filter) {
    const auto any_if_empty = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(text);
    };
    KW_TRY_ASSIGN(
        auto rows,
        connection.query("SELECT group_key, receiver, integration, id, at_ms, firing,"
                         " resolved, fingerprints, outcome, answer, tries, is_repeat"
                         " FROM notify_history WHERE id < ?1"
                         " AND (?2 IS NULL OR receiver = ?2)"
                         " AND (?3 IS NULL OR instr(fingerprints, ?3) > 0)"
                         " AND (?4 IS NULL OR outcome = ?4)"
                         " AND (?5 IS NULL OR group_key = ?5)"
                         " AND at_ms >= ?6 AND at_ms <= ?7"
                         " ORDER BY id DESC LIMIT ?8",
                         filter.before_id, any_if_empty(filter.receiver),
                         any_if_empty(filter.fingerprint), any_if_empty(filter.outcome),
                         any_if_empty(filter.group_key), filter.from, filter.to, filter.limit));
    std::vector<HistoryLine> lines;
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return lines;
        HistoryLine line;
        line.key = key_of(rows);
        line.id = rows.integer(3);
        line.at = rows.time(4);
        line.firing_count = static_cast<uint32_t>(rows.integer(5));
        line.resolved_count = static_cast<uint32_t>(rows.integer(6));
        const std::string fingerprints = rows.text(7);
        for (size_t i = 0; i + 16 <= fingerprints.size(); i += 17)
            line.fingerprints.push_back(fingerprints.substr(i, 16));
        line.outcome = rows.text(8);
        line.answer = rows.text(9);
        line.tries = static_cast<uint32_t>(rows.integer(10));
        line.is_repeat = rows.integer(11) != 0;
        lines.push_back(std::move(line));
    }
}

}  // namespace kw::alerting
