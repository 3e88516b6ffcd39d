// Backfills as jobs: added, worked off one after the other on a thread of their own, shown, cancelled, and gone on
// with after a restart.
//
//   add() ─▶ rules_backfill (a row a job) ─▶ waiting ─▶ running ─▶ done | failed | cancelled
//                                                          └─ the server stops, however ─▶ running again at start()
//
// A job's position is written every kSavePeriodMs. One that was interrupted goes on from there; what it wrote since
// is met again and kept, so that nothing is there twice.
// Threads: one that works, owned here; all members from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/environment.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "rules/backfill.h"
#include "rules/rule_file.h"

namespace kw::state {
class Store;
}

namespace kw::rules {

enum class BackfillState : unsigned char { kWaiting, kRunning, kDone, kFailed, kCancelled };
std::string_view backfill_state_text(BackfillState state);  // "waiting", "running", …

struct BackfillJob {
    int64_t id = 0;
    BackfillState state = BackfillState::kWaiting;
    std::vector<std::string> groups;  // names
    size_t rule_count = 0;
    Millis start;
    Millis end;
    std::optional<int64_t> step_ms;
    Millis created_at;
    std::string created_by;
    std::optional<Millis> begun_at;  // since the last start of the server
    std::optional<Millis> finished_at;
    Millis position;  // what is before it is written
    double fraction = 0;
    double begun_fraction = 0;  // at begun_at, for who guesses when it will be done
    uint32_t resumed = 0;       // how often it went on after the server had stopped
    BackfillCounts counts;
    std::string error;  // of a failed one
};

class BackfillJobs final {
 public:
    static constexpr size_t kWaitingMax = 100;
    static constexpr size_t kFinishedMax = 100;  // older ones are forgotten
    static constexpr int64_t kSavePeriodMs = 1'000;

    // Makes the table and reads what is there; nothing runs before start(). All given outlives this.
    // Errors: the state's.
    static Result<std::unique_ptr<BackfillJobs>> open(Environment& env, state::Store& state,
                                                      promql::Engine& engine, MetricStore& store,
                                                      ReadOptions options);
    // stop().
    ~BackfillJobs();
    BackfillJobs(const BackfillJobs&) = delete;
    BackfillJobs& operator=(const BackfillJobs&) = delete;

    // Once the store is open.
    void start() KW_EXCLUDES(mutex_);
    // What runs stays as it is, and goes on at the next start.
    void stop() KW_EXCLUDES(mutex_);

    // `groups` with intervals and offsets of their own or of `defaults`; at least one recording rule.
    // Errors: kInvalid (no recording rule; the end before the start, or in the future); kExhausted (too many wait,
    // too many rules); the state's.
    Result<BackfillJob> add(std::vector<Group> groups, const GroupDefaults& defaults, Millis start,
                            Millis end, std::optional<int64_t> step_ms, const std::string& actor)
        KW_EXCLUDES(mutex_);
    std::vector<BackfillJob> list() const KW_EXCLUDES(mutex_);  // the newest first
    std::optional<BackfillJob> find(int64_t id) const KW_EXCLUDES(mutex_);
    // One that waits or runs ends; what it wrote stays. Errors: kNotFound; kConflict when it is over; the state's.
    Result<BackfillJob> cancel(int64_t id) KW_EXCLUDES(mutex_);

    // Works off what waits, on the caller's thread: for tests.
    void run_waiting() KW_EXCLUDES(mutex_);

 private:
    struct Entry {
        BackfillJob job;
        std::string rules;                    // a rule file
        std::string file;                     // that the groups' slots are of
        std::shared_ptr<CancelToken> cancel;  // its worker's too
        bool is_cancelled_by_user = false;
    };
    BackfillJobs(Environment& env, state::Store& state, promql::Engine& engine, MetricStore& store,
                 ReadOptions options)
        : env_(env), state_(state), engine_(engine), store_(store), options_(options) {}
    Result<void> load();
    // The next that waits, marked as running; 0: none does.
    int64_t take() KW_EXCLUDES(mutex_);
    void run(int64_t id) KW_EXCLUDES(mutex_);
    Result<void> work(int64_t id, const CancelToken& cancel) KW_EXCLUDES(mutex_);
    void update(int64_t id, const std::function<void(Entry&)>& change) KW_EXCLUDES(mutex_);
    Result<void> save(int64_t id, bool waits) KW_EXCLUDES(mutex_);
    void forget_old() KW_EXCLUDES(mutex_);

    Environment& env_;
    state::Store& state_;
    promql::Engine& engine_;
    MetricStore& store_;
    const ReadOptions options_;

    mutable Mutex mutex_;
    CondVar news_;
    std::map<int64_t, Entry> jobs_ KW_GUARDED_BY(mutex_);
    bool is_stopping_ KW_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

}  // namespace kw::rules
