// The writer thread, its group commits, and the readers' connections; contract in the header.
#include "state/store.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/fs/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "state/audit.h"

namespace kw::state {
namespace {

constexpr int64_t kApplicationId = 0x4b575354;  // "KWST", in the file's header
constexpr int64_t kFormatVersion = 1;           // docs/formats/state.md
constexpr int64_t kPageBytes = 4096;

struct Waiting {
    Store::Change change;
    Store::Done done;
};

Result<int64_t> read_number(Connection& connection, Sql sql) {
    KW_TRY_ASSIGN(auto row, connection.query(sql));
    KW_TRY_ASSIGN(const bool is_row, row.next());
    if (!is_row) return internal_error("no row from {}", sql.text());
    return row.integer(0);
}

Result<void> check_whole(Connection& connection) {
    KW_TRY_ASSIGN(auto row, connection.query("PRAGMA quick_check(1)"));
    KW_TRY_ASSIGN(const bool is_row, row.next());
    if (!is_row) return corrupt("the check of the database gave no answer");
    if (row.text(0) != "ok") return corrupt("{}", row.text(0));
    return {};
}

// Looks at what is there before anything is written: a file of another program stays as it is.
Result<void> check_identity(Connection& connection) {
    KW_TRY_ASSIGN(const int64_t pages, read_number(connection, "PRAGMA page_count"));
    if (pages == 0) return {};
    KW_TRY_ASSIGN(const int64_t application, read_number(connection, "PRAGMA application_id"));
    KW_TRY_ASSIGN(const int64_t version, read_number(connection, "PRAGMA user_version"));
    if (application == 0) {
        // Begun by us and crashed before its first transaction, or another program's.
        KW_TRY_ASSIGN(const int64_t tables,
                      read_number(connection, "SELECT count(*) FROM sqlite_schema"));
        if (tables == 0) return {};
    }
    if (application != kApplicationId)
        return unsupported("it is a database of another program (application id {:#x})",
                           application);
    if (version > kFormatVersion)
        return unsupported("it has format {}, this version knows {}: start the newer version again",
                           version, kFormatVersion);
    return check_whole(connection);
}

Result<std::unique_ptr<Connection>> open_writer(const std::string& path, uint64_t bytes_max) {
    KW_TRY_ASSIGN(auto connection, Connection::open(path, Connection::Mode::kWrite));
    KW_TRY(check_identity(*connection).with_context(path));
    // The identity is set in the transaction that makes the first table: an empty file has none.
    KW_TRY(connection
               ->run_script(fmt::format(
                   "PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                   "PRAGMA max_page_count = {};"
                   "BEGIN IMMEDIATE; PRAGMA application_id = {}; PRAGMA user_version = {};",
                   kPageBytes, std::max<uint64_t>(bytes_max / kPageBytes, 64), kApplicationId,
                   kFormatVersion))
               .with_context(path));
    KW_TRY(create_migration_table(*connection).with_context(path));
    KW_TRY(connection->run_script("COMMIT").with_context(path));
    return connection;
}

// Puts a damaged database aside, with its log. Returns its new name.
Result<std::string> quarantine(fs::FileSystem& files, const std::string& path, Millis now) {
    const std::string target = fmt::format("{}.corrupt-{}", path, now.count);
    for (const std::string_view suffix : {"", "-wal"}) {
        const std::string from = path + std::string(suffix);
        KW_TRY_ASSIGN(const bool exists, files.exists(from));
        if (exists) KW_TRY(files.rename(from, target + std::string(suffix)));
    }
    KW_TRY_ASSIGN(const bool has_index, files.exists(path + "-shm"));
    if (has_index) KW_TRY(files.remove_file(path + "-shm"));
    return target;
}

}  // namespace

class Store::Impl final {
 public:
    Impl(Environment& env, Options options, std::unique_ptr<fs::FileLock> lock,
         std::unique_ptr<Connection> writer, std::string path, std::string quarantined)
        : options_(std::move(options)),
          path_(std::move(path)),
          quarantined_(std::move(quarantined)),
          clock_(env.clock),
          metrics_(env.metrics),
          commits_(env.metrics.counter("kilowatch_state_commits_total",
                                       "Commits of the state's database.")),
          changes_(env.metrics.counter("kilowatch_state_changes_total",
                                       "Changes of the state that were committed.")),
          failures_(env.metrics.counter("kilowatch_state_failed_changes_total",
                                        "Changes of the state that failed.")),
          commit_seconds_(env.metrics.histogram("kilowatch_state_commit_duration_seconds",
                                                "How long a commit took, its fsync included.",
                                                {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10})),
          lock_(std::move(lock)),
          writer_(std::move(writer)),
          thread_([this] { run(); }) {}

