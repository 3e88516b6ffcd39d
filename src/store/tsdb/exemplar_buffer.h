// ExemplarBuffer: the newest exemplars of all series in memory, a bounded queue in the order in which they came, and
// in the write-ahead log.
//
//   entries  [e1 a][e2 b][e3 a][e4 c]      one more than the bound pushes out e1
//   series    a: 1 3   b: 2   c: 4         positions of their entries, ascending; a series without any is forgotten
//   log      every stored one, in that order, under its number; a checkpoint has state(), a replay is restore()
//
// Numbers count what was ever stored in the directory, but what a crash took: what a checkpoint and the log behind it
// both have is restored once, and so the buffer is as it was, to the order in which entries leave it.
// It counts as Prometheus does, under its names: prometheus_tsdb_exemplar_*.
// Locks: the buffer's, then the log's.
// Threads: all members from any thread; set_log() and restore() before others use it. Source: contract/exemplar_store.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>

#include "base/environment.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "contract/exemplar_store.h"
#include "tsdb/wal_exemplars.h"

namespace kw::tsdb {

class Wal;

class ExemplarBuffer final : public ExemplarStore {
 public:
    // `exemplars_max` 0: none are kept. Nothing is set aside for those that never come.
    ExemplarBuffer(Environment& env, uint64_t exemplars_max);

    // Logs what is appended from now on. `flushes_acked`: what is acknowledged was flushed, not only written. The log
    // outlives the last append() and select().
    void set_log(Wal& wal, bool flushes_acked);
    // What a replay delivers, oldest first; the exemplars are taken away.
    void restore(DecodedExemplars& exemplars) KW_EXCLUDES(mutex_);

    Result<ExemplarCounts> append(std::vector<ExemplarSeries> batch, Durability durability) override
        KW_EXCLUDES(mutex_);
    std::vector<ExemplarSeries> select(const std::vector<std::vector<Matcher>>& selectors,
                                       const TimeRange& range) const override KW_EXCLUDES(mutex_);

    // A lower bound keeps the newest.
    void resize(uint64_t exemplars_max) KW_EXCLUDES(mutex_);

    // Calls `take` with records that, replayed before what is logged from now on, make the buffer as it is.
    // Errors: those of `take`.
    Result<void> state(const std::function<Result<void>(ByteView record)>& take) const
        KW_EXCLUDES(mutex_);
    // Of all records so far that append() gave to the log.
    uint64_t logged_bytes() const { return logged_bytes_.load(std::memory_order_relaxed); }

 private:
    // Positions of entries, of one series.
    using SeriesTable = std::map<LabelSet, std::deque<uint64_t>>;
    struct Entry {
        Exemplar exemplar;
        SeriesTable::iterator series;
        uint64_t number = 0;
    };
    const Entry& entry(uint64_t position) const KW_REQUIRES(mutex_) {
        return entries_[position - first_position_];
    }
    const Exemplar& at(uint64_t position) const KW_REQUIRES(mutex_) {
        return entry(position).exemplar;
    }
    ExemplarVerdict verdict_of(const LabelSet& series, const Exemplar& exemplar) const
        KW_REQUIRES(mutex_);
    // Under the next number.
    void put(const LabelSet& series, Exemplar exemplar) KW_REQUIRES(mutex_);
    void push_out_first() KW_REQUIRES(mutex_);
    void log_record(ExemplarRecord& record) KW_REQUIRES(mutex_);
    // Of the entries from `position` on, as many as fit and stand before `end`; moves `position` behind them.
    Bytes record_of(uint64_t& position, uint64_t end) const KW_REQUIRES(mutex_);
    void show_counts() KW_REQUIRES(mutex_);

    Counter& appended_;
    Counter& out_of_order_;
    Gauge& in_storage_;
    Gauge& series_in_storage_;
    Gauge& oldest_timestamp_;
    Gauge& max_;
    Wal* wal_ = nullptr;
    bool flushes_acked_ = true;
    std::atomic<uint64_t> logged_bytes_{0};
    mutable Mutex mutex_;
    uint64_t exemplars_max_ KW_GUARDED_BY(mutex_);
    std::deque<Entry> entries_ KW_GUARDED_BY(mutex_);
    uint64_t first_position_ KW_GUARDED_BY(mutex_) = 0;  // of entries_.front()
    uint64_t next_number_ KW_GUARDED_BY(mutex_) = 0;
    SeriesTable series_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::tsdb
