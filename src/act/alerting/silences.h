// Silences: for a time, alerts that match are not notified of.
//
// A silence is pending, then active, then expired; it is expired early by hand, and forgotten a retention after
// its end. A change that would mean something else for the past (other matchers, another start of an active
// one, anything of an expired one) expires the old one and makes a new one with a new id, as upstream does.
// What is changed is durable before it counts.
// Threads: all members from any thread; changes run one after the other.
// Source: https://prometheus.io/docs/alerting/latest/alertmanager/#silences
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "alerting/matchers.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"

namespace kw::alerting {

enum class SilenceState : unsigned char { kActive, kPending, kExpired };
std::string_view silence_state_text(SilenceState state);  // "active", "pending", "expired"

struct Silence {
    std::string id;  // a UUID; empty: a new one
    Matchers matchers;
    Millis starts_at;
    Millis ends_at;
    Millis updated_at;
    std::string created_by;
    std::string comment;
    bool operator==(const Silence&) const = default;

    SilenceState state_at(Millis now) const;
};

// Where silences survive a restart.
class SilenceStore {
 public:
    virtual ~SilenceStore() = default;
    virtual Result<std::vector<Silence>> load() = 0;
    // Writes all of `silences`, new or changed, in one step. Returns when they are durable. `actor` is who did it.
    virtual Result<void> put(const std::vector<Silence>& silences, const std::string& actor) = 0;
    virtual Result<void> remove(const std::vector<std::string>& ids) = 0;
};

class Silences final {
 public:
    struct Options {
        size_t silences_max = 20'000;         // of all states
        size_t silence_bytes_max = 64 << 10;  // of one: matchers, comment, author
        int64_t retention_ms = 120 * 3'600'000LL;
    };
    // `store` may be null: then nothing survives. Both outlive this.
    Silences(Clock& clock, SilenceStore* store, const Options& options);

    // What the store has; before the first use. Errors: the store's.
    Result<void> load() KW_EXCLUDES(mutex_);
    // Makes or changes one. Returns its id, which is new where the old could not be changed.
    // Errors: kNotFound (an id that is not there), kInvalid, kExhausted (limits), the store's.
    Result<std::string> set(Silence silence, const std::string& actor) KW_EXCLUDES(mutex_);
    // Ends it now. Errors: kNotFound, kConflict (expired already), the store's.
    Result<void> expire(const std::string& id, const std::string& actor) KW_EXCLUDES(mutex_);

    std::optional<Silence> find(const std::string& id) const KW_EXCLUDES(mutex_);
    // Sorted as the API shows them: active by their end, pending by their start, expired by their end, the
    // latest first.
    std::vector<Silence> list() const KW_EXCLUDES(mutex_);
    // The ids of active silences that match, sorted. Cheap for labels that were asked for before.
    std::vector<std::string> silenced_by(const LabelSet& labels) KW_EXCLUDES(mutex_);
    size_t count(SilenceState state) const KW_EXCLUDES(mutex_);
    // Forgets what is expired for longer than the retention.
    Result<void> collect_garbage() KW_EXCLUDES(mutex_);

 private:
    // The silences, not expired when it was made, that match a label set.
    struct Cached {
        uint64_t version = 0;
        std::vector<std::string> ids;
    };
    Result<void> check(const Silence& silence) const;
    Result<void> publish(const std::vector<Silence>& changed, const std::string& actor)
        KW_REQUIRES(change_mutex_) KW_EXCLUDES(mutex_);

    Clock& clock_;
    SilenceStore* const store_;
    const Options options_;
    Mutex change_mutex_;  // one change at a time, its writing included
    mutable Mutex mutex_;
    std::map<std::string, Silence> silences_ KW_GUARDED_BY(mutex_);
    uint64_t version_ KW_GUARDED_BY(mutex_) = 1;
    std::unordered_map<LabelSet, Cached, LabelSetHash> cache_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::alerting
