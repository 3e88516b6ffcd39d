// Database: what moves samples on, from the head to blocks, to longer blocks, and away.
#include <algorithm>
#include <chrono>
#include <random>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tsdb/block_format.h"
#include "tsdb/block_set.h"
#include "tsdb/block_writer.h"
#include "tsdb/compactor.h"
#include "tsdb/database.h"
#include "tsdb/exemplar_buffer.h"
#include "tsdb/head_source.h"
#include "tsdb/wal.h"
#include "tsdb/wal_checkpoint.h"

namespace kw::tsdb {
namespace {

constexpr std::chrono::seconds kUpkeepInterval{10};
constexpr std::chrono::seconds kRetryInterval{60};
// A head that grew by this and doubled is flushed before its time, when there is something to flush.
constexpr uint64_t kPressureBytes = 256 << 20;
// Samples of many years that come at once become at most so many blocks.
constexpr size_t kWindowsMax = 200;

// The windows with samples up to `until`, as ranges: of the shortest span of blocks with which they are not too many.
Result<std::vector<TimeRange>> windows_of(const Head& head, int64_t until,
                                          const CompactionOptions& options) {
    const std::vector<int64_t> spans = compaction_spans_ms(options);
    std::set<int64_t> numbers;
    int64_t span = spans.front();
    for (const int64_t next : spans) {
        span = next;
        KW_TRY_ASSIGN(numbers, head.windows(until, span));
        if (numbers.size() <= kWindowsMax) break;
    }
    std::vector<TimeRange> ranges;
    for (const int64_t number : numbers) {
        const int64_t begin = number * span;
        ranges.push_back({Millis{begin}, Millis{std::min(begin + (span - 1), until)}});
    }
    return ranges;
}

}  // namespace

void Database::run_upkeep(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        // An error is logged and counted where it happens.
        const bool done = upkeep().ok();
        MutexLock lock(wake_mutex_);
        if (!stop.stop_requested())
            wake_.wait_for(wake_mutex_, done ? kUpkeepInterval : kRetryInterval);
    }
}

Result<void> Database::upkeep() {
    MutexLock lock(upkeep_mutex_);
    const int64_t until = floor_to(env_.clock.now().count - options_.late_ms, kBlockSpanMsMin) - 1;
    Result<void> result;
    const auto attempt = [&](Result<void> done) {
        if (!done.ok() && result.ok()) result = std::move(done);
    };
    if (flush_is_due(until)) attempt(flush_head(until));
    const uint64_t exemplar_bytes = exemplars_->logged_bytes() - exemplar_bytes_covered_;
    if (checkpoint_due_ || exemplar_bytes > options_.exemplar_log_bytes_max)
        attempt(write_log_checkpoint());
    attempt(compact());
    attempt(delete_expired());
    update_gauges();
    return result;
}

bool Database::flush_is_due(int64_t until) const {
    if (head_->range().min.count > until) return false;
    if (until > flushed_until_) return true;
    const int64_t since_ms = (env_.clock.steady_ns() - flushed_at_ns_) / 1'000'000;
    return since_ms >= options_.late_flush_interval_ms ||
           head_->sample_bytes() > 2 * bytes_after_flush_ + kPressureBytes;
}

Result<void> Database::flush_head(int64_t until) {
    const int64_t begin_ns = env_.clock.steady_ns();
    head_->freeze(until);
    BlockList written;
    Result<void> done = write_frozen(blocks_path_, until, written);
    // What an incomplete flush has written may be served: the head has the same samples still.
    if (!written.empty()) publish({}, written);
    if (!done.ok()) {
        head_->thaw();
        instruments_.truncations_failed.add();
        env_.log.error("samples could not be written as blocks; they stay in memory and in the log",
                       {{"error", done.error().message}});
        return done;
    }
    const uint64_t removed = head_->drop();
    instruments_.truncations.add();
    instruments_.series_removed.add(removed);
    flushed_until_ = until;
    flushed_at_ns_ = env_.clock.steady_ns();
    bytes_after_flush_ = head_->sample_bytes();
    checkpoint_due_ = true;
    uint64_t samples = 0;
    for (const auto& block : written) samples += block->meta().sample_count;
    env_.log.info(
        "samples written as blocks",
        {{"blocks", std::to_string(written.size())},
         {"samples", std::to_string(samples)},
         {"series_removed", std::to_string(removed)},
         {"seconds", fmt::format("{:.3f}", static_cast<double>(flushed_at_ns_ - begin_ns) / 1e9)}});
    return {};
}

