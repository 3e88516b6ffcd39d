#include "base/fs/failing.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <variant>

namespace kw::fs {
namespace {

constexpr size_t kSectorBytes = 512;

struct FileNode {
    Bytes bytes;    // as written
    Bytes durable;  // as last synced
    // What a failed sync was to make durable: [begin, end) that may be missing for ever.
    std::vector<std::pair<size_t, size_t>> doubtful;
};

struct DirectoryNode;
using Child = std::variant<std::shared_ptr<FileNode>, std::shared_ptr<DirectoryNode>>;
using Entries = std::map<std::string, Child>;

// One change of the names in a directory: `removed` goes, `added` comes, both at once.
struct NameChange {
    std::string removed;
    std::string added;
    std::optional<Child> child;
};

struct DirectoryNode {
    Entries entries;
    Entries durable;
    std::vector<NameChange> changes;  // since the last sync
};

void apply_change(const NameChange& change, Entries& entries) {
    if (!change.removed.empty()) entries.erase(change.removed);
    if (change.child) entries.insert_or_assign(change.added, *change.child);
}

void change_names(DirectoryNode& directory, NameChange change) {
    apply_change(change, directory.entries);
    directory.changes.push_back(std::move(change));
}

std::vector<std::string> parts_of(const Path& path) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < path.size();) {
        const size_t slash = std::min(path.find('/', at), path.size());
        if (slash > at && path.substr(at, slash - at) != ".") {
            parts.push_back(path.substr(at, slash - at));
        }
        at = slash + 1;
    }
    return parts;
}

std::shared_ptr<DirectoryNode> directory_of(const Child& child) {
    const auto* directory = std::get_if<std::shared_ptr<DirectoryNode>>(&child);
    return directory == nullptr ? nullptr : *directory;
}

std::shared_ptr<FileNode> file_of(const Child& child) {
    const auto* file = std::get_if<std::shared_ptr<FileNode>>(&child);
    return file == nullptr ? nullptr : *file;
}

// Bytes that a crash leaves of `file`.
Bytes crashed_bytes(const FileNode& file, uint64_t seed, std::mt19937_64& random) {
    if (seed == 1) return file.bytes;
    Bytes bytes = file.durable;
    const bool appended_only =
        file.bytes.size() >= file.durable.size() &&
        std::equal(file.durable.begin(), file.durable.end(), file.bytes.begin());
    if (seed != 0) {
        if (appended_only) {
            const size_t added = file.bytes.size() - file.durable.size();
            const size_t kept = random() % 4 == 0 ? added : random() % (added + 1);
            bytes.assign(file.bytes.begin(),
                         file.bytes.begin() + static_cast<ptrdiff_t>(file.durable.size() + kept));
            const bool reordered = random() % 2 == 0;
            for (size_t at = file.durable.size(); reordered && at < bytes.size();) {
                const size_t end = std::min(bytes.size(), (at / kSectorBytes + 1) * kSectorBytes);
                if (random() % 4 == 0)
                    std::fill(bytes.begin() + static_cast<ptrdiff_t>(at),
                              bytes.begin() + static_cast<ptrdiff_t>(end), 0);
                at = end;
            }
        } else if (random() % 2 == 0) {
            bytes = file.bytes;
        }
    }
    for (const auto& [begin, end] : file.doubtful) {
        for (size_t at = begin; at < std::min(end, bytes.size());) {
            const size_t stop =
                std::min({bytes.size(), end, (at / kSectorBytes + 1) * kSectorBytes});
            if (seed == 0 || random() % 2 == 0) {
                std::fill(bytes.begin() + static_cast<ptrdiff_t>(at),
                          bytes.begin() + static_cast<ptrdiff_t>(stop), 0);
            }
            at = stop;
        }
    }
    return bytes;
}

Entries crashed_names(const DirectoryNode& directory, uint64_t seed, std::mt19937_64& random) {
    if (seed == 1) return directory.entries;
    Entries entries = directory.durable;
    if (seed == 0) return entries;
    // A journal loses all changes from one on; without one, any may be missing.
    const bool journalled = random() % 2 == 0;
    const size_t kept = random() % (directory.changes.size() + 1);
    for (size_t i = 0; i < directory.changes.size(); ++i) {
        if (journalled ? i < kept : random() % 2 == 0) apply_change(directory.changes[i], entries);
    }
    return entries;
}

