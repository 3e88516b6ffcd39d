// What was told to whom, durable: so that a group is told again only when something changed, and so that what
// a crash interrupted is told again.
//
//   intent ─(flushed)─▶ sent ─▶ result: log entry, line of history, intent gone ─(one transaction)
//
// Invariants
//   1. An intent is durable before the first byte of its message is sent.
//   2. It goes in the transaction that records how the message ended. So after a crash at any step each message
//      has either a result or an intent, and only those in flight are sent twice, under the same dedup key.
// Threads: load() before all else; the functions that change are given the writer's transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerting/notification.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "state/store.h"

namespace kw::alerting {

// A group at one integration of a receiver.
struct LogKey {
    std::string group_key;
    std::string receiver;
    std::string integration;  // "slack[0]"
    auto operator<=>(const LogKey&) const = default;
};

// What the receiver knows of the group.
struct LogEntry {
    Millis at;
    std::vector<uint64_t> firing;    // fingerprints, ascending
    std::vector<uint64_t> resolved;  // likewise
    std::string state;               // the notifier's own: Slack's channel and ts
    Millis expires_at;
    bool operator==(const LogEntry&) const = default;
};

// Whether the receiver is to hear of the group. `entry` null: it never did, or that was forgotten.
// Source: Alertmanager's dedup stage.
bool needs_notification(const LogEntry* entry, const std::vector<uint64_t>& firing,
                        const std::vector<uint64_t>& resolved, bool send_resolved, Millis now,
                        int64_t repeat_interval_ms);

struct HistoryLine {
    int64_t id = 0;
    Millis at;
    LogKey key;
    uint32_t firing_count = 0;
    uint32_t resolved_count = 0;
    std::vector<std::string> fingerprints;  // of the alerts
    std::string outcome;  // "delivered", "failed", "refused", "abandoned", "nothing to send"
    std::string answer;
    uint32_t tries = 0;
    bool is_repeat = false;  // sent again after a crash had left its intent
};

struct HistoryFilter {
    std::string receiver;     // empty: any
    std::string fingerprint;  // empty: any
    std::string outcome;      // empty: any
    std::string group_key;    // empty: any
    Millis from = Millis::min();
    Millis to = Millis::max();  // inclusive
    int64_t before_id = INT64_MAX;
    uint32_t limit = 100;
};

inline constexpr int64_t kHistoryLinesMax = 100'000;

// A notification as bytes, for the intent. Errors of decode: kCorrupt, kUnsupported.
Bytes encode_notification(const Notification& notification);
Result<Notification> decode_notification(ByteView bytes);

struct LoadedLog {
    std::vector<std::pair<LogKey, LogEntry>> entries;
    std::vector<std::pair<LogKey, Notification>> intents;  // what was interrupted
    uint64_t unreadable_intents = 0;
};

// Makes the tables, forgets what has expired, reads the rest.
Result<LoadedLog> load_log(state::Store& store, Millis now);

Result<void> record_intent(state::Connection& transaction, const LogKey& key,
                           const Notification& notification);
// `entry` null: the group's entry stays as it is.
Result<void> record_result(state::Connection& transaction, const LogKey& key, const LogEntry* entry,
                           const HistoryLine& line);

// The newest first.
Result<std::vector<HistoryLine>> read_history(state::Connection& connection,
                                              const HistoryFilter& filter);

}  // namespace kw::alerting
