#include "app/snapshot.h"

#include <fmt/chrono.h>

#include <random>

#include "base/clock.h"

namespace kw::app {
namespace {

constexpr std::string_view kSnapshots = "snapshots";
constexpr std::string_view kUnfinished = ".tmp";

std::string new_name(Millis now) {
    std::random_device random;
    const uint64_t number = uint64_t{random()} << 32 | random();
    return fmt::format("{:%Y%m%dT%H%M%SZ}-{:016x}",
                       fmt::gmtime(static_cast<std::time_t>(now.count / 1000)), number);
}

}  // namespace

Result<void> remove_unfinished_snapshots(fs::FileSystem& files, const fs::Path& storage_path) {
    const fs::Path directory = fs::join(storage_path, kSnapshots);
    KW_TRY_ASSIGN(const bool is_there, files.exists(directory));
    if (!is_there) return {};
    KW_TRY_ASSIGN(const std::vector<fs::DirectoryEntry> entries, files.list(directory));
    for (const fs::DirectoryEntry& entry : entries) {
        if (!entry.is_directory || !entry.name.ends_with(kUnfinished)) continue;
        KW_TRY(files.remove_directory(fs::join(directory, entry.name)));
    }
    return {};
}

Result<std::string> make_snapshot(
    Environment& env, const fs::Path& storage_path,
    const std::function<Result<void>(const fs::Path& directory)>& fill) {
    const fs::Path directory = fs::join(storage_path, kSnapshots);
    KW_TRY(env.files.create_directories(directory));
    KW_TRY(env.files.sync_directory(storage_path));
    const std::string name = new_name(env.clock.now());
    const fs::Path finished = fs::join(directory, name);
    const fs::Path unfinished = finished + std::string(kUnfinished);
    KW_TRY(env.files.create_directories(unfinished));
    Result<void> done = fill(unfinished);
    if (done.ok()) done = env.files.sync_directory(unfinished);
    if (done.ok()) done = env.files.rename(unfinished, finished);
    if (!done.ok()) {
        (void)env.files.remove_directory(unfinished);  // else at the next start
        return std::move(done).error();
    }
    KW_TRY(env.files.sync_directory(directory));
    return name;
}

}  // namespace kw::app
