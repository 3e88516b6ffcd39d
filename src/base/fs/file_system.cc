#include "base/fs/file_system.h"

namespace kw::fs {

Path join(std::string_view directory, std::string_view name) {
    Path path(directory);
    if (!path.empty() && path.back() != '/') path += '/';
    path.append(name);
    return path;
}

Result<std::string> read_file(FileSystem& files, const Path& path, uint64_t limit_bytes) {
    KW_TRY_ASSIGN(const std::unique_ptr<File> file, files.open(path, OpenMode::kRead));
    // Files under /proc say size 0, so the end is where a read gives nothing.
    std::string content;
    constexpr size_t kStepBytes = 64 << 10;
    for (;;) {
        const size_t at = content.size();
        content.resize(at + kStepBytes);
        KW_TRY_ASSIGN(
            const size_t count,
            file->read_at(at, {reinterpret_cast<uint8_t*>(content.data()) + at, kStepBytes}));
        content.resize(at + count);
        if (content.size() > limit_bytes) {
            return exhausted("{} is over {} bytes", path, limit_bytes);
        }
        if (count < kStepBytes) return content;
    }
}

Result<void> write_file_atomically(FileSystem& files, const Path& path, std::string_view content) {
    const Path temporary = path + ".tmp";
    KW_TRY_ASSIGN(const bool left_over, files.exists(temporary));
    if (left_over) KW_TRY(files.remove_file(temporary));
    {
        KW_TRY_ASSIGN(const std::unique_ptr<File> file,
                      files.open(temporary, OpenMode::kCreateNew));
        KW_TRY(file->append(as_bytes(content)));
        KW_TRY(file->sync());
    }
    KW_TRY(files.rename(temporary, path));
    const size_t slash = path.rfind('/');
    return files.sync_directory(slash == Path::npos ? "." : path.substr(0, slash));
}

}  // namespace kw::fs
