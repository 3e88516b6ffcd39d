// Checkpoints of the write-ahead log: the state of the head in one file, so that older segments can go.
//
// Invariants
//   1. The file has its name only when it is whole and durable.
//   2. Segments and checkpoints before it are removed after that, and may be there still: a replay ignores them.
// Threads: one caller at a time.
// Source: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/fs/file_system.h"
#include "base/result.h"

namespace kw::tsdb {

// Writes checkpoint `segment` under `directory`: the records that `write` gives to the function it is called with.
// Segments before `segment` are then not needed; after an error they still are.
// Errors: kUnavailable, kExhausted (I/O), those of `write`.
Result<void> write_checkpoint(
    fs::FileSystem& files, const fs::Path& directory, uint64_t segment,
    const std::function<Result<void>(const std::function<Result<void>(ByteView)>& take)>& write);

// Removes the segments and checkpoints that checkpoint `segment` stands for.
Result<void> remove_before_checkpoint(fs::FileSystem& files, const fs::Path& directory,
                                      uint64_t segment);

}  // namespace kw::tsdb
