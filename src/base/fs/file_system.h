// Files behind an interface, so that a test can fail, tear and forget them.
//
//   RealFileSystem     the kernel's (fs/real.h)
//   MemoryFileSystem   in memory, with a notion of what is durable and what only written
//   (fs/memory.h) SimulatedCrash…    on top of the memory one: fails, tears, reorders and forgets
//   (fs/failing.h)
//
// Durability is explicit, as POSIX has it: File::sync() makes a file's bytes durable,
// sync_directory() makes names (created, renamed, removed) durable. Errors carry path and errno's
// text: kNotFound (ENOENT), kExhausted (ENOSPC, EDQUOT), kConflict (EEXIST), kDenied (EACCES,
// EPERM), else kUnavailable. Threads: a FileSystem from any thread; a File by one writer; reads
// (read_at, map) from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::fs {

using Path = std::string;

// "a" + "b" = "a/b".
Path join(std::string_view directory, std::string_view name);

class File {
 public:
    virtual ~File() = default;
    // Appends all of `bytes` at the end. On an error an unknown part of it may have been written.
    virtual Result<void> append(ByteView bytes) = 0;
    // Makes what was appended before durable (fdatasync). After an error nothing unsynced may be
    // trusted.
    virtual Result<void> sync() = 0;
    // Cuts or grows (with zero bytes) the file.
    virtual Result<void> truncate(uint64_t size) = 0;
    // Fills `into` from `offset`, less at the end of the file; returns the bytes read.
    virtual Result<size_t> read_at(uint64_t offset, std::span<uint8_t> into) const = 0;
    virtual Result<uint64_t> size() const = 0;
};

// The bytes of a file that is not changed any more, valid while this lives.
class MappedFile {
 public:
    virtual ~MappedFile() = default;
    virtual ByteView bytes() const = 0;
};

// Held while this lives; the kernel releases it when the process dies.
class FileLock {
 public:
    virtual ~FileLock() = default;
};

struct DirectoryEntry {
    std::string name;  // without the directory
    bool is_directory = false;
    uint64_t size_bytes = 0;
};

struct SpaceInfo {
    uint64_t capacity_bytes = 0;
    uint64_t available_bytes = 0;
};

enum class OpenMode : unsigned char {
    kRead,       // must exist
    kAppend,     // created when absent; writes go to the end
    kCreateNew,  // must not exist
};

class FileSystem {
 public:
    virtual ~FileSystem() = default;
    virtual Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode) = 0;
    virtual Result<std::unique_ptr<MappedFile>> map(const Path& path) = 0;
    // Replaces `to` when it exists. Works on directories too, `to` then absent or empty.
    virtual Result<void> rename(const Path& from, const Path& to) = 0;
    virtual Result<void> remove_file(const Path& path) = 0;
    // With everything in it. Absent is fine.
    virtual Result<void> remove_directory(const Path& path) = 0;
    // With its parents. Existing is fine.
    virtual Result<void> create_directories(const Path& path) = 0;
    // Makes the names in `path` durable.
    virtual Result<void> sync_directory(const Path& path) = 0;
    // Sorted by name.
    virtual Result<std::vector<DirectoryEntry>> list(const Path& path) = 0;
    virtual Result<bool> exists(const Path& path) = 0;
    virtual Result<void> hard_link(const Path& from, const Path& to) = 0;
    // Errors: kConflict when another holds it; the message has its process id where known.
    virtual Result<std::unique_ptr<FileLock>> lock(const Path& path) = 0;
    virtual Result<SpaceInfo> space(const Path& path) = 0;
};

// Reads a whole file. Errors: kExhausted when it is over `limit_bytes`.
Result<std::string> read_file(FileSystem& files, const Path& path, uint64_t limit_bytes);
// Writes `content` under a temporary name, syncs, renames over `path`, syncs the directory:
// after any crash `path` has the old content or the new.
Result<void> write_file_atomically(FileSystem& files, const Path& path, std::string_view content);

}  // namespace kw::fs
