#include "rules/backfill_jobs.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "state/store.h"

namespace kw::rules {
namespace {

// States by their text: a number would bind the rows to the order of the enumeration.
constexpr state::Migration kBackfillMigrations[] = {
    {1, "backfills", R"(
CREATE TABLE rules_backfill (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rules TEXT NOT NULL,
    file TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    step_ms INTEGER,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    state TEXT NOT NULL,
    position INTEGER NOT NULL,
    resumed INTEGER NOT NULL,
    finished_at INTEGER,
    stored INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    too_old INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    first_error TEXT NOT NULL,
    error TEXT NOT NULL
) STRICT;
)"},
};
constexpr state::Schema kBackfillSchema{"rules_backfills", kBackfillMigrations};
constexpr size_t kRulesBytesMax = 4 << 20;
constexpr std::string_view kStates[] = {"waiting", "running", "done", "failed", "cancelled"};

bool is_over(BackfillState state) {
    return state != BackfillState::kWaiting && state != BackfillState::kRunning;
}

// Only what is backfilled, with everything said that would else come from the configuration of the day.
std::vector<Group> recording_part(std::vector<Group> groups, const GroupDefaults& defaults) {
    for (Group& group : groups) {
        std::erase_if(group.rules,
                      [](const Rule& rule) { return rule.kind != Rule::Kind::kRecording; });
        if (!group.interval_ms) group.interval_ms = defaults.interval_ms;
        if (!group.query_offset_ms) group.query_offset_ms = defaults.query_offset_ms;
    }
    std::erase_if(groups, [](const Group& group) { return group.rules.empty(); });
    return groups;
}

double fraction_of(const BackfillJob& job) {
    if (job.state == BackfillState::kDone) return 1;
    const auto all = static_cast<double>(job.end - job.start + 1);
    return std::clamp(static_cast<double>(job.position - job.start) / all, 0.0, 1.0);
}

}  // namespace

std::string_view backfill_state_text(BackfillState state) {
    return kStates[static_cast<size_t>(state)];
}

Result<std::unique_ptr<BackfillJobs>> BackfillJobs::open(Environment& env, state::Store& state,
                                                         promql::Engine& engine, MetricStore& store,
                                                         ReadOptions options) {
    KW_TRY(state.migrate(kBackfillSchema));
    std::unique_ptr<BackfillJobs> jobs(new BackfillJobs(env, state, engine, store, options));
    KW_TRY(jobs->load());
    return jobs;
}

BackfillJobs::~BackfillJobs() { stop(); }

Result<void> BackfillJobs::load() {
    KW_TRY_ASSIGN(const state::Snapshot snapshot, state_.snapshot());
    KW_TRY_ASSIGN(
        state::Statement rows,
        snapshot->query("SELECT id, rules, file, start_at, end_at, step_ms, created_at, "
                        "created_by, state, position, resumed, finished_at, stored, kept, "
                        "too_old, refused, failures, first_error, error FROM rules_backfill"));
    MutexLock lock(mutex_);
    while (true) {
        KW_TRY_ASSIGN(const bool is_row, rows.next());
        if (!is_row) return {};
        Entry entry;
        BackfillJob& job = entry.job;
        job.id = rows.integer(0);
        entry.rules = rows.text(1);
        entry.file = rows.text(2);
        job.start = rows.time(3);
        job.end = rows.time(4);
        job.step_ms = rows.optional_integer(5);
        job.created_at = rows.time(6);
        job.created_by = rows.text(7);
        const auto state = std::find(std::begin(kStates), std::end(kStates), rows.text(8));
        if (state == std::end(kStates))
            return corrupt("backfill {}: state {}", job.id, kw::quoted(rows.text(8)));
        job.state = static_cast<BackfillState>(state - std::begin(kStates));
        job.position = rows.time(9);
        job.resumed = static_cast<uint32_t>(rows.integer(10));
        if (!rows.is_null(11)) job.finished_at = rows.time(11);
        job.counts.stored = static_cast<uint64_t>(rows.integer(12));
        job.counts.kept = static_cast<uint64_t>(rows.integer(13));
        job.counts.too_old = static_cast<uint64_t>(rows.integer(14));
        job.counts.refused = static_cast<uint64_t>(rows.integer(15));
        job.counts.failures = static_cast<uint64_t>(rows.integer(16));
        job.counts.first_error = rows.text(17);
        job.error = rows.text(18);
        if (const Result<RuleFile> file = read_rule_file(entry.rules, entry.file, options_);
            file.ok()) {
            for (const Group& group : file->groups) job.groups.push_back(group.name);
            job.rule_count = file->rule_count();
        }
        if (job.state == BackfillState::kRunning) {
            job.state = BackfillState::kWaiting;
            job.resumed += 1;
        }
        job.fraction = fraction_of(job);
        entry.cancel = std::make_shared<CancelToken>();
        jobs_.emplace(job.id, std::move(entry));
    }
}

void BackfillJobs::start() {
    thread_ = std::jthread([this] {
        while (true) {
            {
                MutexLock lock(mutex_);
                const auto waits = [&]() KW_REQUIRES(mutex_) {
                    return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& entry) {
                        return entry.second.job.state == BackfillState::kWaiting;
                    });
                };
                while (!is_stopping_ && !waits()) news_.wait(mutex_);
                if (is_stopping_) return;
            }
            run_waiting();
        }
    });
}