Result<void> Database::write_frozen(const fs::Path& directory, int64_t until, BlockList& written) {
    KW_TRY_ASSIGN(const std::vector<TimeRange> windows,
                  windows_of(*head_, until, {kBlockSpanMsMin, options_.retention_ms}));
    const std::vector<HeadSeries> series = head_->series();
    for (const TimeRange& window : windows) {
        HeadSource source(*head_, series, window);
        BlockWriteOptions options;
        options.name = new_block_name();
        options.generation = next_generation() + written.size();
        KW_TRY_ASSIGN(const std::optional<BlockMeta> meta,
                      write_block(env_.files, directory, source, options, going_));
        if (!meta.has_value()) continue;
        KW_TRY_ASSIGN(auto block, BlockReader::open(env_.files, directory, meta->name));
        written.push_back(std::move(block));
    }
    return {};
}

Result<void> Database::write_log_checkpoint() {
    const uint64_t exemplar_bytes = exemplars_->logged_bytes();
    const auto write = [&]() -> Result<uint64_t> {
        KW_TRY_ASSIGN(const uint64_t segment, wal_->roll());
        KW_TRY(
            write_checkpoint(env_.files, wal_path_, segment, [&](const auto& take) -> Result<void> {
                KW_TRY(head_->state(take));
                return exemplars_->state(take);
            }));
        return segment;
    };
    Result<uint64_t> segment = write();
    Result<void> done;
    if (segment.ok()) {
        checkpoint_due_ = false;
        exemplar_bytes_covered_ = exemplar_bytes;
        instruments_.checkpoints.add();
        done = remove_before_checkpoint(env_.files, wal_path_, *segment);
    } else {
        done = std::move(segment).error();
    }
    if (!done.ok()) {
        instruments_.checkpoints_failed.add();
        env_.log.error("no checkpoint of the write-ahead log; older segments stay",
                       {{"error", done.error().message}});
    }
    return done;
}

Result<void> Database::compact() {
    while (true) {
        KW_TRY(going_.check());
        const auto blocks = this->blocks();
        std::vector<BlockMeta> metas;
        for (const auto& block : *blocks) metas.push_back(block->meta());
        const std::vector<size_t> due =
            plan_compaction(metas, {kBlockSpanMsMin, options_.retention_ms});
        if (due.empty()) return {};
        BlockList merged;
        for (const size_t index : due) merged.push_back((*blocks)[index]);
        Result<void> done = merge_blocks(merged);
        if (done.ok()) continue;
        if (done.error().code != Code::kCancelled) {
            instruments_.compactions_failed.add();
            env_.log.error("blocks could not be merged; they are served as they are",
                           {{"error", done.error().message}});
        }
        return done;
    }
}

Result<void> Database::merge_blocks(const BlockList& merged) {
    const int64_t begin_ns = env_.clock.steady_ns();
    const std::string name = new_block_name();
    Result<std::optional<BlockMeta>> meta =
        compact_blocks(env_.files, blocks_path_, merged, name, going_);
    if (!meta.ok() && meta.error().code == Code::kCorrupt) {
        // A parent that cannot be read would be planned again and again.
        for (const auto& block : merged) {
            if (block->verify().ok()) continue;
            env_.log.error("a damaged block is set aside", {{"block", block->meta().name}});
            publish({block}, {});
            KW_TRY(quarantine_block(env_.files, blocks_path_, block->meta().name));
        }
    }
    if (!meta.ok()) return std::move(meta).error();
    BlockList come;
    if (meta->has_value()) {
        KW_TRY_ASSIGN(auto block, BlockReader::open(env_.files, blocks_path_, name));
        come.push_back(std::move(block));
    }
    publish(merged, come);
    // A crash before this is mended at the next start: the new block names its parents.
    for (const auto& block : merged)
        KW_TRY(delete_block(env_.files, blocks_path_, block->meta().name));
    instruments_.compactions.add();
    instruments_.compaction_seconds.observe(static_cast<double>(env_.clock.steady_ns() - begin_ns) /
                                            1e9);
    return {};
}