void collect(const DirectoryNode& directory, const Path& path, uint64_t seed,
             std::mt19937_64& random,
             std::map<const FileNode*, std::shared_ptr<MemoryFileSystem::Node>>& made,
             MemoryFileSystem::Tree& tree) {
    for (const auto& [name, child] : crashed_names(directory, seed, random)) {
        const Path at = path == "/" ? path + name : path.empty() ? name : join(path, name);
        if (const auto inner = directory_of(child)) {
            tree.directories.insert(at);
            collect(*inner, at, seed, random, made, tree);
            continue;
        }
        auto& node = made[file_of(child).get()];
        if (node == nullptr) {
            node = std::make_shared<MemoryFileSystem::Node>();
            MutexLock lock(node->mutex);
            node->bytes = crashed_bytes(*file_of(child), seed, random);
            node->durable = node->bytes;
        }
        tree.files.emplace(at, node);
    }
}

void make_all_durable(DirectoryNode& directory) {
    directory.durable = directory.entries;
    directory.changes.clear();
    for (const auto& [name, child] : directory.entries) {
        if (const auto inner = directory_of(child)) make_all_durable(*inner);
    }
}

}  // namespace

struct FailingFileSystem::State {
    enum class Verdict { kGo, kFail, kPart };  // kPart: an append writes a part

    mutable Mutex mutex;
    std::shared_ptr<DirectoryNode> relative KW_GUARDED_BY(mutex) =
        std::make_shared<DirectoryNode>();
    std::shared_ptr<DirectoryNode> absolute KW_GUARDED_BY(mutex) =
        std::make_shared<DirectoryNode>();
    Fault fault KW_GUARDED_BY(mutex);
    bool crashed KW_GUARDED_BY(mutex) = false;
    uint64_t operations KW_GUARDED_BY(mutex) = 0;
    std::set<Path> locks KW_GUARDED_BY(mutex);

    bool faulty() const KW_REQUIRES(mutex) {
        return fault.operation != 0 && operations >= fault.operation &&
               operations - fault.operation < fault.operations;
    }
    // Counts an operation and says what becomes of it; `error` is set unless it goes well.
    Verdict begin(std::string_view what, const Path& path, bool frees_space, Error& error)
        KW_REQUIRES(mutex) {
        ++operations;
        if (!crashed && !faulty()) return Verdict::kGo;
        error = unavailable("cannot {} {}: Input/output error (simulated)", what, path);
        if (crashed) return Verdict::kFail;
        switch (fault.kind) {
            case Fault::kError: return Verdict::kFail;
            case Fault::kNoSpace:
                error = exhausted("cannot {} {}: No space left on device (simulated)", what, path);
                return frees_space ? Verdict::kGo : Verdict::kPart;
            case Fault::kShortWrite: return Verdict::kPart;
            case Fault::kTear: crashed = true; return Verdict::kPart;
            case Fault::kCrash: crashed = true; return Verdict::kFail;
        }
        return Verdict::kFail;
    }
    Result<void> check_alive(std::string_view what, const Path& path) const KW_REQUIRES(mutex) {
        if (crashed) return unavailable("cannot {} {}: Input/output error (simulated)", what, path);
        return {};
    }

    std::shared_ptr<DirectoryNode> root(const Path& path) const KW_REQUIRES(mutex) {
        return path.starts_with('/') ? absolute : relative;
    }
    std::shared_ptr<DirectoryNode> find_directory(const Path& path) const KW_REQUIRES(mutex) {
        std::shared_ptr<DirectoryNode> at = root(path);
        for (const std::string& part : parts_of(path)) {
            const auto found = at->entries.find(part);
            if (found == at->entries.end()) return nullptr;
            at = directory_of(found->second);
            if (at == nullptr) return nullptr;
        }
        return at;
    }
    struct Place {
        std::shared_ptr<DirectoryNode> parent;  // null when absent
        std::string name;
        const Child* child() const {
            if (parent == nullptr) return nullptr;
            const auto found = parent->entries.find(name);
            return found == parent->entries.end() ? nullptr : &found->second;
        }
        std::shared_ptr<FileNode> file() const {
            return child() == nullptr ? nullptr : file_of(*child());
        }
    };
    Place find(const Path& path) const KW_REQUIRES(mutex) {
        std::vector<std::string> parts = parts_of(path);
        if (parts.empty()) return {};
        Place place;
        place.name = parts.back();
        parts.pop_back();
        place.parent = root(path);
        for (const std::string& part : parts) {
            const auto found = place.parent->entries.find(part);
            place.parent =
                found == place.parent->entries.end() ? nullptr : directory_of(found->second);
            if (place.parent == nullptr) return {};
        }
        return place;
    }
};

