#include "tsdb/database.h"

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tsdb/block_set.h"
#include "tsdb/exemplar_buffer.h"
#include "tsdb/head.h"
#include "tsdb/label_search.h"
#include "tsdb/wal.h"
#include "tsdb/wal_replay.h"

namespace kw::tsdb {
namespace {

// What the log had goes to the head and the exemplars.
class HeadReceiver final : public WalReceiver {
 public:
    HeadReceiver(Head& head, ExemplarBuffer& exemplars) : head_(head), exemplars_(exemplars) {}

    Result<void> on_series(DecodedSeries& series) override {
        return head_.restore_series(series.id, series.labels);
    }
    Result<uint64_t> on_samples(const DecodedSamples& samples) override {
        return head_.restore_samples(samples.rows());
    }
    void on_exemplars(DecodedExemplars& exemplars) override { exemplars_.restore(exemplars); }
    std::string describe_series(uint64_t id) const override {
        const LabelSet labels = head_.labels_of(id);
        return labels.empty() ? std::string() : labels.to_string();
    }

 private:
    Head& head_;
    ExemplarBuffer& exemplars_;
};

// Creates `path` with its parents so that a power cut does not take them away again.
Result<void> create_durable(fs::FileSystem& files, const fs::Path& path) {
    const size_t slash = path.rfind('/');
    const fs::Path parent = slash == std::string::npos ? "."
                            : slash == 0               ? "/"
                                                       : path.substr(0, slash);
    KW_TRY_ASSIGN(const bool there, files.exists(parent));
    if (!there) KW_TRY(create_durable(files, parent));
    KW_TRY(files.create_directories(path));
    return files.sync_directory(parent);
}

// A second to an hour: a small window to the longest merge.
std::vector<double> compaction_bounds() {
    return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
}

std::vector<std::string> first_of(const std::set<std::string>& texts, uint64_t limit) {
    std::vector<std::string> first;
    for (const std::string& text : texts) {
        if (limit != 0 && first.size() == limit) break;
        first.push_back(text);
    }
    return first;
}

}  // namespace

Database::Instruments::Instruments(MetricRegistry& registry)
    : head_series(registry.gauge("prometheus_tsdb_head_series", "Series in the head.")),
      head_chunks(registry.gauge("prometheus_tsdb_head_chunks", "Chunks in the head.")),
      head_bytes(registry.gauge("kilowatch_tsdb_head_sample_bytes",
                                "Memory of the head's samples, without its index.")),
      head_min_time(registry.gauge("prometheus_tsdb_head_min_time",
                                   "Minimum time of the head, milliseconds.")),
      head_max_time(registry.gauge("prometheus_tsdb_head_max_time",
                                   "Maximum time of the head, milliseconds.")),
      lowest_timestamp(registry.gauge("prometheus_tsdb_lowest_timestamp",
                                      "Time of the oldest sample, milliseconds.")),
      blocks_loaded(registry.gauge("prometheus_tsdb_blocks_loaded", "Blocks that are served.")),
      blocks_bytes(registry.gauge("prometheus_tsdb_storage_blocks_bytes", "Bytes of all blocks.")),
      series_removed(registry.counter("prometheus_tsdb_head_series_removed_total",
                                      "Series that left the head.")),
      truncations(registry.counter("prometheus_tsdb_head_truncations_total",
                                   "Times that samples left the head for blocks.")),
      truncations_failed(registry.counter("prometheus_tsdb_head_truncations_failed_total",
                                          "Times that blocks of the head could not be written.")),
      checkpoints(registry.counter("prometheus_tsdb_checkpoint_creations_total",
                                   "Checkpoints of the write-ahead log.")),
      checkpoints_failed(registry.counter("prometheus_tsdb_checkpoint_creations_failed_total",
                                          "Checkpoints of the write-ahead log that failed.")),
      compactions(registry.counter("prometheus_tsdb_compactions_total", "Merges of blocks.")),
      compactions_failed(registry.counter("prometheus_tsdb_compactions_failed_total",
                                          "Merges of blocks that failed.")),
      time_retentions(registry.counter("prometheus_tsdb_time_retentions_total",
                                       "Blocks deleted since they were too old.")),
      size_retentions(registry.counter("prometheus_tsdb_size_retentions_total",
                                       "Blocks deleted since all were too large.")),
      compaction_seconds(registry.histogram("prometheus_tsdb_compaction_duration_seconds",
                                            "Duration of a merge of blocks.",
                                            compaction_bounds())) {}

Database::Database(Environment& env, const Options& options)
    : env_(env),
      options_(options),
      wal_path_(fs::join(options.path, "wal")),
      blocks_path_(fs::join(options.path, "blocks")),
      instruments_(env.metrics),
      head_(std::make_unique<Head>(Head::Options{options.series_max})),
      exemplars_(std::make_unique<ExemplarBuffer>(env, options.exemplars_max)),
      blocks_(std::make_shared<BlockList>()) {}

Database::~Database() {
    going_.cancel();
    if (upkeep_thread_.joinable()) {
        upkeep_thread_.request_stop();
        {
            MutexLock lock(wake_mutex_);
            wake_.notify_all();
        }
        upkeep_thread_.join();
    }
}

Result<std::unique_ptr<Database>> Database::open(Environment& env, const Options& options,
                                                 WalReplayProgress* progress) {
    WalReplayProgress unwatched;
    std::unique_ptr<Database> database(new Database(env, options));
    KW_TRY(database->start(progress != nullptr ? *progress : unwatched));
    return database;
}

Result<void> Database::start(WalReplayProgress& progress) {
    KW_TRY(create_durable(env_.files, wal_path_));
    KW_TRY(create_durable(env_.files, blocks_path_));
    KW_TRY_ASSIGN(lock_, env_.files.lock(fs::join(options_.path, "lock")));
    KW_TRY_ASSIGN(const OpenedBlocks opened, open_blocks(env_.files, blocks_path_));
    for (const DamagedBlock& damaged : opened.damaged) {
        env_.log.error("a damaged block is set aside",
                       {{"block", damaged.name}, {"error", damaged.error.message}});
    }
    publish({}, opened.blocks);
    const int64_t begin = env_.clock.steady_ns();
    HeadReceiver receiver(*head_, *exemplars_);
    KW_TRY_ASSIGN(const WalReplayResult replayed, replay_wal(env_, wal_path_, receiver, progress));
    env_.metrics
        .counter("prometheus_tsdb_wal_corruptions_total", "Damages met in the write-ahead log.")
        .add(replayed.damages);
    const double seconds = static_cast<double>(env_.clock.steady_ns() - begin) * 1e-9;
    env_.metrics
        .gauge("prometheus_tsdb_data_replay_duration_seconds", "Time the replay at start-up took.")
        .set(seconds);
    env_.log.info("write-ahead log replayed",
                  {{"records", std::to_string(replayed.records)},
                   {"series", std::to_string(head_->series_count())},
                   {"rows_of_lost_series", std::to_string(replayed.rows_unknown)},
                   {"seconds", fmt::format("{:.3f}", seconds)}});
    Wal::Options wal_options;
    wal_options.segment_bytes_max = options_.wal_segment_bytes_max;
    wal_options.retained_bytes_max = options_.wal_waiting_bytes_max;
    wal_options.start_flusher = options_.background;
    KW_TRY_ASSIGN(wal_, Wal::create(env_, wal_path_, replayed.next, wal_options));
    head_->set_log(wal_.get());
    exemplars_->set_log(*wal_, options_.wal_sync == WalSync::kAcked);
    update_gauges();
    if (options_.background) {
        upkeep_thread_ = std::jthread([this](const std::stop_token& stop) { run_upkeep(stop); });
    }
    return {};
}

bool Database::is_writable() const { return !wal_->is_broken(); }

Result<void> Database::flush() { return wal_->flush(); }

TimeRange Database::accepted_range() const {
    const Millis now = env_.clock.now();
    TimeRange range;
    if (options_.retention_ms != 0) range.min = now - options_.retention_ms;
    range.max = now + options_.ahead_ms_max;
    return range;
}

Result<SeriesRef> Database::ref_of(const LabelSet& labels) { return head_->ref_of(labels); }

Result<AppendResult> Database::append(const SampleBatch& batch) {
    const bool acked =
        batch.durability == Durability::kAcked && options_.wal_sync == WalSync::kAcked;
    KW_TRY(wal_->check(batch.durability == Durability::kAcked));
    KW_TRY_ASSIGN(AppendResult result, head_->append(batch, accepted_range()));
    // Up to the end: a row that was there already may stand in a record that is still on its way.
    const WalPosition position = wal_->end();
    if (acked) {
        KW_TRY(wal_->sync(position));
    } else if (Result<void> written = wal_->write(position); !written.ok()) {
        // Nobody waits for samples of kSoon: they stay in memory until the disk takes them.
        if (batch.durability == Durability::kAcked) return std::move(written).error();
    }
    return result;
}

Result<std::unique_ptr<SelectedSeries>> Database::select(const std::vector<Matcher>& matchers,
                                                         const TimeRange& range,
                                                         const SelectHints& hints,
                                                         const CancelToken& cancel,
                                                         MemoryBudget& budget) {
    // The head before the list of blocks: what moves from one to the other meanwhile is in both, and never in none.
    KW_TRY_ASSIGN(auto head, head_->select(matchers, range, hints.series_limit, cancel));
    KW_TRY_ASSIGN(auto selection, Selection::make(std::move(head), *blocks(), matchers, range,
                                                  hints.series_limit, cancel, budget));
    // What a query returns survives a crash of the process. A broken log has said so elsewhere.
    (void)wal_->write(wal_->end()).ok();
    return std::unique_ptr<SelectedSeries>(std::move(selection));
}

Result<std::vector<std::string>> Database::label_names(const std::vector<Matcher>& matchers,
                                                       const TimeRange& range, uint64_t limit,
                                                       const CancelToken& cancel) {
    std::set<std::string> names;
    if (head_->range().overlaps(range)) {
        KW_TRY_ASSIGN(auto found, head_->label_names(matchers, cancel));
        names.insert(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    const auto blocks = this->blocks();
    for (const auto& block : *blocks) {
        if (!block->meta().range.overlaps(range)) continue;
        std::vector<std::string> found;
        block->visit_names([&](std::string_view name) { found.emplace_back(name); });
        if (!matchers.empty()) {
            KW_TRY_ASSIGN(found, names_of(*block, found, matchers, cancel));
        }
        names.insert(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    return first_of(names, limit);
}

Result<std::vector<std::string>> Database::label_values(std::string_view name,
                                                        const std::vector<Matcher>& matchers,
                                                        const TimeRange& range, uint64_t limit,
                                                        const CancelToken& cancel) {
    std::set<std::string> values;
    if (head_->range().overlaps(range)) {
        KW_TRY_ASSIGN(auto found, head_->label_values(name, matchers, cancel));
        values.insert(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    const auto blocks = this->blocks();
    for (const auto& block : *blocks) {
        if (!block->meta().range.overlaps(range)) continue;
        KW_TRY_ASSIGN(auto found, values_of(*block, name, matchers, cancel));
        values.insert(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    return first_of(values, limit);
}

Result<StoreStats> Database::stats(uint64_t limit) { return head_->stats(limit); }

}  // namespace kw::tsdb
