// The crash simulator: a file system in memory that fails, tears, reorders and forgets, for tests
// of what must survive.
//
//   FailingFileSystem files;                      // or over a disk that a crash before has left
//   files.inject({Fault::kTear, 17});             // the 17th operation that changes something
//   run_the_code(files);                          // sees errors from there on
//   auto disk = files.after_crash(seed);          // one of the disks that may be found afterwards
//   check(*disk);
//
// What after_crash() keeps
//   bytes   those synced: always. Those appended since: up to some length, and of that any 512-byte
//   sector
//           may be zero (the device writes in any order). A truncation not synced may have happened
//           or not.
//   names   those synced: always. Of the changes in a directory since its sync, any may be missing,
//   each
//           on its own or all from one on; a rename within a directory is one change.
//   after a failed sync() the bytes it was to make durable may be missing for good, although later
//   syncs succeed: the kernel has forgotten that they were dirty.
// Seed 0 is the strictest disk (nothing that was not synced), seed 1 the kindest (all), others are
// random.
//
// Operations are counted from 1: each call that may change the disk (open that creates, append,
// sync, truncate, rename, remove, create, link, sync_directory). Reads are not counted, and fail
// after a crash.
// Threads: all members from any thread. Files, and after_crash()'s disks, may
// outlive the file system.
#pragma once

#include <memory>

#include "base/fs/file_system.h"
#include "base/fs/memory.h"

namespace kw::fs {

struct Fault {
    enum Kind : unsigned char {
        kError,       // EIO, nothing done; of a sync, see above
        kNoSpace,     // ENOSPC: an append writes a part; syncs and removals go well
        kShortWrite,  // an append writes a part, then EIO; else as kError
        kTear,        // an append writes a part, then as kCrash
        kCrash,       // nothing done, and everything afterwards fails
    };
    Kind kind = kError;
    uint64_t operation = 0;   // the first that it hits, counted from 1
    uint64_t operations = 1;  // how many in a row it hits
};

class FailingFileSystem final : public FileSystem {
 public:
    FailingFileSystem();
    // Starts from the files of `disk`, all durable; their bytes are copied.
    explicit FailingFileSystem(const MemoryFileSystem& disk);
    ~FailingFileSystem() override;

    // Replaces the fault to come.
    void inject(const Fault& fault);
    // Everything from now on fails, as after Fault::kCrash.
    void crash();
    bool crashed() const;
    // Operations begun so far, the failed one included.
    uint64_t operation_count() const;
    // One of the disks that a crash now may leave; may be called often.
    std::unique_ptr<MemoryFileSystem> after_crash(uint64_t seed) const;

    Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode) override;
    Result<std::unique_ptr<MappedFile>> map(const Path& path) override;
    Result<void> rename(const Path& from, const Path& to) override;
    Result<void> remove_file(const Path& path) override;
    Result<void> remove_directory(const Path& path) override;
    Result<void> create_directories(const Path& path) override;
    Result<void> sync_directory(const Path& path) override;
    Result<std::vector<DirectoryEntry>> list(const Path& path) override;
    Result<bool> exists(const Path& path) override;
    Result<void> hard_link(const Path& from, const Path& to) override;
    Result<std::unique_ptr<FileLock>> lock(const Path& path) override;
    Result<SpaceInfo> space(const Path& path) override;

    struct State;  // of failing.cc

 private:
    const std::shared_ptr<State> state_;
};

}  // namespace kw::fs
