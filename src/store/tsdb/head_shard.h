// HeadShard: the newest samples of the series whose (job, instance) hashes here.
//
// A *group* is the series of one (job, instance), at most kGroupColumns of them. What they share is a
// column of timestamps: a group is a matrix with a row for each timestamp and a column for each series, so
// that one scrape is one row, written from left to right.
//
//            column 0   column 1   column 2
//   t0          1.5        7          -        a cell is kAbsent where the series has no sample
//   t1          1.5        8          3
//   t2          1.5        9          3        <- the row that a scrape at t2 fills
//
// What does not fit that shape goes to the series' *own* column, with timestamps of its own.
//
// Invariants
//   1. A group's rows are ascending in time.
//   2. A time stands once in a series: in its group's part or in its own.
// Threads: all members from any thread; one lock, held for one batch or one snapshot.
#pragma once

#include <bit>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "contract/metric_store.h"
#include "model/sample.h"
#include "tsdb/head_table.h"

namespace kw::tsdb {

class Wal;

// The cell of a series that has no sample at its row's time: a NaN that append() never stores.
inline constexpr uint64_t kAbsentBits = 0x7ff4'6162'7365'6e74;
inline constexpr double kAbsent = std::bit_cast<double>(kAbsentBits);

// Rows of one batch that belong to one shard, as columns; as in SampleBatch, timestamps has one entry or
// one a row, starts none or one a row.
struct ShardRows {
    std::span<const SeriesRef> series;
    std::span<const Millis> timestamps;
    std::span<const double> values;
    std::span<const Millis> starts;

    size_t size() const { return series.size(); }
    int64_t time(size_t row) const { return timestamps[timestamps.size() == 1 ? 0 : row].count; }
    int64_t start(size_t row) const { return starts.empty() ? kNoStart.count : starts[row].count; }
};

// Rows that were not stored, ascending.
using SkippedRows = std::vector<std::pair<uint32_t, RowVerdict>>;

// Samples of some series of a shard as they were at one moment, in one time range.
struct ShardSnapshot {
    struct Group {
        std::vector<int64_t> open_times;  // in the range, ascending
    };
    struct Series {
        uint32_t group = 0;
        size_t cells = 0;  // where its open cells begin, one for each of the group's open_times
        std::unique_ptr<SampleColumns> own;  // null when it has none
        bool known = false;  // false: it was dropped since its id was looked up
    };
    std::vector<Group> groups;
    std::vector<double> cells;
    std::vector<Series> series;  // as asked for

    // Replaces `out` by the samples of series[index].
    Result<void> read(size_t index, SampleColumns& out) const;
    bool has_samples(size_t index) const;
    // An upper estimate.
    uint64_t samples_estimate(size_t index) const;
};

class HeadShard final {
 public:
    // 1024 columns of 64 rows are turned and encoded in about a millisecond, under the lock.
    static constexpr size_t kGroupColumns = 1024;

    HeadShard() = default;
    HeadShard(const HeadShard&) = delete;
    HeadShard& operator=(const HeadShard&) = delete;

    // Gives a new series a place and returns its serial number. `group_key` is that of its (job, instance).
    uint64_t add_series(uint64_t group_key) KW_EXCLUDES(mutex_);

    // The same for a series that has its number already. False when that is taken.
    bool restore_series(uint64_t serial, uint64_t group_key) KW_EXCLUDES(mutex_);

    // Stores the rows; `skipped` gets those that were not. The ids belong to this shard. Those that were
    // stored go to `wal`, when it is not null, before anybody else can append: the log's order is the order
    // in memory, so that a replay comes to the same verdicts.
    void append(const ShardRows& rows, Wal* wal, SkippedRows& skipped) KW_EXCLUDES(mutex_);

    // Fills `out` for the series of `ids`.
    void snapshot(std::span<const uint64_t> ids, const TimeRange& range, ShardSnapshot& out) const
        KW_EXCLUDES(mutex_);

    // Of all samples; empty (max < min) when there are none.
    TimeRange range() const KW_EXCLUDES(mutex_);

 private:
    static constexpr uint32_t kNoGroup = UINT32_MAX;

    // Where a series is.
    struct Place {
        uint32_t group = kNoGroup;
        uint32_t column : 30 = 0;
        uint32_t own_mode : 1 = 0;  // new samples go to the own column
        uint32_t has_own : 1 = 0;
        explicit operator bool() const { return group != kNoGroup; }
    };
    struct OpenRow {
        int64_t time = 0;
        std::vector<double> cells;  // by column; short of columns that came later
    };
    struct Group {
        uint64_t key = 0;
        std::vector<uint64_t> serials;  // by column
        std::vector<OpenRow> open;      // ascending
    };

    void place_series(uint64_t serial, uint64_t group_key) KW_REQUIRES(mutex_);
    // The row of `time`, made if there is none.
    OpenRow* row_for(Group& group, int64_t time) KW_REQUIRES(mutex_);
    // The row of `time`, null when there is none.
    static const OpenRow* find_row(const Group& group, int64_t time);
    RowVerdict store(uint64_t serial, Place& place, int64_t time, double value, int64_t start)
        KW_REQUIRES(mutex_);
    RowVerdict store_own(uint64_t serial, Place& place, int64_t time, double value, int64_t start)
        KW_REQUIRES(mutex_);

    mutable Mutex mutex_;
    uint64_t next_serial_ KW_GUARDED_BY(mutex_) = 1;
    SerialTable<Place> places_ KW_GUARDED_BY(mutex_);
    std::vector<Group> groups_ KW_GUARDED_BY(mutex_);
    // The group of each key that takes new series.
    boost::unordered_flat_map<uint64_t, uint32_t> group_by_key_ KW_GUARDED_BY(mutex_);
    boost::unordered_flat_map<uint64_t, std::unique_ptr<SampleColumns>> own_ KW_GUARDED_BY(mutex_);
};

}  // namespace kw::tsdb