void BackfillJobs::stop() {
    {
        MutexLock lock(mutex_);
        is_stopping_ = true;
        for (auto& [id, entry] : jobs_) entry.cancel->cancel();
        news_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

Result<BackfillJob> BackfillJobs::add(std::vector<Group> groups, const GroupDefaults& defaults,
                                      Millis start, Millis end, std::optional<int64_t> step_ms,
                                      const std::string& actor) {
    if (end < start) return invalid("the end is before the start");
    if (end > env_.clock.now()) return invalid("the end is in the future; now is the latest");
    if (step_ms && *step_ms <= 0) return invalid("the step must be more than 0");
    Entry entry;
    entry.file = groups.empty() ? std::string(kApiFile) : groups.front().file;
    groups = recording_part(std::move(groups), defaults);
    if (groups.empty()) {
        return invalid("there is no recording rule; alerts of the past are not made");
    }
    entry.rules = rule_file_yaml(groups);
    if (entry.rules.size() > kRulesBytesMax) {
        return exhausted("the rules have {} bytes, the limit is {}; backfill fewer at a time",
                         entry.rules.size(), kRulesBytesMax);
    }
    BackfillJob& job = entry.job;
    for (const Group& group : groups) {
        job.groups.push_back(group.name);
        job.rule_count += group.rules.size();
    }
    job.start = start;
    job.end = end;
    job.step_ms = step_ms;
    job.created_at = env_.clock.now();
    job.created_by = actor;
    job.position = start;
    entry.cancel = std::make_shared<CancelToken>();
    {
        MutexLock lock(mutex_);
        const auto waiting = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& one) {
            return one.second.job.state == BackfillState::kWaiting;
        });
        if (static_cast<size_t>(waiting) >= kWaitingMax) {
            return exhausted("{} backfills wait already, the limit; cancel one or wait", waiting);
        }
    }
    KW_TRY(state_.write([&](state::Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run(
            "INSERT INTO rules_backfill (rules, file, start_at, end_at, step_ms, created_at, "
            "created_by, state, position, resumed, stored, kept, too_old, refused, failures, "
            "first_error, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?3, 0, 0, 0, 0, 0, 0, "
            "'', '')",
            entry.rules, entry.file, start, end, step_ms, job.created_at, actor,
            backfill_state_text(BackfillState::kWaiting)));
        job.id = transaction.last_row_id();
        return {};
    }));
    const BackfillJob added = job;
    {
        MutexLock lock(mutex_);
        jobs_.emplace(added.id, std::move(entry));
        news_.notify_all();
    }
    forget_old();
    return added;
}

std::vector<BackfillJob> BackfillJobs::list() const {
    MutexLock lock(mutex_);
    std::vector<BackfillJob> jobs;
    for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at) jobs.push_back(at->second.job);
    return jobs;
}

std::optional<BackfillJob> BackfillJobs::find(int64_t id) const {
    MutexLock lock(mutex_);
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? std::nullopt : std::optional(found->second.job);
}

Result<BackfillJob> BackfillJobs::cancel(int64_t id) {
    {
        MutexLock lock(mutex_);
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) return not_found("there is no backfill {}", id);
        Entry& entry = found->second;
        if (is_over(entry.job.state)) {
            return conflict("backfill {} is over: {}", id, backfill_state_text(entry.job.state));
        }
        entry.is_cancelled_by_user = true;
        entry.cancel->cancel();
        // One that runs says so itself when it has ended; that it will is already decided.
        entry.job.state = BackfillState::kCancelled;
        entry.job.finished_at = env_.clock.now();
    }
    KW_TRY(save(id, true));
    return *find(id);
}

void BackfillJobs::run_waiting() {
    for (int64_t id = take(); id != 0; id = take()) run(id);
}

int64_t BackfillJobs::take() {
    MutexLock lock(mutex_);
    if (is_stopping_) return 0;
    for (auto& [id, entry] : jobs_) {
        if (entry.job.state != BackfillState::kWaiting) continue;
        entry.job.state = BackfillState::kRunning;
        entry.job.begun_at = env_.clock.now();
        entry.job.begun_fraction = entry.job.fraction;
        return id;
    }
    return 0;
}

