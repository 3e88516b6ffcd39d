// HeadShard: the newest samples of the series whose (job, instance) hashes here.
//
// A *group* is the series of one (job, instance), at most kGroupColumns of them. What they share is a
// column of timestamps: a group is a matrix with a row for each timestamp and a column for each series, so
// that one scrape is one row, written from left to right.
//
//            column 0   column 1   column 2
//   sealed: encoded chunks of kSealRows rows each (head_chunk.h)
//   t0          1.5        7          -        a cell is kAbsent where the series has no sample
//   t1          1.5        8          3
//   t2          1.5        9          3        <- the row that a scrape at t2 fills
//
// What does not fit that shape goes to the series' *own* samples, with timestamps of their own: late samples, start
// timestamps, native histograms, and rows that would be nearly empty.
//
// Flushing to a block, which takes its time, is freeze(T) → snapshot() of all series → drop() or thaw(). While frozen,
// samples up to T do not change; those that still come for that time wait in `late`, and are in no snapshot for the
// block.
//
// Invariants
//   1. A group's rows ascend in time, the sealed ones first. Rows at or before floor_ are never made or changed.
//   2. Own samples: chunks ascend and do not overlap, `open` comes after them, `late` is anywhere.
//   3. A time stands once in a series, wherever it is; rows up to dropped_ do not count any more.
//   4. While frozen `late` is not merged, and holds all samples up to floor_ that came since.
// Threads: all members from any thread, freeze(), drop() and thaw() from one; one lock, held for one batch or one
// snapshot.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "contract/metric_store.h"
#include "model/sample.h"
#include "tsdb/head_chunk.h"
#include "tsdb/head_table.h"
#include "tsdb/histogram_column.h"

namespace kw::tsdb {

class Wal;

// Rows of one batch that belong to one shard, as columns; as in SampleBatch, timestamps has one entry or
// one a row, starts none or one a row.
struct ShardRows {
    std::span<const SeriesRef> series;
    std::span<const Millis> timestamps;
    std::span<const double> values;
    std::span<const Millis> starts;
    std::span<const HistogramPtr> histograms = {};  // none, or one a row: null where it is a float

    size_t size() const { return series.size(); }
    bool is_histogram(size_t row) const {
        return !histograms.empty() && histograms[row] != nullptr;
    }
    int64_t time(size_t row) const { return timestamps[timestamps.size() == 1 ? 0 : row].count; }
    int64_t start(size_t row) const { return starts.empty() ? kNoStart.count : starts[row].count; }
};

// Rows that were not stored, ascending.
using SkippedRows = std::vector<std::pair<uint32_t, RowVerdict>>;

// Samples of some series of a shard as they were at one moment, in one time range.
struct ShardSnapshot {
    struct Group {
        std::vector<std::shared_ptr<const RowsChunk>> sealed;  // that touch the range, ascending
        std::vector<int64_t> sealed_times;                     // of all their rows
        std::vector<int64_t> open_times;                       // in the range, ascending
        TimeRange range;  // the part of the snapshot's that counts
    };
    struct Own {
        std::vector<std::shared_ptr<const SeriesChunk>> sealed;  // that touch the range
        SampleColumns rest;                                      // in the range
    };
    struct Series {
        uint32_t group = 0;
        uint32_t column = 0;
        size_t cells = 0;  // where its open cells begin, one for each of the group's open_times
        std::unique_ptr<Own> own;  // null when it has none
        bool known = false;        // false: it was dropped since its id was looked up
    };
    std::vector<Group> groups;
    std::vector<double> cells;
    std::vector<Series> series;  // as asked for
    TimeRange range;

