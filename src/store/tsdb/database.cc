#include "tsdb/database.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tsdb/head.h"
#include "tsdb/wal.h"
#include "tsdb/wal_replay.h"

namespace kw::tsdb {
namespace {

class Selection final : public SelectedSeries {
 public:
    Selection(std::unique_ptr<HeadSelection> head, MemoryBudget& budget)
        : head_(std::move(head)), memory_(budget) {}

    Result<void> reserve() { return memory_.grow(head_->bytes()); }

    size_t size() const override { return head_->size(); }
    const LabelSet& labels(size_t index) const override { return head_->labels(index); }
    Result<void> read(size_t index, SampleColumns& out) const override {
        return head_->read(index, out);
    }
    uint64_t samples_estimate() const override {
        uint64_t sum = 0;
        for (size_t i = 0; i < head_->size(); ++i) sum += head_->samples_estimate(i);
        return sum;
    }

 private:
    const std::unique_ptr<HeadSelection> head_;
    MemoryReservation memory_;
};

class HeadReceiver final : public WalReceiver {
 public:
    explicit HeadReceiver(Head& head) : head_(head) {}

    Result<void> on_series(DecodedSeries& series) override {
        return head_.restore_series(series.id, series.labels);
    }
    Result<uint64_t> on_samples(const DecodedSamples& samples) override {
        return head_.restore_samples(samples.rows());
    }
    Result<void> on_chunk(WalRecordKind, ByteView) override {
        return unsupported("sealed samples in the log");
    }
    std::string describe_series(uint64_t id) const override {
        const LabelSet labels = head_.labels_of(id);
        return labels.empty() ? std::string() : labels.to_string();
    }

 private:
    Head& head_;
};

// Creates `path` with its parents so that a power cut does not take them away again.
Result<void> create_durable(fs::FileSystem& files, const fs::Path& path) {
    const size_t slash = path.rfind('/');
    const fs::Path parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    KW_TRY_ASSIGN(const bool there, files.exists(parent));
    if (!there) KW_TRY(create_durable(files, parent));
    KW_TRY(files.create_directories(path));
    return files.sync_directory(parent);
}

void cut_to(std::vector<std::string>& list, uint64_t limit) {
    if (limit != 0 && list.size() > limit) list.resize(limit);
}

}  // namespace

Database::Database(Environment& env, const Options& options)
    : env_(env),
      options_(options),
      head_(std::make_unique<Head>(Head::Options{options.series_max})) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(Environment& env, const Options& options,
                                                 WalReplayProgress* progress) {
    WalReplayProgress unwatched;
    std::unique_ptr<Database> database(new Database(env, options));
    KW_TRY(database->start(progress != nullptr ? *progress : unwatched));
    return database;
}

Result<void> Database::start(WalReplayProgress& progress) {
    const fs::Path wal_path = fs::join(options_.path, "wal");
    KW_TRY(create_durable(env_.files, wal_path));
    KW_TRY_ASSIGN(lock_, env_.files.lock(fs::join(options_.path, "lock")));
    const int64_t begin = env_.clock.steady_ns();
    HeadReceiver receiver(*head_);
    KW_TRY_ASSIGN(const WalReplayResult replayed, replay_wal(env_, wal_path, receiver, progress));
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
    KW_TRY_ASSIGN(wal_, Wal::create(env_, wal_path, replayed.next, wal_options));
    head_->set_log(wal_.get());
    return {};
}

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
    KW_TRY_ASSIGN(auto head, head_->select(matchers, range, hints.series_limit, cancel));
    auto selection = std::make_unique<Selection>(std::move(head), budget);
    KW_TRY(selection->reserve());
    // What a query returns survives a crash of the process. A broken log has said so elsewhere.
    (void)wal_->write(wal_->end()).ok();
    return std::unique_ptr<SelectedSeries>(std::move(selection));
}

Result<std::vector<std::string>> Database::label_names(const std::vector<Matcher>& matchers,
                                                       const TimeRange& range, uint64_t limit,
                                                       const CancelToken& cancel) {
    if (!head_->range().overlaps(range)) return std::vector<std::string>();
    KW_TRY_ASSIGN(auto names, head_->label_names(matchers, cancel));
    cut_to(names, limit);
    return names;
}

Result<std::vector<std::string>> Database::label_values(std::string_view name,
                                                        const std::vector<Matcher>& matchers,
                                                        const TimeRange& range, uint64_t limit,
                                                        const CancelToken& cancel) {
    if (!head_->range().overlaps(range)) return std::vector<std::string>();
    KW_TRY_ASSIGN(auto values, head_->label_values(name, matchers, cancel));
    cut_to(values, limit);
    return values;
}

Result<StoreStats> Database::stats(uint64_t limit) { return head_->stats(limit); }

}  // namespace kw::tsdb