Result<void> Database::delete_expired() {
    const auto blocks = this->blocks();
    std::vector<BlockMeta> metas;
    for (const auto& block : *blocks) metas.push_back(block->meta());
    uint64_t log_bytes = 0;
    if (options_.retention_bytes != 0) {
        KW_TRY_ASSIGN(const auto entries, env_.files.list(wal_path_));
        for (const fs::DirectoryEntry& entry : entries) log_bytes += entry.size_bytes;
    }
    const Millis now = env_.clock.now();
    for (const std::string& name :
         expired_blocks(metas, now, options_.retention_ms, options_.retention_bytes, log_bytes)) {
        const auto block = std::find_if(blocks->begin(), blocks->end(),
                                        [&](const auto& one) { return one->meta().name == name; });
        const bool too_old =
            options_.retention_ms > 0 && (*block)->meta().range.max < now - options_.retention_ms;
        publish({*block}, {});
        (too_old ? instruments_.time_retentions : instruments_.size_retentions).add();
        env_.log.info("a block is past its retention",
                      {{"block", name}, {"by", too_old ? "time" : "size"}});
        KW_TRY(delete_block(env_.files, blocks_path_, name));
    }
    return {};
}

std::shared_ptr<const BlockList> Database::blocks() const {
    MutexLock lock(blocks_mutex_);
    return blocks_;
}

void Database::publish(const BlockList& gone, const BlockList& come) {
    MutexLock lock(blocks_mutex_);
    auto next = std::make_shared<BlockList>(*blocks_);
    std::erase_if(*next, [&](const auto& block) {
        return std::find(gone.begin(), gone.end(), block) != gone.end();
    });
    next->insert(next->end(), come.begin(), come.end());
    std::sort(next->begin(), next->end(), [](const auto& a, const auto& b) {
        return std::pair(a->meta().generation, a->meta().name) <
               std::pair(b->meta().generation, b->meta().name);
    });
    blocks_ = std::move(next);
}

std::string Database::new_block_name() {
    std::random_device random;
    const auto word = [&] { return uint64_t{random()} << 32 | random(); };
    return make_block_name(env_.clock.now(), word(), word());
}

uint64_t Database::next_generation() const {
    uint64_t generation = 0;
    for (const auto& block : *blocks()) generation = std::max(generation, block->meta().generation);
    return generation + 1;
}

void Database::update_gauges() {
    const TimeRange head_range = head_->range();
    const auto blocks = this->blocks();
    uint64_t bytes = 0;
    Millis lowest = head_range.min;
    for (const auto& block : *blocks) {
        bytes += block->meta().total_bytes();
        lowest = std::min(lowest, block->meta().range.min);
    }
    const auto time_of = [](Millis time, bool there) {
        return there ? static_cast<double>(time.count) : 0.0;
    };
    const bool has_head = head_range.min <= head_range.max;
    instruments_.head_series.set(static_cast<double>(head_->series_count()));
    instruments_.head_chunks.set(static_cast<double>(head_->chunk_count()));
    instruments_.head_bytes.set(static_cast<double>(head_->sample_bytes()));
    instruments_.head_min_time.set(time_of(head_range.min, has_head));
    instruments_.head_max_time.set(time_of(head_range.max, has_head));
    instruments_.lowest_timestamp.set(time_of(lowest, has_head || !blocks->empty()));
    instruments_.blocks_loaded.set(static_cast<double>(blocks->size()));
    instruments_.blocks_bytes.set(static_cast<double>(bytes));
}

}  // namespace kw::tsdb