namespace {

using State = FailingFileSystem::State;

class FailingFile final : public File {
 public:
    FailingFile(std::shared_ptr<State> state, std::shared_ptr<FileNode> node, Path path)
        : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)) {}

    Result<void> append(ByteView bytes) override {
        MutexLock lock(state_->mutex);
        Error error;
        const State::Verdict verdict = state_->begin("write", path_, false, error);
        if (verdict == State::Verdict::kFail) return error;
        // Which part is of no matter, but it must not always be a round one.
        const size_t part = (state_->operations * 7919) % (bytes.size() + 1);
        const ByteView written = verdict == State::Verdict::kGo ? bytes : bytes.first(part);
        node_->bytes.insert(node_->bytes.end(), written.begin(), written.end());
        if (verdict == State::Verdict::kPart) return error;
        return {};
    }
    Result<void> sync() override {
        MutexLock lock(state_->mutex);
        Error error;
        if (state_->begin("sync", path_, true, error) != State::Verdict::kGo) {
            if (!state_->crashed && node_->bytes.size() > node_->durable.size()) {
                node_->doubtful.emplace_back(node_->durable.size(), node_->bytes.size());
            }
            return error;
        }
        node_->durable = node_->bytes;
        return {};
    }
    Result<void> truncate(uint64_t size) override {
        MutexLock lock(state_->mutex);
        Error error;
        if (state_->begin("truncate", path_, true, error) != State::Verdict::kGo) return error;
        node_->bytes.resize(size);
        for (auto& [begin, end] : node_->doubtful) end = std::min<size_t>(end, size);
        std::erase_if(node_->doubtful,
                      [](const auto& range) { return range.first >= range.second; });
        return {};
    }
    Result<size_t> read_at(uint64_t offset, std::span<uint8_t> into) const override {
        MutexLock lock(state_->mutex);
        KW_TRY(state_->check_alive("read", path_));
        if (offset >= node_->bytes.size()) return size_t{0};
        const size_t count = std::min<size_t>(into.size(), node_->bytes.size() - offset);
        std::memcpy(into.data(), node_->bytes.data() + offset, count);
        return count;
    }
    Result<uint64_t> size() const override {
        MutexLock lock(state_->mutex);
        KW_TRY(state_->check_alive("stat", path_));
        return uint64_t{node_->bytes.size()};
    }

 private:
    const std::shared_ptr<State> state_;
    const std::shared_ptr<FileNode> node_;
    const Path path_;
};

class FailingMapping final : public MappedFile {
 public:
    explicit FailingMapping(Bytes bytes) : bytes_(std::move(bytes)) {}
    ByteView bytes() const override { return bytes_; }

 private:
    const Bytes bytes_;
};

class FailingLock final : public FileLock {
 public:
    FailingLock(std::shared_ptr<State> state, Path path)
        : state_(std::move(state)), path_(std::move(path)) {}
    ~FailingLock() override {
        MutexLock lock(state_->mutex);
        state_->locks.erase(path_);
    }

 private:
    const std::shared_ptr<State> state_;
    const Path path_;
};

}  // namespace

FailingFileSystem::FailingFileSystem() : state_(std::make_shared<State>()) {}

