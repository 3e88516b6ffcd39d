// Writes a block again without some of its samples: what deleting series does to a block.
//
// The new block takes the old one's place: its generation, level and sources, and the old one as its parent, so that
// a start-up after a crash between writing the one and deleting the other deletes the old one.
// Threads: any number at once, for different names.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/fs/file_system.h"
#include "base/result.h"
#include "model/sample.h"
#include "tsdb/block_meta.h"
#include "tsdb/postings.h"

namespace kw {
class CancelToken;
}  // namespace kw

namespace kw::tsdb {

class BlockReader;

// Writes `block` under `directory` as block `name`, without the samples in `range` of the series whose ids are in
// `series`; the old block stays, and is the caller's to delete. Nullopt, and nothing written, when nothing is left.
// Errors: as write_block(); kCorrupt of the block.
Result<std::optional<BlockMeta>> rewrite_block(fs::FileSystem& files, const fs::Path& directory,
                                               const BlockReader& block, const std::string& name,
                                               const Roaring& series, const TimeRange& range,
                                               const CancelToken& cancel);

}  // namespace kw::tsdb
