// Database: the embedded engine for samples. Implements MetricStore.
//
//   append ──▶ Head (memory) and Wal (disk)
//   select ──▶ Head ──▶ one ascending run of samples for each series
//
// On disk, under `path`:
//     lock     held by the process that has the store open
//     wal/     write-ahead log, docs/formats/wal.md
//
// Threads: all members from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/fs/file_system.h"
#include "contract/metric_store.h"

namespace kw::tsdb {

class Head;
class Wal;
struct WalReplayProgress;

enum class WalSync : unsigned char {
    kAcked,     // a push is acknowledged after the flush that holds it
    kInterval,  // after it was written; flushed within 100 ms
};

struct Options {
    fs::Path path = "data/metrics";
    // How long samples are kept, milliseconds; 0: for ever. 15 days as Prometheus.
    int64_t retention_ms = int64_t{15} * 24 * 3600 * 1000;
    // Samples further in the future are refused: a clock that is wrong by hours must not move the window
    // of what is new. An hour forgives a wrong time zone rule less than it helps to find one.
    int64_t ahead_ms_max = 3600 * 1000;
    // Series in memory at once; some kilobyte each.
    uint64_t series_max = 10'000'000;
    WalSync wal_sync = WalSync::kAcked;
    // See Wal::Options.
    uint64_t wal_segment_bytes_max = 128 << 20;
    uint64_t wal_waiting_bytes_max = 64 << 20;
    // Flushes, blocks, retention by threads of its own. Without, the owner calls flush().
    bool background = true;
};

class Database final : public MetricStore {
 public:
    // Opens the store under `options.path`, creating it if absent; returns when the log is replayed, and
    // tells `progress` meanwhile, when it is not null. `env` and `progress` outlive the store.
    // Errors: kConflict (another process has it open), kUnsupported (written by a newer version),
    // kUnavailable (I/O).
    static Result<std::unique_ptr<Database>> open(Environment& env, const Options& options,
                                                  WalReplayProgress* progress = nullptr);
    ~Database() override;

    Result<SeriesRef> ref_of(const LabelSet& labels) override;
    Result<AppendResult> append(const SampleBatch& batch) override;
    Result<std::unique_ptr<SelectedSeries>> select(const std::vector<Matcher>& matchers,
                                                   const TimeRange& range,
                                                   const SelectHints& hints,
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

    // Makes everything appended so far durable. Errors: kUnavailable.
    Result<void> flush();

 private:
    Database(Environment& env, const Options& options);
    Result<void> start(WalReplayProgress& progress);
    TimeRange accepted_range() const;

    Environment& env_;
    const Options options_;
    std::unique_ptr<fs::FileLock> lock_;
    const std::unique_ptr<Head> head_;
    std::unique_ptr<Wal> wal_;
};

}  // namespace kw::tsdb
