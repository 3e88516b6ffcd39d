// Database: the embedded engine for samples. Implements MetricStore; has an ExemplarStore.
//
//   append ──▶ Head (memory) and Wal (disk)
//                └─ every two hours ─▶ a block ─ compaction ─▶ longer blocks ─ retention ─▶ gone
//   select ──▶ Head and blocks ──▶ one ascending run of samples for each series
//   exemplars: a buffer in memory and the log, whose checkpoints have it whole
//
// On disk, under `path`:
//     lock     held by the process that has the store open
//     wal/     write-ahead log, docs/formats/wal.md
//     blocks/  docs/formats/block.md
//
// upkeep() moves samples on: what is older than half an hour after the end of its two-hour window is written as
// blocks, then leaves the head, then a checkpoint lets the log's segments go. Samples are in the head, in a
// block, or (for a moment) in both; readers look at the head first, so that they never see them in neither.
//
// Threads: all members from any thread.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/fs/file_system.h"
#include "base/mutex.h"
#include "contract/metric_store.h"
#include "tsdb/selection.h"

namespace kw {
class Counter;
class Gauge;
class HistogramMetric;
}  // namespace kw

namespace kw::tsdb {

class ExemplarBuffer;
class Head;
class Wal;
struct BlockMeta;
struct WalReplayProgress;

enum class WalSync : unsigned char {
    kAcked,     // a push is acknowledged after the flush that holds it
    kInterval,  // after it was written; flushed within 100 ms
};

struct Options {
    fs::Path path = "data/metrics";
    // How long samples are kept, milliseconds; 0: for ever. 15 days as Prometheus.
    int64_t retention_ms = int64_t{15} * 24 * 3600 * 1000;
    // The most that blocks and the log may take on disk, bytes; 0: no limit. The oldest blocks go first.
    uint64_t retention_bytes = 0;
    // Samples further in the future are refused: a clock that is wrong by hours must not move the window
    // of what is new. An hour forgives a wrong time zone rule less than it helps to find one.
    int64_t ahead_ms_max = 3600 * 1000;
    // How long after the end of its window a sample may still come without making a block of its own.
    int64_t late_ms = 1800 * 1000;
    // Samples that come later than that are written as blocks of their own, this seldom, or when the head has
    // doubled: each such block overlaps others and costs a merge.
    int64_t late_flush_interval_ms = 900 * 1000;
    // Series in memory at once; some kilobyte each.
    uint64_t series_max = 10'000'000;
    // Exemplars that are kept; 0: none.
    uint64_t exemplars_max = 100'000;
    // Exemplars in the log since its last checkpoint, bytes, that make another one due: they do not wait for samples,
    // of which there may be none. Some five million.
    uint64_t exemplar_log_bytes_max = 1 << 30;
    WalSync wal_sync = WalSync::kAcked;
    // See Wal::Options.
    uint64_t wal_segment_bytes_max = 128 << 20;
    uint64_t wal_waiting_bytes_max = 64 << 20;
    // Flushes and upkeep by threads of its own. Without, the owner calls flush() and upkeep().
    bool background = true;
};

class Database final : public MetricStore {
 public:
    // Opens the store under `options.path`, creating it if absent; returns when the log is replayed, and
    // tells `progress` meanwhile, when it is not null. `env` and `progress` outlive the store. A damaged block is
    // set aside and reported; the others are served.
    // Errors: kConflict (another process has it open), kUnsupported (written by a newer version),
    // kUnavailable (I/O).
    static Result<std::unique_ptr<Database>> open(Environment& env, const Options& options,
                                                  WalReplayProgress* progress = nullptr);
    ~Database() override;

