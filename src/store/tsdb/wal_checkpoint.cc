#include "tsdb/wal_checkpoint.h"

#include "tsdb/wal.h"
#include "tsdb/wal_frame.h"

namespace kw::tsdb {
namespace {

constexpr size_t kWriteBytes = 1 << 20;

}  // namespace

Result<void> write_checkpoint(
    fs::FileSystem& files, const fs::Path& directory, uint64_t segment,
    const std::function<Result<void>(const std::function<Result<void>(ByteView)>& take)>& write) {
    const fs::Path path = fs::join(directory, wal_checkpoint_name(segment));
    const fs::Path temporary = path + ".tmp";
    const auto write_file = [&]() -> Result<void> {
        // What an attempt before has left is not continued.
        KW_TRY_ASSIGN(const bool left, files.exists(temporary));
        if (left) KW_TRY(files.remove_file(temporary));
        KW_TRY_ASSIGN(const auto file, files.open(temporary, fs::OpenMode::kCreateNew));
        WalHeader header;
        header.kind = WalFileKind::kCheckpoint;
        header.number = segment;
        Bytes buffer;
        append_wal_header(header, buffer);
        uint64_t flushed = 0;
        const auto flush = [&]() -> Result<void> {
            KW_TRY(file->append(buffer));
            flushed += buffer.size();
            buffer.clear();
            return {};
        };
        KW_TRY(write([&](ByteView record) -> Result<void> {
            append_wal_record(record, flushed + buffer.size(), buffer);
            return buffer.size() < kWriteBytes ? Result<void>() : flush();
        }));
        KW_TRY(flush());
        return file->sync();
    };
    Result<void> done = write_file();
    if (done.ok()) done = files.rename(temporary, path);
    if (done.ok()) done = files.sync_directory(directory);
    if (done.ok()) return {};
    (void)files.remove_file(temporary);
    return std::move(done).with_context(fmt::format("writing {}", path));
}

Result<void> remove_before_checkpoint(fs::FileSystem& files, const fs::Path& directory,
                                      uint64_t segment) {
    KW_TRY_ASSIGN(const auto entries, files.list(directory));
    for (const fs::DirectoryEntry& entry : entries) {
        std::optional<uint64_t> number = wal_segment_number(entry.name);
        if (!number.has_value()) number = wal_checkpoint_number(entry.name);
        if (!entry.is_directory && number.has_value() && *number < segment) {
            KW_TRY(files.remove_file(fs::join(directory, entry.name)));
        }
    }
    return files.sync_directory(directory);
}

}  // namespace kw::tsdb
