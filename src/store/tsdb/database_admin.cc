// Database: what an operator asks for: series deleted, snapshots.
//
// Deleting rewrites what holds the samples, and returns when they are gone from memory and disk: there are no marks
// that later readers would have to heed. Samples that are appended after it returned are ordinary again.
#include <algorithm>
#include <roaring/roaring.hh>

#include "base/clock.h"
#include "tsdb/block_format.h"
#include "tsdb/block_rewrite.h"
#include "tsdb/block_writer.h"
#include "tsdb/database.h"
#include "tsdb/head.h"

namespace kw::tsdb {

Result<void> Database::delete_series(const std::vector<Matcher>& matchers, const TimeRange& range) {
    MutexLock lock(upkeep_mutex_);
    Result<void> done = delete_samples(matchers, range);
    update_gauges();
    return done;
}

Result<void> Database::delete_samples(const std::vector<Matcher>& matchers,
                                      const TimeRange& range) {
    KW_TRY_ASSIGN(const auto in_head, head_->select(matchers, range, 0, going_));
    if (in_head->size() > 0) {
        // Samples from the future stay where they are unless they are meant: what comes up to the end of what left the
        // head costs more memory.
        const Millis now = env_.clock.now();
        KW_TRY_ASSIGN(const auto ahead,
                      head_->select(matchers, {std::max(range.min, now), range.max}, 0, going_));
        const Millis last = head_->range().max;
        KW_TRY(flush_head((ahead->size() > 0 ? last : std::min(last, now)).count));
    }
    // Else a replay of the log would bring back what left the head for blocks.
    if (checkpoint_due_) {
        KW_TRY(write_log_checkpoint());
    }
    KW_TRY(remove_unserved());
    const auto blocks = this->blocks();
    for (const auto& block : *blocks) {
        if (!block->meta().range.overlaps(range)) continue;
        KW_TRY(delete_from_block(block, matchers, range));
    }
    return {};
}

Result<void> Database::remove_unserved() {
    KW_TRY_ASSIGN(const std::vector<fs::DirectoryEntry> entries, env_.files.list(blocks_path_));
    const auto blocks = this->blocks();
    for (const fs::DirectoryEntry& entry : entries) {
        if (!entry.is_directory || !is_block_name(entry.name)) continue;
        const bool served = std::any_of(blocks->begin(), blocks->end(), [&](const auto& block) {
            return block->meta().name == entry.name;
        });
        if (served) continue;
        KW_TRY(delete_block(env_.files, blocks_path_, entry.name));
    }
    return {};
}

Result<void> Database::delete_from_block(const std::shared_ptr<const BlockReader>& block,
                                         const std::vector<Matcher>& matchers,
                                         const TimeRange& range) {
    KW_TRY_ASSIGN(const Roaring matched, evaluate(*block, matchers, going_));
    BlockCursor cursor(*block);
    bool has_samples = false;
    for (auto id = matched.begin(); id != matched.end() && !has_samples; ++id) {
        KW_TRY_ASSIGN(const uint64_t count, cursor.sample_count(*id, range));
        has_samples = count > 0;
    }
    if (!has_samples) return {};
    const std::string& name = block->meta().name;
    KW_TRY_ASSIGN(
        const std::optional<BlockMeta> meta,
        rewrite_block(env_.files, blocks_path_, *block, new_block_name(), matched, range, going_));
    if (!meta.has_value()) {
        KW_TRY(delete_block(env_.files, blocks_path_, name));
        publish({block}, {});
        return {};
    }
    KW_TRY_ASSIGN(auto rewritten, BlockReader::open(env_.files, blocks_path_, meta->name));
    publish({block}, {std::move(rewritten)});
    // A crash before this is mended at the next start: the new block names its parent.
    return delete_block(env_.files, blocks_path_, name);
}

Result<void> Database::snapshot(const fs::Path& directory, bool with_head) {
    MutexLock lock(upkeep_mutex_);
    const fs::Path target = fs::join(directory, "blocks");
    KW_TRY(env_.files.create_directories(target));
    if (with_head && head_->range().min <= head_->range().max) {
        const int64_t until = head_->range().max.count;
        head_->freeze(until);
        BlockList written;
        Result<void> done = write_frozen(target, until, written);
        head_->thaw();
        KW_TRY(done);
    }
    const auto blocks = this->blocks();
    for (const auto& block : *blocks) {
        const fs::Path from = fs::join(blocks_path_, block->meta().name);
        const fs::Path to = fs::join(target, block->meta().name);
        KW_TRY(env_.files.create_directories(to));
        for (const std::string_view file : {kChunksFile, kIndexFile, kMetaFile})
            KW_TRY(env_.files.hard_link(fs::join(from, file), fs::join(to, file)));
        KW_TRY(env_.files.sync_directory(to));
    }
    KW_TRY(env_.files.sync_directory(target));
    return env_.files.sync_directory(directory);
}

}  // namespace kw::tsdb
