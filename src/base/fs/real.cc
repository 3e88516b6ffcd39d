#include "base/fs/real.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace kw::fs {
namespace {

Code code_of(int number) {
    switch (number) {
        case ENOENT: return Code::kNotFound;
        case EEXIST: return Code::kConflict;
        case EACCES:
        case EPERM:
        case EROFS: return Code::kDenied;
        case ENOSPC:
        case EDQUOT: return Code::kExhausted;
        default: return Code::kUnavailable;
    }
}

Error failed(std::string_view action, const Path& path, int number) {
    return Error{code_of(number),
                 fmt::format("cannot {} {}: {}", action, path, std::strerror(number))};
}

// A descriptor that closes itself.
class Descriptor final {
 public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    int get() const { return number_; }

 private:
    int number_;
};

Result<Descriptor> open_descriptor(const Path& path, int flags) {
    int number = -1;
    do {
        number = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    } while (number < 0 && errno == EINTR);
    if (number < 0) return failed("open", path, errno);
    return Descriptor(number);
}

class RealFile final : public File {
 public:
    RealFile(Path path, Descriptor descriptor)
        : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

    Result<void> append(ByteView bytes) override {
        while (!bytes.empty()) {
            const ssize_t count = ::write(descriptor_.get(), bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return failed("write", path_, errno);
            bytes = bytes.subspan(static_cast<size_t>(count));
        }
        return {};
    }

    Result<void> sync() override {
        if (::fdatasync(descriptor_.get()) != 0) return failed("flush", path_, errno);
        return {};
    }

    Result<void> truncate(uint64_t size) override {
        if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) {
            return failed("truncate", path_, errno);
        }
        return {};
    }

    Result<size_t> read_at(uint64_t offset, std::span<uint8_t> into) const override {
        size_t done = 0;
        while (done < into.size()) {
            const ssize_t count = ::pread(descriptor_.get(), into.data() + done, into.size() - done,
                                          static_cast<off_t>(offset + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return failed("read", path_, errno);
            if (count == 0) break;
            done += static_cast<size_t>(count);
        }
        return done;
    }

    Result<uint64_t> size() const override {
        struct stat info{};
        if (::fstat(descriptor_.get(), &info) != 0) return failed("stat", path_, errno);
        return static_cast<uint64_t>(info.st_size);
    }

 private:
    const Path path_;
    const Descriptor descriptor_;
};

class RealMapping final : public MappedFile {
 public:
    RealMapping(void* start, size_t size) : start_(start), size_(size) {}
    ~RealMapping() override {
        if (size_ > 0) ::munmap(start_, size_);
    }
    ByteView bytes() const override { return {static_cast<const uint8_t*>(start_), size_}; }

 private:
    void* const start_;
    const size_t size_;
};

class RealLock final : public FileLock {
 public:
    explicit RealLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
    const Descriptor descriptor_;
};

Result<void> in_std_filesystem(std::string_view action, const Path& path,
                               const std::error_code& code) {
    if (!code) return {};
    return failed(action, path, code.value());
}

}  // namespace

Result<std::unique_ptr<File>> RealFileSystem::open(const Path& path, OpenMode mode) {
    int flags = O_RDONLY;
    if (mode == OpenMode::kAppend) flags = O_RDWR | O_APPEND | O_CREAT;
    if (mode == OpenMode::kCreateNew) flags = O_RDWR | O_APPEND | O_CREAT | O_EXCL;
    KW_TRY_ASSIGN(Descriptor descriptor, open_descriptor(path, flags));
    return std::unique_ptr<File>(new RealFile(path, std::move(descriptor)));
}

Result<std::unique_ptr<MappedFile>> RealFileSystem::map(const Path& path) {
    KW_TRY_ASSIGN(const Descriptor descriptor, open_descriptor(path, O_RDONLY));
    struct stat info{};
    if (::fstat(descriptor.get(), &info) != 0) return failed("stat", path, errno);
    const auto size = static_cast<size_t>(info.st_size);
    void* start = nullptr;
    if (size > 0) {
        start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
        if (start == MAP_FAILED) return failed("map", path, errno);
    }
    return std::unique_ptr<MappedFile>(new RealMapping(start, size));
}

Result<void> RealFileSystem::rename(const Path& from, const Path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from + " to " + to, errno);
    return {};
}

Result<void> RealFileSystem::remove_file(const Path& path) {
    if (::unlink(path.c_str()) != 0) return failed("remove", path, errno);
    return {};
}

Result<void> RealFileSystem::remove_directory(const Path& path) {
    std::error_code code;
    std::filesystem::remove_all(path, code);
    return in_std_filesystem("remove", path, code);
}

Result<void> RealFileSystem::create_directories(const Path& path) {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    return in_std_filesystem("create", path, code);
}

Result<void> RealFileSystem::sync_directory(const Path& path) {
    KW_TRY_ASSIGN(const Descriptor descriptor, open_descriptor(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(descriptor.get()) != 0) return failed("flush directory", path, errno);
    return {};
}

Result<std::vector<DirectoryEntry>> RealFileSystem::list(const Path& path) {
    std::error_code code;
    std::vector<DirectoryEntry> entries;
    for (std::filesystem::directory_iterator it(path, code), end; !code && it != end;
         it.increment(code)) {
        DirectoryEntry entry;
        entry.name = it->path().filename().string();
        std::error_code ignored;  // an entry that goes away while we list has size 0
        entry.is_directory = it->is_directory(ignored);
        if (!entry.is_directory) {
            const auto size = it->file_size(ignored);
            entry.size_bytes = ignored ? 0 : size;
        }
        entries.push_back(std::move(entry));
    }
    KW_TRY(in_std_filesystem("list", path, code));
    std::sort(entries.begin(), entries.end(),
              [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
    return entries;
}

Result<bool> RealFileSystem::exists(const Path& path) {
    std::error_code code;
    const bool found = std::filesystem::exists(path, code);
    KW_TRY(in_std_filesystem("look at", path, code));
    return found;
}

Result<void> RealFileSystem::hard_link(const Path& from, const Path& to) {
    if (::link(from.c_str(), to.c_str()) != 0) return failed("link", from + " to " + to, errno);
    return {};
}

Result<std::unique_ptr<FileLock>> RealFileSystem::lock(const Path& path) {
    KW_TRY_ASSIGN(Descriptor descriptor, open_descriptor(path, O_RDWR | O_CREAT));
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failed("lock", path, errno);
        char owner[32] = {};
        const ssize_t count = ::pread(descriptor.get(), owner, sizeof owner - 1, 0);
        const std::string_view text(owner, count > 0 ? static_cast<size_t>(count) : 0);
        return conflict(
            "{} is locked by process {}", path,
            text.empty() ? std::string_view("(unknown)") : text.substr(0, text.find('\n')));
    }
    const std::string owner = fmt::format("{}\n", ::getpid());
    if (::ftruncate(descriptor.get(), 0) != 0 ||
        ::pwrite(descriptor.get(), owner.data(), owner.size(), 0) < 0) {
        return failed("write", path, errno);
    }
    return std::unique_ptr<FileLock>(new RealLock(std::move(descriptor)));
}

Result<SpaceInfo> RealFileSystem::space(const Path& path) {
    struct statvfs info{};
    if (::statvfs(path.c_str(), &info) != 0) return failed("look at", path, errno);
    return SpaceInfo{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
}

}  // namespace kw::fs