void BackfillJobs::run(int64_t id) {
    std::shared_ptr<const CancelToken> cancel;
    {
        MutexLock lock(mutex_);
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) return;  // cancelled and forgotten
        cancel = found->second.cancel;
    }
    Result<void> done;
    try {
        done = work(id, *cancel);
    } catch (const std::exception& broken) {
        // A broken invariant ends this job alone.
        done = internal_error("{}", broken.what());
    }
    bool is_interrupted = false;
    update(id, [&](Entry& entry) {
        if (entry.is_cancelled_by_user) return;
        if (!done.ok() && done.error().code == Code::kCancelled) {
            // The server stops: the row still says that it runs, and so it will go on.
            is_interrupted = true;
            return;
        }
        entry.job.state = done.ok() ? BackfillState::kDone : BackfillState::kFailed;
        if (!done.ok()) entry.job.error = done.error().message;
        entry.job.finished_at = env_.clock.now();
        entry.job.fraction = fraction_of(entry.job);
    });
    if (is_interrupted) return;
    if (const Result<void> saved = save(id, true); !saved.ok()) {
        env_.log.error("the end of a backfill is not written down: after a restart it runs again",
                       {{"id", std::to_string(id)}, {"err", saved.error().message}});
    }
    const std::optional<BackfillJob> job = find(id);
    if (!job) return;
    env_.log.info("backfill ended",
                  {{"id", std::to_string(id)},
                   {"state", std::string(backfill_state_text(job->state))},
                   {"stored", std::to_string(job->counts.stored)},
                   {"kept", std::to_string(job->counts.kept)},
                   {"failures", std::to_string(job->counts.failures)},
                   {"err", job->error.empty() ? job->counts.first_error : job->error}});
}

Result<void> BackfillJobs::work(int64_t id, const CancelToken& cancel) {
    BackfillSpec spec;
    BackfillCounts before;
    std::string rules;
    std::string file;
    {
        MutexLock lock(mutex_);
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) return {};  // cancelled and forgotten
        const Entry& entry = found->second;
        spec.start = entry.job.position;
        spec.end = entry.job.end;
        spec.step_ms = entry.job.step_ms;
        spec.continues = entry.job.position > entry.job.start;
        before = entry.job.counts;
        rules = entry.rules;
        file = entry.file;
    }
    KW_TRY(save(id, true));
    KW_TRY_ASSIGN(RuleFile read, read_rule_file(rules, file, options_));
    spec.groups = std::move(read.groups);
    Backfill backfill(engine_, store_, std::move(spec), {});
    int64_t saved_ns = env_.clock.steady_ns();
    bool goes_on = true;
    while (goes_on) {
        KW_TRY_ASSIGN(goes_on, backfill.next(cancel));
        update(id, [&](Entry& entry) {
            BackfillJob& job = entry.job;
            job.position = backfill.position();
            job.fraction = fraction_of(job);
            const BackfillCounts& now = backfill.counts();
            job.counts.stored = before.stored + now.stored;
            job.counts.kept = before.kept + now.kept;
            job.counts.too_old = before.too_old + now.too_old;
            job.counts.refused = before.refused + now.refused;
            job.counts.failures = before.failures + now.failures;
            job.counts.first_error =
                before.first_error.empty() ? now.first_error : before.first_error;
        });
        const int64_t now_ns = env_.clock.steady_ns();
        if (now_ns - saved_ns >= kSavePeriodMs * 1'000'000) {
            saved_ns = now_ns;
            KW_TRY(save(id, false));
        }
    }
    return {};
}

void BackfillJobs::update(int64_t id, const std::function<void(Entry&)>& change) {
    MutexLock lock(mutex_);
    if (const auto found = jobs_.find(id); found != jobs_.end()) change(found->second);
}

Result<void> BackfillJobs::save(int64_t id, bool waits) {
    const std::optional<BackfillJob> job = find(id);
    if (!job) return {};
    const auto change = [saved = *job](state::Connection& transaction) -> Result<void> {
        KW_TRY(transaction.run(
            "UPDATE rules_backfill SET state = ?2, position = ?3, resumed = ?4, finished_at = ?5, "
            "stored = ?6, kept = ?7, too_old = ?8, refused = ?9, failures = ?10, "
            "first_error = ?11, error = ?12 WHERE id = ?1",
            saved.id, backfill_state_text(saved.state), saved.position, saved.resumed,
            saved.finished_at, saved.counts.stored, saved.counts.kept, saved.counts.too_old,
            saved.counts.refused, saved.counts.failures, saved.counts.first_error, saved.error));
        return {};
    };
    if (waits) return state_.write(change);
    // A position that is not written is only the older one: what came after is met again.
    state_.write_later(change, [](const Result<void>&) {});
    return {};
}

void BackfillJobs::forget_old() {
    std::vector<int64_t> forgotten;
    {
        MutexLock lock(mutex_);
        size_t finished = 0;
        for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at) {
            if (is_over(at->second.job.state) && ++finished > kFinishedMax)
                forgotten.push_back(at->first);
        }
        for (const int64_t id : forgotten) jobs_.erase(id);
    }
    for (const int64_t id : forgotten) {
        state_.write_later(
            [id](state::Connection& transaction) -> Result<void> {
                KW_TRY(transaction.run("DELETE FROM rules_backfill WHERE id = ?1", id));
                return {};
            },
            [](const Result<void>&) {});
    }
}

}  // namespace kw::rules
