// Small durable state (silences, incidents, rules, what was notified) on SQLite.
//
//   write(change) ─▶ queue ─▶ writer thread ─▶ one transaction for all that wait ─▶ COMMIT (fsync) ─▶ done
//   snapshot()    ─▶ a connection of its own, which sees one committed state until it is given back
//
// Invariants
//   1. write() returned ok  ⇒  the change is there after any crash and power cut (WAL, synchronous=FULL).
//   2. A change is there whole or not at all; one that fails takes none of its group with it (a savepoint
//      each), unless the database itself ends the transaction (disk full, I/O): then the whole group fails.
//   3. Changes are applied in the order they were handed in.
//   4. A reader never waits for the writer, nor the writer for a reader.
// A damaged file is put aside whole (state.db.corrupt-<time>), reported, and an empty one begun: whoever must
// wake people at night starts all the same. A file of a newer version is refused.
// Files: SQLite does its own I/O below Options::directory; FileSystem makes the directory, holds the lock and
// renames. Format: docs/formats/state.md.
// Threads: one writer, owned here; all members from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/environment.h"
#include "base/result.h"
#include "state/connection.h"
#include "state/migrations.h"

namespace kw::state {

class Store;

// One committed state to read from, until destroyed; the Store outlives it. Short: while it lives, the log
// behind it is not reused and grows.
class Snapshot final {
 public:
    Snapshot(Snapshot&&) noexcept = default;
    ~Snapshot();
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

 private:
    friend class Store;
    Snapshot(Store& store, std::unique_ptr<Connection> connection)
        : store_(&store), connection_(std::move(connection)) {}
    Store* store_;
    std::unique_ptr<Connection> connection_;
};

class Store final {
 public:
    struct Options {
        std::string directory;            // of ours alone; created when absent
        uint64_t bytes_max = 4ULL << 30;  // of the database; reaching it is kExhausted
        size_t queue_max = 4096;          // changes that wait; more is kExhausted
        size_t group_max = 256;           // changes of one commit
        size_t readers_max = 16;          // snapshots at a time; the next waits for `reader_wait`
        std::chrono::milliseconds reader_wait{10'000};
    };
    // Runs in the writer's transaction, on its thread: only reads and writes `transaction`. What it returns
    // as an error undoes what it did.
    using Change = std::function<Result<void>(Connection& transaction)>;
    // Runs on the writer's thread after the commit: quick, and without a write() of its own (write_later() is
    // fine).
    using Done = std::function<void(Result<void>)>;

    // Errors: kConflict (another process has it), kUnsupported (a newer version's), kUnavailable, kExhausted.
    static Result<std::unique_ptr<Store>> open(Environment& env, const Options& options);
    // Applies what was handed in, joins, closes.
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // Brings a module's tables up to date; before its first read or write. See migrations.h.
    Result<void> migrate(const Schema& schema);

    // Applies `change` and waits until it is durable. Errors: its own; kExhausted (queue full, disk full);
    // kUnavailable (I/O).
    Result<void> write(Change change);
    // The same without waiting. `done` is called exactly once, perhaps before this returns.
    void write_later(Change change, Done done);

    // Errors: kExhausted when `readers_max` are out for `reader_wait`; those of Connection.
    Result<Snapshot> snapshot();

    // Where a damaged database was put at open(); empty: it was whole.
    const std::string& quarantined() const;

 private:
    friend class Snapshot;
    class Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace kw::state
