// Writes a block from series that come in label order, once, in one pass.
//
//   SeriesSource ──next()──▶ write_block ──▶ <directory>/<name>.tmp/{chunks,index,meta}
//                                              └─ sync each, sync directory, rename to <name>, sync
//                                              parent
// Invariants
//   1. The block appears under its name complete and durable, or not at all; what a crash leaves is
//   a
//      directory that ends in .tmp, which remove_block_leftovers() takes away.
//   2. Identical timestamp columns are stored once: series of one scrape pay for their values only.
// Memory: the symbols, 4 bytes a series and label, the timestamp columns, and one page; not the
// samples.
// Threads: one call is one thread; calls for different names may run at once.
// Source:
// docs/formats/block.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fs/file_system.h"
#include "base/result.h"
#include "tsdb/block_meta.h"

namespace kw {
class CancelToken;
class LabelSet;
struct SampleColumns;
}  // namespace kw

namespace kw::tsdb {

class SeriesSource {
 public:
    virtual ~SeriesSource() = default;
    // Replaces `labels` and `samples` by the next series', in ascending order of labels; false at
    // the end. A series without samples is skipped by the writer.
    virtual Result<bool> next(LabelSet& labels, SampleColumns& samples) = 0;
};

struct BlockWriteOptions {
    std::string name;  // make_block_name()
    uint32_t level = 1;
    uint64_t generation = 0;
    std::vector<std::string> sources;  // empty: the block itself
    std::vector<std::string> parents;
    int compression_level = 3;  // zstd's
};

// Writes the block under `directory` (which exists). Nullopt, and nothing written, when no series
// has a sample. After an error nothing is left under the block's name; the temporary directory is
// removed as far as the file system lets.
// Errors: of the source; kInvalid (series or samples out of
// order); kExhausted (disk full, more than 2^32 series);
// kUnavailable (I/O); kCancelled.
Result<std::optional<BlockMeta>> write_block(fs::FileSystem& files, const fs::Path& directory,
                                             SeriesSource& source, const BlockWriteOptions& options,
                                             const CancelToken& cancel);

// Takes away what a crash left under `directory`: every `<name>.tmp` and `<name>.deleted`. Call
// before blocks are listed and while nothing writes there.
Result<void> remove_block_leftovers(fs::FileSystem& files, const fs::Path& directory);

// Removes a block so that a crash cannot leave half of it under its name: renames it to
// `<name>.deleted`, syncs, removes.
Result<void> delete_block(fs::FileSystem& files, const fs::Path& directory,
                          const std::string& name);

}  // namespace kw::tsdb