    ~Impl() {
        {
            const MutexLock lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
    }

    void write_later(Change change, Done done) KW_EXCLUDES(mutex_) {
        {
            const MutexLock lock(mutex_);
            if (!stopping_ && queue_.size() < options_.queue_max) {
                queue_.push_back({std::move(change), std::move(done)});
                wake_.notify_all();
                return;
            }
        }
        failures_.add();
        done(exhausted("{} changes of the state wait already", options_.queue_max));
    }

    Result<void> write(Change change) {
        if (std::this_thread::get_id() == thread_.get_id())
            return internal_error("a write of the state waits for itself");
        Mutex mutex;
        CondVar wake;
        std::optional<Result<void>> result;
        write_later(std::move(change), [&](Result<void> outcome) {
            const MutexLock lock(mutex);
            result = std::move(outcome);
            wake.notify_all();  // under the lock: the waiter owns what is notified
        });
        const MutexLock lock(mutex);
        while (!result) wake.wait(mutex);
        return *std::move(result);
    }

    Result<std::unique_ptr<Connection>> take_reader() KW_EXCLUDES(mutex_) {
        KW_TRY_ASSIGN(std::unique_ptr<Connection> connection, reserve_reader());
        if (connection == nullptr) {
            Result<std::unique_ptr<Connection>> opened =
                Connection::open(path_, Connection::Mode::kRead);
            if (!opened.ok()) {
                give_back(nullptr);
                return opened;
            }
            connection = std::move(opened).value();
        }
        // A transaction sees the state of its first read.
        Result<void> begun = connection->run_script("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;");
        if (!begun.ok()) {
            give_back(nullptr);
            return std::move(begun).error().with_context(path_);
        }
        return connection;
    }

    // Null: the connection is closed, its place is free.
    void give_back(std::unique_ptr<Connection> connection) KW_EXCLUDES(mutex_) {
        if (connection != nullptr && !connection->run_script("ROLLBACK").ok()) connection.reset();
        const MutexLock lock(mutex_);
        --readers_out_;
        if (connection != nullptr) idle_readers_.push_back(std::move(connection));
        reader_free_.notify_one();
    }

    Millis now() const { return clock_.now(); }
    const std::string& quarantined() const { return quarantined_; }

 private:
    // An idle connection, or null when a new one may be opened.
    Result<std::unique_ptr<Connection>> reserve_reader() KW_EXCLUDES(mutex_) {
        const auto deadline = std::chrono::steady_clock::now() + options_.reader_wait;
        const MutexLock lock(mutex_);
        while (readers_out_ >= options_.readers_max) {
            const auto left = deadline - std::chrono::steady_clock::now();
            if (left <= left.zero())
                return exhausted("{} snapshots of the state are in use", options_.readers_max);
            reader_free_.wait_for(mutex_, left);
        }
        ++readers_out_;
        if (idle_readers_.empty()) return std::unique_ptr<Connection>();
        std::unique_ptr<Connection> connection = std::move(idle_readers_.back());
        idle_readers_.pop_back();
        return connection;
    }

    void run() KW_EXCLUDES(mutex_) {
        while (true) {
            std::vector<Waiting> group = take_group();
            if (group.empty()) return;
            commit(group);
        }
    }

    // Empty: there is nothing more, and nothing will come.
    std::vector<Waiting> take_group() KW_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        while (queue_.empty() && !stopping_) wake_.wait(mutex_);
        std::vector<Waiting> group;
        while (!queue_.empty() && group.size() < options_.group_max) {
            group.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        return group;
    }

    void commit(std::vector<Waiting>& group) {
        const int64_t began_ns = clock_.steady_ns();
        std::vector<Result<void>> outcomes(group.size());
        const Result<void> committed = try_commit(group, outcomes);
        commit_seconds_.observe(static_cast<double>(clock_.steady_ns() - began_ns) / 1e9);
        for (size_t i = 0; i < group.size(); ++i) {
            Result<void> outcome = std::move(outcomes[i]);
            if (outcome.ok() && !committed.ok()) outcome = committed;
            (outcome.ok() ? changes_ : failures_).add();
            group[i].change = nullptr;
            group[i].done(std::move(outcome));
        }
    }

    // An error is that of the transaction: none of the group is there.
    Result<void> try_commit(std::vector<Waiting>& group, std::vector<Result<void>>& outcomes) {
        KW_TRY(writer_->run("BEGIN IMMEDIATE"));
        for (size_t i = 0; i < group.size(); ++i) {
            outcomes[i] = apply(group[i].change);
            if (writer_->in_transaction()) continue;
            if (!outcomes[i].ok()) return outcomes[i];
            return internal_error("a change of the state ended its transaction");
        }
        const Result<int64_t> committed = writer_->run("COMMIT");
        if (!committed.ok()) {
            // Nothing of it stands in the log as committed, whether or not the rollback finds something to do.
            if (writer_->in_transaction()) (void)writer_->run("ROLLBACK").ok();
            return committed.error();
        }
        commits_.add();
        count_audited();
        return {};
    }

    // Counts what was audited since the last time. The first commit is that of the audit table itself, before which
    // there is what earlier runs left.
    void count_audited() {
        auto rows = writer_->query(
            "SELECT action, kind, count(*), max(id) FROM audit WHERE id > ?1 GROUP BY action, kind",
            audited_id_.value_or(0));
        if (!rows.ok()) return;
        int64_t last = audited_id_.value_or(0);
        while (rows->next().value_or(false)) {
            last = std::max(last, rows->integer(3));
            if (!audited_id_) continue;
            metrics_
                .counter("audit_events_total", "Entries of the audit table.",
                         {{"action", rows->text(0)}, {"kind", rows->text(1)}})
                .add(rows->integer(2));
        }
        audited_id_ = last;
    }

    Result<void> apply(const Change& change) {
        KW_TRY(writer_->run("SAVEPOINT one"));
        Result<void> outcome = call(change);
        if (!writer_->in_transaction()) return outcome;
        if (!outcome.ok()) KW_TRY(writer_->run("ROLLBACK TO one"));
        KW_TRY(writer_->run("RELEASE one"));
        return outcome;
    }

    Result<void> call(const Change& change) {
        try {
            return change(*writer_);
        } catch (const std::exception& thrown) {
            return internal_error("a change of the state threw: {}", thrown.what());
        }
    }

    const Options options_;
    const std::string path_;
    const std::string quarantined_;
    Clock& clock_;
    MetricRegistry& metrics_;
    Counter& commits_;
    Counter& changes_;
    Counter& failures_;
    HistogramMetric& commit_seconds_;
    const std::unique_ptr<fs::FileLock> lock_;
    const std::unique_ptr<Connection> writer_;  // the thread's alone, as is what follows
    std::optional<int64_t> audited_id_;

    Mutex mutex_;
    CondVar wake_;
    CondVar reader_free_;
    std::deque<Waiting> queue_ KW_GUARDED_BY(mutex_);
    bool stopping_ KW_GUARDED_BY(mutex_) = false;
    size_t readers_out_ KW_GUARDED_BY(mutex_) = 0;
    std::vector<std::unique_ptr<Connection>> idle_readers_ KW_GUARDED_BY(mutex_);
    std::jthread thread_;  // last: it uses all above
};

Snapshot::~Snapshot() {
    if (connection_ != nullptr) store_->impl_->give_back(std::move(connection_));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(Environment& env, const Options& options) {
    KW_TRY(env.files.create_directories(options.directory));
    KW_TRY_ASSIGN(auto lock, env.files.lock(fs::join(options.directory, "lock")));
    const std::string path = fs::join(options.directory, "state.db");
    std::string quarantined;
    Result<std::unique_ptr<Connection>> writer = open_writer(path, options.bytes_max);
    if (!writer.ok() && writer.error().code == Code::kCorrupt) {
        KW_TRY_ASSIGN(quarantined, quarantine(env.files, path, env.clock.now()));
        env.log.error("the state's database is damaged and was put aside; an empty one is begun",
                      {{"error", writer.error().message}, {"moved_to", quarantined}});
        writer = open_writer(path, options.bytes_max);
    }
    if (!writer.ok()) return std::move(writer).error();
    KW_TRY(env.files.sync_directory(options.directory));
    std::unique_ptr<Store> store(new Store(std::make_unique<Impl>(
        env, options, std::move(lock), std::move(writer).value(), path, std::move(quarantined))));
    KW_TRY(store->migrate(kAuditSchema));
    return store;
}

Result<void> Store::migrate(const Schema& schema) {
    const Millis now = impl_->now();
    return write([&schema, now](Connection& transaction) -> Result<void> {
        KW_TRY(apply_migrations(transaction, schema, now));
        return {};
    });
}

Result<void> Store::write(Change change) { return impl_->write(std::move(change)); }

void Store::write_later(Change change, Done done) {
    impl_->write_later(std::move(change), std::move(done));
}

Result<Snapshot> Store::snapshot() {
    KW_TRY_ASSIGN(auto connection, impl_->take_reader());
    return Snapshot(*this, std::move(connection));
}

const std::string& Store::quarantined() const { return impl_->quarantined(); }

}  // namespace kw::state