    // Replaces `out` by the samples of series[index]. Errors: kCorrupt.
    Result<void> read(size_t index, SampleColumns& out) const;
    Result<bool> has_samples(size_t index) const;
    // An upper estimate.
    uint64_t samples_estimate(size_t index) const;
    uint64_t bytes() const;
};

// A group as it was at one moment, for the log's checkpoint.
struct GroupCopy {
    std::vector<uint64_t> serials;  // by column; 0: none
    std::vector<std::shared_ptr<const RowsChunk>> sealed;
    std::vector<HeadRow> open;
    int64_t after = INT64_MIN;  // rows up to here do not count
};

class HeadShard final {
 public:
    // 1024 columns of 64 rows are turned and encoded in about a millisecond, under the lock.
    static constexpr size_t kGroupColumns = 1024;
    static constexpr size_t kSealRows = 64;
    // Rows that stay open behind those: what comes a little late finds its row.
    static constexpr size_t kOpenRows = 8;
    // The same for a series' own samples.
    static constexpr size_t kSealSamples = 128;
    static constexpr size_t kOpenSamples = 32;
    // The same where there are histograms among them, which are some 500 bytes each while open.
    static constexpr size_t kSealHistograms = 24;
    static constexpr size_t kOpenHistograms = 8;

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

    // Fills `out` for the series of `ids`. `for_block`: of a frozen shard, without what came late since.
    void snapshot(std::span<const uint64_t> ids, const TimeRange& range, bool for_block,
                  ShardSnapshot& out) const KW_EXCLUDES(mutex_);

    // Of all samples, perhaps somewhat wider; empty (max < min) when there are none.
    TimeRange range() const KW_EXCLUDES(mutex_);
    // Of samples, without tables.
    uint64_t bytes() const KW_EXCLUDES(mutex_);
    uint64_t chunk_count() const KW_EXCLUDES(mutex_);

    // From now on, samples up to `until` stay as they are.
    void freeze(int64_t until) KW_EXCLUDES(mutex_);
    // Adds the windows of `span_ms`, aligned to the epoch, that hold samples up to `until`, by their numbers.
    Result<void> add_windows(int64_t until, int64_t span_ms, std::set<int64_t>& windows) const
        KW_EXCLUDES(mutex_);
    // Forgets the samples that are frozen, and appends the serials of series without samples left to `idle`.
    void drop(std::vector<uint64_t>& idle) KW_EXCLUDES(mutex_);
    // The flush failed: all stays.
    void thaw() KW_EXCLUDES(mutex_);
    // Forgets the series unless it has got samples again. False: it stays.
    bool remove_if_idle(uint64_t serial) KW_EXCLUDES(mutex_);

    // For checkpoints: a copy of group number `group`, false past the last; series with own samples.
    bool copy_group(size_t group, GroupCopy& out) const KW_EXCLUDES(mutex_);
    std::vector<uint64_t> serials_with_own() const KW_EXCLUDES(mutex_);
    // Replaces `out` by the own samples of a series. Errors: kCorrupt.
    Result<void> copy_own(uint64_t serial, SampleColumns& out) const KW_EXCLUDES(mutex_);

 private:
    static constexpr uint32_t kNoGroup = UINT32_MAX;

    // Where a series is.
    struct Place {
        uint32_t group = kNoGroup;
        uint32_t column : 31 = 0;
        uint32_t has_own : 1 = 0;
        explicit operator bool() const { return group != kNoGroup; }
    };
    struct Group {
        uint64_t key = 0;
        std::vector<uint64_t> serials;  // by column; 0: free
        std::vector<uint32_t> free_columns;
        std::vector<std::shared_ptr<const RowsChunk>> sealed;
        std::vector<HeadRow> open;

        size_t live() const { return serials.size() - free_columns.size(); }
        int64_t sealed_last() const {
            return sealed.empty() ? INT64_MIN : sealed.back()->last_time();
        }
        HeadRow* find(int64_t time);
        // The row of `time`, which is after sealed_last(), made if there is none.
        HeadRow* make(int64_t time);
    };
    struct Own {
        std::vector<std::shared_ptr<const SeriesChunk>> sealed;
        SampleColumns open;
        SampleColumns late;

        int64_t sealed_last() const {
            return sealed.empty() ? INT64_MIN : sealed.back()->last_time();
        }
        bool empty() const { return sealed.empty() && open.size() == 0 && late.size() == 0; }
    };
    // A sample without its time.
    struct Sample {
        double value = 0;
        int64_t start = kNoStart.count;
        HistogramPtr histogram = nullptr;  // null: a float
    };
    using OwnMap = boost::unordered_flat_map<uint64_t, std::unique_ptr<Own>>;

