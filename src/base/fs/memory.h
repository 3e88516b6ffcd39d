// Files in memory, with what a disk would hold kept apart from what was only written.
//
// Each file has its bytes as written and as the last sync() left them; each directory has
// its names as they are and as the last sync_directory() left them. durable_copy() is what remains
// after a power cut in the strictest reading: synced bytes of names that are durable, nothing else.
// Threads: all members from any thread.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/fs/file_system.h"
#include "base/mutex.h"

namespace kw::fs {

class MemoryFileSystem final : public FileSystem {
 public:
    // A file's content, shared by its names (hard links) and by open handles.
    struct Node {
        mutable Mutex mutex;
        Bytes bytes KW_GUARDED_BY(mutex);    // as written
        Bytes durable KW_GUARDED_BY(mutex);  // as last synced
    };
    struct Tree {
        std::map<Path, std::shared_ptr<Node>> files;
        std::set<Path> directories;
    };

    // The paths that are locked; held locks may outlive the file system.
    struct Locks {
        Mutex mutex;
        std::set<Path> held KW_GUARDED_BY(mutex);
    };

    MemoryFileSystem() = default;
    // Starts from `tree`, all of it durable: a disk after a crash.
    explicit MemoryFileSystem(const Tree& tree);

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

    // Names and nodes as they are now, and as the disk has them for certain. Nodes are shared, not
    // copied.
    Tree current() const KW_EXCLUDES(mutex_);
    Tree durable() const KW_EXCLUDES(mutex_);
    // The disk after a power cut: durable names with their durable bytes.
    std::unique_ptr<MemoryFileSystem> durable_copy() const;
    // Changes bytes behind everybody's back, as a bad disk would. Errors: kNotFound.
    Result<void> corrupt(const Path& path, uint64_t offset, uint8_t flip_mask);

 private:
    bool is_directory(const Path& path) const KW_REQUIRES(mutex_);

    mutable Mutex mutex_;
    Tree now_ KW_GUARDED_BY(mutex_);
    Tree durable_ KW_GUARDED_BY(mutex_);
    const std::shared_ptr<Locks> locks_ = std::make_shared<Locks>();
};

}  // namespace kw::fs
