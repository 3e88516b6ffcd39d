#include "base/fs/memory.h"

#include <algorithm>
#include <cstring>

namespace kw::fs {
namespace {

using Node = MemoryFileSystem::Node;

Path parent_of(const Path& path) {
    const size_t slash = path.rfind('/');
    return slash == Path::npos || slash == 0 ? Path() : path.substr(0, slash);
}

bool is_inside(const Path& path, const Path& directory) {
    return path.size() > directory.size() + 1 && path.starts_with(directory) &&
           path[directory.size()] == '/';
}

class MemoryFile final : public File {
 public:
    explicit MemoryFile(std::shared_ptr<Node> node) : node_(std::move(node)) {}

    Result<void> append(ByteView bytes) override {
        MutexLock lock(node_->mutex);
        node_->bytes.insert(node_->bytes.end(), bytes.begin(), bytes.end());
        return {};
    }
    Result<void> sync() override {
        MutexLock lock(node_->mutex);
        node_->durable = node_->bytes;
        return {};
    }
    Result<void> truncate(uint64_t size) override {
        MutexLock lock(node_->mutex);
        node_->bytes.resize(size);
        return {};
    }
    Result<size_t> read_at(uint64_t offset, std::span<uint8_t> into) const override {
        MutexLock lock(node_->mutex);
        if (offset >= node_->bytes.size()) return size_t{0};
        const size_t count = std::min<size_t>(into.size(), node_->bytes.size() - offset);
        std::memcpy(into.data(), node_->bytes.data() + offset, count);
        return count;
    }
    Result<uint64_t> size() const override {
        MutexLock lock(node_->mutex);
        return uint64_t{node_->bytes.size()};
    }

 private:
    const std::shared_ptr<Node> node_;
};

class MemoryMapping final : public MappedFile {
 public:
    explicit MemoryMapping(Bytes bytes) : bytes_(std::move(bytes)) {}
    ByteView bytes() const override { return bytes_; }

 private:
    const Bytes bytes_;
};

class MemoryLock final : public FileLock {
 public:
    MemoryLock(std::shared_ptr<MemoryFileSystem::Locks> locks, Path path)
        : locks_(std::move(locks)), path_(std::move(path)) {}
    ~MemoryLock() override {
        MutexLock lock(locks_->mutex);
        locks_->held.erase(path_);
    }

