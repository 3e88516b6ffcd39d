// Snapshots of the data directory: `<storage path>/snapshots/<name>/`, on which `kilowatch serve` can be started.
//
// While it is made a snapshot's name ends in .tmp; what a crash left of one goes at the next start.
// Threads: make_snapshot() from any.
#pragma once

#include <functional>
#include <string>

#include "base/environment.h"
#include "base/fs/file_system.h"
#include "base/result.h"

namespace kw::app {

// Before the first is made.
Result<void> remove_unfinished_snapshots(fs::FileSystem& files, const fs::Path& storage_path);

// Makes one: `fill` writes what is stored below the directory that it is given. Returns the name,
// 20261127T101500Z-0123456789abcdef. Errors: those of `fill`, kUnavailable, kExhausted (disk).
Result<std::string> make_snapshot(
    Environment& env, const fs::Path& storage_path,
    const std::function<Result<void>(const fs::Path& directory)>& fill);

}  // namespace kw::app
