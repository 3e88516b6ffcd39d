// Head: the newest samples, in memory.
//
//   labels ──ref_of()──▶ HeadIndex ──▶ id          id = serial number · 16 + shard
//   rows   ──append()──▶ HeadShard of the id       one lock for each shard that a batch touches
//   matchers ─select()─▶ HeadIndex ──▶ ids ──▶ a ShardSnapshot of the matched series of each shard
//   old samples ─freeze() … series() … read_frozen()─▶ a block, then drop(), or thaw() when that failed
//
// Shards are chosen by what is written together: the hash of (job, instance), or of all labels where one
// of the two is missing.
// Locks: the index's, then one shard's; never two shards' at once.
// Threads: all members from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "contract/metric_store.h"
#include "tsdb/head_index.h"
#include "tsdb/head_shard.h"

namespace kw::tsdb {

// What select() found in the head: labels and samples of its moment.
class HeadSelection final {
 public:
    size_t size() const { return series_.size(); }
    const LabelSet& labels(size_t index) const { return series_[index].labels; }
    // The labels, which are then gone from here.
    LabelSet take_labels(size_t index) { return std::move(series_[index].labels); }
    // Replaces `out`. Errors: kCorrupt.
    Result<void> read(size_t index, SampleColumns& out) const;
    uint64_t samples_estimate(size_t index) const;
    uint64_t bytes() const;

 private:
    friend class Head;
    struct Series {
        LabelSet labels;
        uint32_t shard = 0;
        uint32_t index = 0;  // in the shard's snapshot
    };
    std::vector<Series> series_;  // sorted by labels
    std::array<ShardSnapshot, kShardCount> shards_;
};

struct HeadSeries {
    LabelSet labels;
    uint64_t id = 0;
};

// The hash of what is written together with a series of these labels, whose hash is `hash`.
uint64_t group_key_of(const LabelSet& labels, uint64_t hash);

class Head final {
 public:
    struct Options {
        // Series in memory at once. 10 million cost some 10 GB with two hours of samples.
        uint64_t series_max = 10'000'000;
    };

    explicit Head(const Options& options) : options_(options) {}

    // Logs what is written from now on; null: nothing. The log outlives the writing.
    void set_log(Wal* wal) { wal_ = wal; }
    // What a replay delivers: as ref_of() and append(), without a log.
    Result<void> restore_series(uint64_t id, const LabelSet& labels) KW_EXCLUDES(index_mutex_);
    // Returns how many rows name a series that is not known.
    uint64_t restore_samples(const ShardRows& rows);
    // Empty when there is none.
    LabelSet labels_of(uint64_t id) const KW_EXCLUDES(index_mutex_);

    // Errors: kExhausted (series_max), kUnavailable (the log).
    Result<SeriesRef> ref_of(const LabelSet& labels) KW_EXCLUDES(index_mutex_);

    // As MetricStore::append(), but for durability: when it returns the rows are in the log's queue. Times
    // outside of `accepted` are refused.
    Result<AppendResult> append(const SampleBatch& batch, const TimeRange& accepted);

    // The matching series with samples in `range`, sorted by labels.
    // Errors: kCancelled, kTimeout, kExhausted (more than `series_limit`, when it is not 0).
    Result<std::unique_ptr<HeadSelection>> select(const std::vector<Matcher>& matchers,
                                                  const TimeRange& range, uint64_t series_limit,
                                                  const CancelToken& cancel) const
        KW_EXCLUDES(index_mutex_);

    // Sorted, of the series that match, whatever their time.
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                 const CancelToken& cancel) const
        KW_EXCLUDES(index_mutex_);
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const std::vector<Matcher>& matchers,
                                                  const CancelToken& cancel) const
        KW_EXCLUDES(index_mutex_);

    StoreStats stats(uint64_t limit) const KW_EXCLUDES(index_mutex_);
    uint64_t series_count() const KW_EXCLUDES(index_mutex_);
    // Of all samples, perhaps somewhat wider; empty (max < min) when there are none.
    TimeRange range() const;
    // Of samples, without tables.
    uint64_t sample_bytes() const;
    uint64_t chunk_count() const;

    // From here to state(): one thread, that of upkeep.
    // Samples up to `until` stay as they are from now on; later ones for that time wait.
    void freeze(int64_t until);
    // The windows of `span_ms`, aligned to the epoch, that hold samples up to `until`, by their numbers.
    Result<std::set<int64_t>> windows(int64_t until, int64_t span_ms) const;
    // All series, sorted by labels.
    std::vector<HeadSeries> series() const KW_EXCLUDES(index_mutex_);
    // Replaces `out` by the frozen samples of a series in `range`. Errors: kCorrupt.
    Result<void> read_frozen(uint64_t id, const TimeRange& range, SampleColumns& out) const;
    // Forgets what is frozen, and series without samples left; returns how many series went.
    uint64_t drop() KW_EXCLUDES(index_mutex_);
    // Nothing is frozen any more, and all stays.
    void thaw();
    // Calls `take` with records that, replayed, make the head as it is, or a little later.
    // Errors: kCorrupt, those of `take`.
    Result<void> state(const std::function<Result<void>(ByteView record)>& take) const
        KW_EXCLUDES(index_mutex_);

 private:
    const Options options_;
    Wal* wal_ = nullptr;
    mutable SharedMutex index_mutex_;
    HeadIndex index_ KW_GUARDED_BY(index_mutex_);
    // Ids that a replay met for labels that have another id already: a series that was dropped and came
    // again between two checkpoints. Only used by replays.
    boost::unordered_flat_map<uint64_t, uint64_t> same_series_;
    std::array<HeadShard, kShardCount> shards_;
};

}  // namespace kw::tsdb