 private:
    const std::shared_ptr<MemoryFileSystem::Locks> locks_;
    const Path path_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem(const Tree& tree) : now_(tree), durable_(tree) {}

bool MemoryFileSystem::is_directory(const Path& path) const {
    return path.empty() || path == "." || now_.directories.contains(path);
}

Result<std::unique_ptr<File>> MemoryFileSystem::open(const Path& path, OpenMode mode) {
    MutexLock lock(mutex_);
    const auto found = now_.files.find(path);
    if (mode == OpenMode::kRead) {
        if (found == now_.files.end()) return not_found("cannot open {}: no such file", path);
        return std::unique_ptr<File>(new MemoryFile(found->second));
    }
    if (found != now_.files.end()) {
        if (mode == OpenMode::kCreateNew) return conflict("cannot open {}: it exists", path);
        return std::unique_ptr<File>(new MemoryFile(found->second));
    }
    if (!is_directory(parent_of(path))) return not_found("cannot open {}: no such directory", path);
    auto node = std::make_shared<Node>();
    now_.files.emplace(path, node);
    return std::unique_ptr<File>(new MemoryFile(std::move(node)));
}

Result<std::unique_ptr<MappedFile>> MemoryFileSystem::map(const Path& path) {
    MutexLock lock(mutex_);
    const auto found = now_.files.find(path);
    if (found == now_.files.end()) return not_found("cannot map {}: no such file", path);
    MutexLock node_lock(found->second->mutex);
    return std::unique_ptr<MappedFile>(new MemoryMapping(found->second->bytes));
}

Result<void> MemoryFileSystem::rename(const Path& from, const Path& to) {
    MutexLock lock(mutex_);
    if (const auto found = now_.files.find(from); found != now_.files.end()) {
        std::shared_ptr<Node> node = found->second;
        now_.files.erase(found);
        now_.files[to] = std::move(node);
        return {};
    }
    if (!now_.directories.contains(from)) return not_found("cannot rename {}: it is absent", from);
    const auto has_inside = [&](const Path& path) { return is_inside(path, to); };
    if (std::any_of(now_.files.begin(), now_.files.end(),
                    [&](const auto& file) { return has_inside(file.first); }) ||
        std::any_of(now_.directories.begin(), now_.directories.end(), has_inside)) {
        return unavailable("cannot rename {} to {}: directory not empty", from, to);
    }
    const auto moved = [&](const Path& path) { return to + path.substr(from.size()); };
    Tree next;
    for (auto& [path, node] : now_.files) {
        next.files[is_inside(path, from) ? moved(path) : path] = node;
    }
    for (const Path& path : now_.directories) {
        next.directories.insert(path == from || is_inside(path, from) ? moved(path) : path);
    }
    // The names inside the directory are the directory's own: what was durable in it stays so under
    // the name that becomes durable with the parent.
    for (const auto& [path, node] : Tree(durable_).files) {
        if (is_inside(path, from)) durable_.files[moved(path)] = node;
    }
    for (const Path& path : Tree(durable_).directories) {
        if (is_inside(path, from)) durable_.directories.insert(moved(path));
    }
    now_ = std::move(next);
    return {};
}

Result<void> MemoryFileSystem::remove_file(const Path& path) {
    MutexLock lock(mutex_);
    if (now_.files.erase(path) == 0) return not_found("cannot remove {}: no such file", path);
    return {};
}

Result<void> MemoryFileSystem::remove_directory(const Path& path) {
    MutexLock lock(mutex_);
    std::erase_if(now_.files, [&](const auto& file) { return is_inside(file.first, path); });
    std::erase_if(now_.directories,
                  [&](const Path& name) { return name == path || is_inside(name, path); });
    return {};
}

Result<void> MemoryFileSystem::create_directories(const Path& path) {
    MutexLock lock(mutex_);
    for (Path at = path; !at.empty(); at = parent_of(at)) {
        if (now_.files.contains(at)) return unavailable("cannot create {}: {} is a file", path, at);
        now_.directories.insert(at);
    }
    return {};
}

Result<void> MemoryFileSystem::sync_directory(const Path& path) {
    MutexLock lock(mutex_);
    if (!is_directory(path)) return not_found("cannot flush {}: no such directory", path);
    const Path self = path == "." ? Path() : path;
    const Tree tree = now_;  // a copy, since the analysis does not see the lock inside a lambda
    std::erase_if(durable_.files, [&](const auto& file) {
        return parent_of(file.first) == self && !tree.files.contains(file.first);
    });
    std::erase_if(durable_.directories, [&](const Path& name) {
        return parent_of(name) == self && !tree.directories.contains(name);
    });
    for (const auto& [name, node] : tree.files) {
        if (parent_of(name) == self) durable_.files[name] = node;
    }
    for (const Path& name : tree.directories) {
        if (parent_of(name) == self) durable_.directories.insert(name);
    }
    return {};
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::list(const Path& path) {
    MutexLock lock(mutex_);
    if (!is_directory(path)) return not_found("cannot list {}: no such directory", path);
    const Path self = path == "." ? Path() : path;
    std::vector<DirectoryEntry> entries;
    const size_t skip = self.empty() ? 0 : self.size() + 1;
    for (const Path& name : now_.directories) {
        if (parent_of(name) == self) entries.push_back({name.substr(skip), true, 0});
    }
    for (const auto& [name, node] : now_.files) {
        if (parent_of(name) != self) continue;
        MutexLock node_lock(node->mutex);
        entries.push_back({name.substr(skip), false, node->bytes.size()});
    }
    std::sort(entries.begin(), entries.end(),
              [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
    return entries;
}

Result<bool> MemoryFileSystem::exists(const Path& path) {
    MutexLock lock(mutex_);
    return now_.files.contains(path) || is_directory(path);
}

Result<void> MemoryFileSystem::hard_link(const Path& from, const Path& to) {
    MutexLock lock(mutex_);
    const auto found = now_.files.find(from);
    if (found == now_.files.end()) return not_found("cannot link {}: no such file", from);
    if (now_.files.contains(to)) return conflict("cannot link {}: it exists", to);
    now_.files.emplace(to, found->second);
    return {};
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const Path& path) {
    MutexLock lock(locks_->mutex);
    if (!locks_->held.insert(path).second)
        return conflict("{} is locked by process (this one)", path);
    return std::unique_ptr<FileLock>(new MemoryLock(locks_, path));
}

Result<SpaceInfo> MemoryFileSystem::space(const Path&) {
    return SpaceInfo{uint64_t{1} << 40, uint64_t{1} << 40};
}

MemoryFileSystem::Tree MemoryFileSystem::current() const {
    MutexLock lock(mutex_);
    return now_;
}

MemoryFileSystem::Tree MemoryFileSystem::durable() const {
    MutexLock lock(mutex_);
    return durable_;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::durable_copy() const {
    Tree copy;
    const Tree tree = durable();
    copy.directories = tree.directories;
    for (const auto& [path, node] : tree.files) {
        // A file is there only when all directories above it are.
        bool reachable = true;
        for (Path at = parent_of(path); !at.empty(); at = parent_of(at)) {
            reachable = reachable && tree.directories.contains(at);
        }
        if (!reachable) continue;
        auto fresh = std::make_shared<Node>();
        MutexLock lock(node->mutex);
        MutexLock fresh_lock(fresh->mutex);
        fresh->bytes = node->durable;
        fresh->durable = node->durable;
        copy.files.emplace(path, fresh);
    }
    return std::make_unique<MemoryFileSystem>(copy);
}

Result<void> MemoryFileSystem::corrupt(const Path& path, uint64_t offset, uint8_t flip_mask) {
    MutexLock lock(mutex_);
    const auto found = now_.files.find(path);
    if (found == now_.files.end()) return not_found("no file {}", path);
    MutexLock node_lock(found->second->mutex);
    if (offset >= found->second->bytes.size()) return not_found("{} has no byte {}", path, offset);
    found->second->bytes[offset] ^= flip_mask;
    return {};
}

}  // namespace kw::fs