    void place_series(uint64_t serial, uint64_t group_key) KW_REQUIRES(mutex_);
    // Rows [begin, end) of `rows`, which share their time and their group.
    void store_run(const ShardRows& rows, size_t begin, size_t end, SkippedRows& skipped)
        KW_REQUIRES(mutex_);
    RowVerdict store_cell(uint64_t serial, const Place& place, HeadRow& row, double value)
        KW_REQUIRES(mutex_);
    static RowVerdict verdict_of_same_time(const Sample& stored, const Sample& sample);
    // The own sample at `time`, if there is one.
    std::optional<Sample> own_sample(const Own& own, int64_t time) KW_REQUIRES(mutex_);
    RowVerdict store_own(uint64_t serial, Place& place, int64_t time, Sample sample)
        KW_REQUIRES(mutex_);
    // Notes in a histogram that comes after all others of `own` whether its counter went on.
    void note_hint(const Group& group, uint32_t column, const Own& own, int64_t time,
                   HistogramPtr& histogram) KW_REQUIRES(mutex_);
    void note_time(int64_t time) KW_REQUIRES(mutex_);
    void seal_rows(Group& group) KW_REQUIRES(mutex_);
    void seal_own(Own& own) KW_REQUIRES(mutex_);
    // How many of `samples` make a chunk, and how many stay open behind.
    static size_t seal_size(const SampleColumns& samples) {
        return samples.histograms.empty() ? kSealSamples : kSealHistograms;
    }
    static size_t open_size(const SampleColumns& samples) {
        return samples.histograms.empty() ? kOpenSamples : kOpenHistograms;
    }
    // Brings `late` to its place among the others.
    void merge_late(Own& own) KW_REQUIRES(mutex_);
    // Cuts what stands up to `until`, `late` not looked at.
    void cut_own(Own& own, int64_t until) KW_REQUIRES(mutex_);
    bool has_samples(const Group& group, uint32_t column) const KW_REQUIRES(mutex_);
    void free_column(uint32_t group, uint32_t column) KW_REQUIRES(mutex_);
    void add_chunk(uint64_t bytes) KW_REQUIRES(mutex_);
    void remove_chunk(uint64_t bytes) KW_REQUIRES(mutex_);

    mutable Mutex mutex_;
    uint64_t next_serial_ KW_GUARDED_BY(mutex_) = 1;
    SerialTable<Place> places_ KW_GUARDED_BY(mutex_);
    std::vector<Group> groups_ KW_GUARDED_BY(mutex_);
    std::vector<uint32_t> free_groups_ KW_GUARDED_BY(mutex_);
    // The group of each key that takes new series.
    boost::unordered_flat_map<uint64_t, uint32_t> group_by_key_ KW_GUARDED_BY(mutex_);
    OwnMap own_ KW_GUARDED_BY(mutex_);
    std::vector<Place*> batch_places_ KW_GUARDED_BY(mutex_);  // of the rows of one append()
    SampleColumns scratch_ KW_GUARDED_BY(mutex_);
    SampleColumns merge_scratch_ KW_GUARDED_BY(mutex_);

    bool frozen_ KW_GUARDED_BY(mutex_) = false;
    int64_t frozen_until_ KW_GUARDED_BY(mutex_) = INT64_MIN;
    int64_t floor_ KW_GUARDED_BY(mutex_) =
        INT64_MIN;  // the greater of dropped_ and, while frozen, frozen_until_
    int64_t dropped_ KW_GUARDED_BY(mutex_) = INT64_MIN;
    TimeRange range_ KW_GUARDED_BY(mutex_){Millis::max(), Millis::min()};
    uint64_t open_cells_ KW_GUARDED_BY(mutex_) = 0;
    uint64_t sealed_bytes_ KW_GUARDED_BY(mutex_) = 0;
    uint64_t chunk_count_ KW_GUARDED_BY(mutex_) = 0;
};

}  // namespace kw::tsdb
