// The blocks of a data directory: lists, opens, repairs what a crash left, quarantines what is
// damaged.
//
// open_blocks() is what a start-up runs: leftovers are removed, superseded parents deleted, every
// block opened. A damaged one is renamed to `<name>.damaged`, where nothing reads it any more and a
// person can look at it, and reported; the others are served.
// Threads: one caller, before anything
// else uses the directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fs/file_system.h"
#include "base/result.h"

namespace kw::tsdb {

class BlockReader;

struct DamagedBlock {
    std::string name;  // as it was
    Error error;       // kCorrupt with file and offset
};

struct OpenedBlocks {
    std::vector<std::shared_ptr<const BlockReader>> blocks;  // by minimum time, then name
    std::vector<DamagedBlock> damaged;
};

// `directory` is created when absent.
// Errors: kUnavailable (I/O); kUnsupported (a block of a newer version: refusing to start beats
// ignoring it).
Result<OpenedBlocks> open_blocks(fs::FileSystem& files, const fs::Path& directory);

// Moves a block that was found damaged while serving out of the way.
Result<void> quarantine_block(fs::FileSystem& files, const fs::Path& directory,
                              const std::string& name);

}  // namespace kw::tsdb
