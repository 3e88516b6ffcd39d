// The kernel's files. Stateless; every error carries the path and errno's text.
#pragma once

#include "base/fs/file_system.h"

namespace kw::fs {

class RealFileSystem final : public FileSystem {
 public:
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
};

}  // namespace kw::fs