    Result<SeriesRef> ref_of(const LabelSet& labels) override;
    Result<AppendResult> append(const SampleBatch& batch) override;
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                   const TimeRange& range, const SelectHints& hints,
                                                   const CancelToken& cancel,
                                                   MemoryBudget& budget) override;
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers,
                                                 const TimeRange& range, uint64_t limit,
                                                 const CancelToken& cancel) override;
    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const std::vector<Matcher>& matchers,
                                                  const TimeRange& range, uint64_t limit,
                                                  const CancelToken& cancel) override;
    Result<StoreStats> stats(uint64_t limit) override;

    // As long as the store.
    ExemplarBuffer& exemplars() const { return *exemplars_; }

    // Whether what is appended can be made durable: not while the disk refuses the log. True again by itself.
    bool is_writable() const;

    // Makes everything appended so far durable. Errors: kUnavailable.
    Result<void> flush();

    // Does what is due of: blocks from the head, a checkpoint, merging blocks, deleting what is past its retention.
    // An error leaves everything served as before; the next call tries again.
    // Errors: kExhausted, kUnavailable (disk), kCancelled (the store is going).
    Result<void> upkeep() KW_EXCLUDES(upkeep_mutex_, blocks_mutex_);

    // Deletes the samples in `range` of the series that meet all of `matchers`, as far as they were appended before the
    // call. When it returns they are gone from memory and from the disk. Blocks that hold some are written again, and
    // so is the head: some minutes for large stores, meanwhile the store serves and takes samples.
    // After an error some may be gone. Errors: kExhausted, kUnavailable (disk), kCorrupt, kCancelled.
    Result<void> delete_series(const std::vector<Matcher>& matchers, const TimeRange& range)
        KW_EXCLUDES(upkeep_mutex_, blocks_mutex_);

    // Writes what is stored at this moment to `directory`, which a store can be opened on; with_head: also what is in
    // memory yet. Blocks are hard-linked: `directory` is on the same file system. Its name in its parent is the
    // caller's to make durable, and after an error what was written is the caller's to remove.
    // Errors: kExhausted, kUnavailable (disk), kConflict (it is there already), kCancelled.
    Result<void> snapshot(const fs::Path& directory, bool with_head)
        KW_EXCLUDES(upkeep_mutex_, blocks_mutex_);

    // The blocks, by generation.
    std::shared_ptr<const BlockList> blocks() const KW_EXCLUDES(blocks_mutex_);

 private:
    struct Instruments {
        explicit Instruments(MetricRegistry& registry);
        Gauge& head_series;
        Gauge& head_chunks;
        Gauge& head_bytes;
        Gauge& head_min_time;
        Gauge& head_max_time;
        Gauge& lowest_timestamp;
        Gauge& blocks_loaded;
        Gauge& blocks_bytes;
        Counter& series_removed;
        Counter& truncations;
        Counter& truncations_failed;
        Counter& checkpoints;
        Counter& checkpoints_failed;
        Counter& compactions;
        Counter& compactions_failed;
        Counter& time_retentions;
        Counter& size_retentions;
        HistogramMetric& compaction_seconds;
    };

    Database(Environment& env, const Options& options);
    Result<void> start(WalReplayProgress& progress);
    TimeRange accepted_range() const;

    // database_upkeep.cc
    void run_upkeep(const std::stop_token& stop);
    bool flush_is_due(int64_t until) const KW_REQUIRES(upkeep_mutex_);
    // Samples up to `until` leave the head for blocks.
    Result<void> flush_head(int64_t until) KW_REQUIRES(upkeep_mutex_);
    // The blocks of what is frozen, under `directory`. What was written before an error is in `written`.
    Result<void> write_frozen(const fs::Path& directory, int64_t until, BlockList& written)
        KW_REQUIRES(upkeep_mutex_);
    Result<void> write_log_checkpoint() KW_REQUIRES(upkeep_mutex_);
    Result<void> compact() KW_REQUIRES(upkeep_mutex_);
    Result<void> merge_blocks(const BlockList& merged) KW_REQUIRES(upkeep_mutex_);
    Result<void> delete_expired() KW_REQUIRES(upkeep_mutex_);
    // Replaces the blocks `gone` by `come` for those that read from now on.
    void publish(const BlockList& gone, const BlockList& come) KW_EXCLUDES(blocks_mutex_);
    // database_admin.cc
    Result<void> delete_samples(const std::vector<Matcher>& matchers, const TimeRange& range)
        KW_REQUIRES(upkeep_mutex_);
    // Removes blocks that are on the disk and not served: an error came between a merge, or a flush, and what follows.
    // All they hold is in others or in the head; a start-up could serve them again.
    Result<void> remove_unserved() KW_REQUIRES(upkeep_mutex_);
    Result<void> delete_from_block(const std::shared_ptr<const BlockReader>& block,
                                   const std::vector<Matcher>& matchers, const TimeRange& range)
        KW_REQUIRES(upkeep_mutex_);

    std::string new_block_name() KW_REQUIRES(upkeep_mutex_);
    uint64_t next_generation() const;
    void update_gauges();

    Environment& env_;
    const Options options_;
    const fs::Path wal_path_;
    const fs::Path blocks_path_;
    const Instruments instruments_;
    std::unique_ptr<fs::FileLock> lock_;
    const std::unique_ptr<Head> head_;
    const std::unique_ptr<ExemplarBuffer> exemplars_;
    std::unique_ptr<Wal> wal_;

    mutable Mutex blocks_mutex_;
    std::shared_ptr<const BlockList> blocks_ KW_GUARDED_BY(blocks_mutex_);

    Mutex upkeep_mutex_;  // taken before blocks_mutex_
    int64_t flushed_until_ KW_GUARDED_BY(upkeep_mutex_) = INT64_MIN;
    int64_t flushed_at_ns_ KW_GUARDED_BY(upkeep_mutex_) = 0;
    uint64_t bytes_after_flush_ KW_GUARDED_BY(upkeep_mutex_) = 0;
    bool checkpoint_due_ KW_GUARDED_BY(upkeep_mutex_) = false;
    // Of those that the last checkpoint stands for, exemplars_->logged_bytes().
    uint64_t exemplar_bytes_covered_ KW_GUARDED_BY(upkeep_mutex_) = 0;

    CancelToken going_;  // the store goes: long work ends
    Mutex wake_mutex_;
    CondVar wake_;
    std::jthread upkeep_thread_;  // last: stops before the rest goes
};

}  // namespace kw::tsdb
