// Write-ahead log: makes an acknowledged sample survive a crash before its block exists.
//
//   enqueue() ─▶ records in memory ─write─▶ segment file ─fdatasync─▶ forgotten
//                └─ all that is not flushed yet is kept here, to be written again elsewhere
//
// Group commit: whoever waits while nobody does I/O does it for all that wait. One thread does I/O at a
// time; what is enqueued meanwhile goes with the next round. A flusher thread flushes what nobody
// waits for every flush_interval.
//
// Invariants
//   1. sync(position) returned ok  ⇒  every record enqueued up to it is replayed after any crash.
//   2. write(position) returned ok  ⇒  they survive a crash of the process.
//   3. After a failed write or flush the log is *broken*: nothing is acknowledged until everything that is
//      not known to be on disk stands in a new segment, which says how much of the old one counts.
//   4. Records are replayed in the order of enqueue().
// Threads: all members from any thread.
// Source: docs/formats/wal.md; docs/durability.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/fs/file_system.h"
#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/wal_frame.h"

namespace kw {
class Counter;
class Gauge;
class HistogramMetric;
}  // namespace kw

namespace kw::tsdb {

// The number of a record, counted from the start of the process; 0: before the first.
using WalPosition = uint64_t;

// "00000042"
std::string wal_segment_name(uint64_t number);
std::string wal_checkpoint_name(uint64_t number);
// The number in the name of a segment or a checkpoint; nullopt for other names.
std::optional<uint64_t> wal_segment_number(std::string_view name);
std::optional<uint64_t> wal_checkpoint_number(std::string_view name);

class Wal final {
 public:
    struct Options {
        // Roll to a new segment past this. A crash costs the reading of what no block covers, whatever
        // the size; the segment is the unit of deletion.
        uint64_t segment_bytes_max = 128 << 20;
        // The most that a power cut may take of what nobody waited for, plus one flush.
        std::chrono::milliseconds flush_interval{100};
        // What may wait in memory while the disk does not take it: some 15 million samples.
        uint64_t retained_bytes_max = 64 << 20;
        // Without, tests call flush() themselves.
        bool start_flusher = true;
    };

    // Begins segment `number`, which follows `follows_bytes` bytes of segment `follows_segment`.
    // Errors: kUnavailable, kExhausted (I/O).
    static Result<std::unique_ptr<Wal>> create(Environment& env, const fs::Path& directory,
                                               const WalHeader& header, const Options& options);
    // Flushes what it can.
    ~Wal();
    Wal(const Wal&) = delete;
    Wal& operator=(const Wal&) = delete;

    // Takes a record, and returns its position. Never fails: who writes a lot asks check() before.
    WalPosition enqueue(Bytes record) KW_EXCLUDES(mutex_);
    // Of the record enqueued last.
    WalPosition end() const KW_EXCLUDES(mutex_);

    // Whether more records are welcome. Errors: kUnavailable when the log is broken and either somebody
    // waits for the acknowledgement or too much waits in memory.
    Result<void> check(bool somebody_waits) const KW_EXCLUDES(mutex_);

    // Returns when the records up to `position` were written, or flushed.
    // Errors: kUnavailable; the records stay in memory and are written once the disk takes them. write()
    // leaves a broken log alone, the others try to mend it.
    Result<void> write(WalPosition position) KW_EXCLUDES(mutex_);
    Result<void> sync(WalPosition position) KW_EXCLUDES(mutex_);
    // Flushes everything; mends a broken log when the disk lets it.
    Result<void> flush() KW_EXCLUDES(mutex_);

    // Ends the segment: records enqueued from now on go to the next one, whose number is returned.
    Result<uint64_t> roll() KW_EXCLUDES(mutex_);

    uint64_t segment() const KW_EXCLUDES(mutex_);
    bool is_broken() const KW_EXCLUDES(mutex_);

 private:
    struct Instruments {
        HistogramMetric& fsync_seconds;
        Counter& writes_failed;
        Counter& bytes_written;
        Gauge& segment_current;
    };
    enum class Goal : unsigned char { kWritten, kSynced, kRolled };

    Wal(Environment& env, const fs::Path& directory, const Options& options);
    Result<void> reach(Goal goal, WalPosition position) KW_EXCLUDES(mutex_);
    bool reached(Goal goal, WalPosition position) const KW_REQUIRES(mutex_);
    // One round of I/O, the lock let go meanwhile; io_busy_ is held by the caller.
    void do_io(Goal goal) KW_REQUIRES(mutex_);
    Result<void> write_records(const std::vector<const Bytes*>& records);
    Result<void> sync_segment();
    // Starts the next segment, which follows the current one up to `trusted_bytes`.
    Result<void> start_segment(const WalHeader& header);
    void run_flusher(const std::stop_token& stop);

    Environment& env_;
    const fs::Path directory_;
    const Options options_;
    const Instruments instruments_;

    mutable Mutex mutex_;
    CondVar changed_;     // a round of I/O ended
    CondVar stop_asked_;  // wakes the flusher early
    // Records from synced_ + 1 to enqueued_. Elements stay where they are; only the holder of io_busy_
    // removes them.
    std::deque<Bytes> retained_ KW_GUARDED_BY(mutex_);
    uint64_t retained_bytes_ KW_GUARDED_BY(mutex_) = 0;
    WalPosition enqueued_ KW_GUARDED_BY(mutex_) = 0;
    WalPosition written_ KW_GUARDED_BY(mutex_) = 0;
    WalPosition synced_ KW_GUARDED_BY(mutex_) = 0;
    uint64_t rounds_failed_ KW_GUARDED_BY(mutex_) = 0;
    uint64_t segment_ KW_GUARDED_BY(mutex_) = 0;
    bool io_busy_ KW_GUARDED_BY(mutex_) = false;
    bool broken_ KW_GUARDED_BY(mutex_) = false;
    Error last_error_ KW_GUARDED_BY(mutex_);

    // Of the holder of io_busy_.
    std::unique_ptr<fs::File> file_;
    uint64_t number_ = 0;           // of the segment
    uint64_t segment_bytes_ = 0;    // written
    uint64_t trusted_segment_ = 0;  // what is known to be on disk ends here:
    uint64_t trusted_bytes_ = 0;
    uint64_t next_number_ = 0;  // of the next segment to try
    Bytes frames_;

    std::jthread flusher_;  // last: stops before the rest goes
};

}  // namespace kw::tsdb
