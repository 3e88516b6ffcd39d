// Compaction: merges blocks into fewer, longer ones.
//
// plan_compaction() decides and is pure; compact_blocks() reads the merged blocks in label order
// side by side and writes their union as one. Ranges grow by three: 2 h, 6 h, 18 h, … up to the
// smaller of a tenth of the retention and 31 days, aligned to the epoch. Overlapping blocks (late
// samples) are merged first, always together with every block they overlap, so that "the older
// generation wins" stays true whatever order merges run in.
// Threads: one compaction at a time over
// a directory; readers of the merged blocks are not disturbed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs/file_system.h"
#include "base/result.h"
#include "tsdb/block_meta.h"

namespace kw {
class CancelToken;
}  // namespace kw

namespace kw::tsdb {

class BlockReader;

inline constexpr int64_t kBlockSpanMsMin = 2 * 3600 * 1000;  // what the head writes
inline constexpr int64_t kBlockSpanMsMax = int64_t{31} * 86400 * 1000;

struct CompactionOptions {
    int64_t span_ms_min = kBlockSpanMsMin;
    int64_t retention_ms = int64_t{15} * 86400 * 1000;  // 0: kept for ever
};

// The multiple of span (above 0) at or before time.
int64_t floor_to(int64_t time, int64_t span);

// The spans of blocks, ascending: span_ms_min times powers of three.
std::vector<int64_t> compaction_spans_ms(const CompactionOptions& options);

// Indexes into `metas` of the blocks to merge next, in order of generation; empty when nothing is
// to do. A span is merged when the newest block reaches beyond it: then no block of the head is due
// in it.
std::vector<size_t> plan_compaction(const std::vector<BlockMeta>& metas,
                                    const CompactionOptions& options);

// Writes the union of `blocks` under `directory` as block `name`; the parents stay, and are the
// caller's to delete once the new block is in use. Nullopt when nothing is left.
// Errors: as
// write_block(); kCorrupt of a parent, its name in the message.
Result<std::optional<BlockMeta>> compact_blocks(
    fs::FileSystem& files, const fs::Path& directory,
    std::vector<std::shared_ptr<const BlockReader>> blocks, const std::string& name,
    const CancelToken& cancel);

// Names of blocks that a complete block among `metas` names as parent: a crash came between the
// merge and the deletion of what was merged, so they are to be deleted.
std::vector<std::string> superseded_blocks(const std::vector<BlockMeta>& metas);

// Names of blocks to delete: first those whose samples all lie before `now` - retention_ms (0:
// none), then the oldest of the rest until their bytes plus `other_bytes` (WAL, head) are at most
// `bytes_max` (0: no limit).
std::vector<std::string> expired_blocks(const std::vector<BlockMeta>& metas, Millis now,
                                        int64_t retention_ms, uint64_t bytes_max,
                                        uint64_t other_bytes);

}  // namespace kw::tsdb