FailingFileSystem::FailingFileSystem(const MemoryFileSystem& disk) : FailingFileSystem() {
    const MemoryFileSystem::Tree tree = disk.current();
    for (const Path& path : tree.directories) (void)create_directories(path);
    std::map<const MemoryFileSystem::Node*, std::shared_ptr<FileNode>> made;
    MutexLock lock(state_->mutex);
    for (const auto& [path, node] : tree.files) {
        std::shared_ptr<FileNode>& file = made[node.get()];
        if (file == nullptr) {
            file = std::make_shared<FileNode>();
            MutexLock node_lock(node->mutex);
            file->bytes = node->bytes;
            file->durable = node->bytes;
        }
        const State::Place place = state_->find(path);
        if (place.parent != nullptr) place.parent->entries.insert_or_assign(place.name, file);
    }
    make_all_durable(*state_->relative);
    make_all_durable(*state_->absolute);
    state_->operations = 0;
}

FailingFileSystem::~FailingFileSystem() = default;

void FailingFileSystem::inject(const Fault& fault) {
    MutexLock lock(state_->mutex);
    state_->fault = fault;
}

void FailingFileSystem::crash() {
    MutexLock lock(state_->mutex);
    state_->crashed = true;
}

bool FailingFileSystem::crashed() const {
    MutexLock lock(state_->mutex);
    return state_->crashed;
}

uint64_t FailingFileSystem::operation_count() const {
    MutexLock lock(state_->mutex);
    return state_->operations;
}

std::unique_ptr<MemoryFileSystem> FailingFileSystem::after_crash(uint64_t seed) const {
    MutexLock lock(state_->mutex);
    std::mt19937_64 random(seed);
    std::map<const FileNode*, std::shared_ptr<MemoryFileSystem::Node>> made;
    MemoryFileSystem::Tree tree;
    collect(*state_->relative, "", seed, random, made, tree);
    collect(*state_->absolute, "/", seed, random, made, tree);
    return std::make_unique<MemoryFileSystem>(tree);
}

Result<std::unique_ptr<File>> FailingFileSystem::open(const Path& path, OpenMode mode) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("open", path));
    const State::Place place = state_->find(path);
    if (place.parent == nullptr) return not_found("cannot open {}: no such directory", path);
    std::shared_ptr<FileNode> node = place.file();
    if (node != nullptr && mode == OpenMode::kCreateNew) {
        return conflict("cannot open {}: it exists", path);
    }
    if (node == nullptr) {
        if (mode == OpenMode::kRead) return not_found("cannot open {}: no such file", path);
        if (place.child() != nullptr) return unavailable("cannot open {}: a directory", path);
        Error error;
        if (state_->begin("create", path, false, error) != State::Verdict::kGo) return error;
        node = std::make_shared<FileNode>();
        change_names(*place.parent, {"", place.name, node});
    }
    return std::unique_ptr<File>(new FailingFile(state_, std::move(node), path));
}

Result<std::unique_ptr<MappedFile>> FailingFileSystem::map(const Path& path) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("map", path));
    const std::shared_ptr<FileNode> node = state_->find(path).file();
    if (node == nullptr) return not_found("cannot map {}: no such file", path);
    return std::unique_ptr<MappedFile>(new FailingMapping(node->bytes));
}

Result<void> FailingFileSystem::rename(const Path& from, const Path& to) {
    MutexLock lock(state_->mutex);
    Error error;
    if (state_->begin("rename", from, true, error) != State::Verdict::kGo) return error;
    const State::Place source = state_->find(from);
    const State::Place target = state_->find(to);
    if (source.child() == nullptr) return not_found("cannot rename {}: it is absent", from);
    if (target.parent == nullptr) return not_found("cannot rename to {}: no such directory", to);
    if (target.child() != nullptr) {
        const auto replaced = directory_of(*target.child());
        if ((replaced != nullptr) != (directory_of(*source.child()) != nullptr) ||
            (replaced != nullptr && !replaced->entries.empty())) {
            return unavailable("cannot rename {} to {}: directory not empty", from, to);
        }
    }
    const Child child = *source.child();
    if (source.parent == target.parent) {
        change_names(*source.parent, {source.name, target.name, child});
    } else {
        change_names(*target.parent, {"", target.name, child});
        change_names(*source.parent, {source.name, "", std::nullopt});
    }
    return {};
}

Result<void> FailingFileSystem::remove_file(const Path& path) {
    MutexLock lock(state_->mutex);
    Error error;
    if (state_->begin("remove", path, true, error) != State::Verdict::kGo) return error;
    const State::Place place = state_->find(path);
    if (place.file() == nullptr) return not_found("cannot remove {}: no such file", path);
    change_names(*place.parent, {place.name, "", std::nullopt});
    return {};
}

Result<void> FailingFileSystem::remove_directory(const Path& path) {
    MutexLock lock(state_->mutex);
    Error error;
    const State::Verdict verdict = state_->begin("remove", path, true, error);
    const State::Place place = state_->find(path);
    const std::shared_ptr<DirectoryNode> directory =
        place.child() == nullptr ? nullptr : directory_of(*place.child());
    if (directory == nullptr) {
        if (verdict != State::Verdict::kGo) return error;
        return {};
    }
    // Entry by entry, so that a fault leaves a directory with some of its files.
    const Entries entries = directory->entries;
    size_t left = verdict == State::Verdict::kGo ? entries.size() : entries.size() / 2;
    for (const auto& [name, child] : entries) {
        if (left-- == 0) break;
        change_names(*directory, {name, "", std::nullopt});
    }
    if (verdict != State::Verdict::kGo) return error;
    change_names(*place.parent, {place.name, "", std::nullopt});
    return {};
}

Result<void> FailingFileSystem::create_directories(const Path& path) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("create", path));
    std::shared_ptr<DirectoryNode> at = state_->root(path);
    for (const std::string& part : parts_of(path)) {
        const auto found = at->entries.find(part);
        if (found != at->entries.end()) {
            at = directory_of(found->second);
            if (at == nullptr) return unavailable("cannot create {}: {} is a file", path, part);
            continue;
        }
        Error error;
        if (state_->begin("create", path, false, error) != State::Verdict::kGo) return error;
        auto made = std::make_shared<DirectoryNode>();
        change_names(*at, {"", part, made});
        at = std::move(made);
    }
    return {};
}

Result<void> FailingFileSystem::sync_directory(const Path& path) {
    MutexLock lock(state_->mutex);
    Error error;
    if (state_->begin("sync", path, true, error) != State::Verdict::kGo) return error;
    const std::shared_ptr<DirectoryNode> directory = state_->find_directory(path);
    if (directory == nullptr) return not_found("cannot sync {}: no such directory", path);
    directory->durable = directory->entries;
    directory->changes.clear();
    return {};
}

Result<std::vector<DirectoryEntry>> FailingFileSystem::list(const Path& path) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("list", path));
    const std::shared_ptr<DirectoryNode> directory = state_->find_directory(path);
    if (directory == nullptr) return not_found("cannot list {}: no such directory", path);
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, child] : directory->entries) {
        const std::shared_ptr<FileNode> file = file_of(child);
        entries.push_back({name, file == nullptr, file == nullptr ? 0 : file->bytes.size()});
    }
    return entries;
}

Result<bool> FailingFileSystem::exists(const Path& path) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("stat", path));
    return state_->find(path).child() != nullptr || state_->find_directory(path) != nullptr;
}

Result<void> FailingFileSystem::hard_link(const Path& from, const Path& to) {
    MutexLock lock(state_->mutex);
    Error error;
    if (state_->begin("link", from, false, error) != State::Verdict::kGo) return error;
    const std::shared_ptr<FileNode> node = state_->find(from).file();
    const State::Place target = state_->find(to);
    if (node == nullptr) return not_found("cannot link {}: no such file", from);
    if (target.parent == nullptr) return not_found("cannot link to {}: no such directory", to);
    if (target.child() != nullptr) return conflict("cannot link to {}: it exists", to);
    change_names(*target.parent, {"", target.name, node});
    return {};
}

Result<std::unique_ptr<FileLock>> FailingFileSystem::lock(const Path& path) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("lock", path));
    if (!state_->locks.insert(path).second) return conflict("{} is locked by this process", path);
    return std::unique_ptr<FileLock>(new FailingLock(state_, path));
}

Result<SpaceInfo> FailingFileSystem::space(const Path& path) {
    MutexLock lock(state_->mutex);
    KW_TRY(state_->check_alive("stat", path));
    constexpr uint64_t kCapacity = uint64_t{1} << 40;
    const bool full = state_->fault.kind == Fault::kNoSpace && state_->faulty();
    return SpaceInfo{kCapacity, full ? 0 : kCapacity};
}

}  // namespace kw::fs
