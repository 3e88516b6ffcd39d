#include "tsdb/block_set.h"

#include <algorithm>

#include "tsdb/block_format.h"
#include "tsdb/block_reader.h"
#include "tsdb/block_writer.h"
#include "tsdb/compactor.h"

namespace kw::tsdb {

Result<OpenedBlocks> open_blocks(fs::FileSystem& files, const fs::Path& directory) {
    KW_TRY(files.create_directories(directory));
    KW_TRY(remove_block_leftovers(files, directory));
    KW_TRY_ASSIGN(const std::vector<fs::DirectoryEntry> entries, files.list(directory));
    OpenedBlocks opened;
    std::vector<BlockMeta> metas;
    for (const fs::DirectoryEntry& entry : entries) {
        if (!entry.is_directory || !is_block_name(entry.name)) continue;
        Result<std::shared_ptr<const BlockReader>> block =
            BlockReader::open(files, directory, entry.name);
        if (block.ok()) {
            metas.push_back((*block)->meta());
            opened.blocks.push_back(std::move(block).value());
            continue;
        }
        Error error = std::move(block).error();
        // A block without one of its files is as damaged as one with a wrong byte.
        if (error.code == Code::kNotFound) error.code = Code::kCorrupt;
        if (error.code != Code::kCorrupt) return error;
        KW_TRY(quarantine_block(files, directory, entry.name));
        opened.damaged.push_back({entry.name, std::move(error)});
    }
    for (const std::string& name : superseded_blocks(metas)) {
        std::erase_if(opened.blocks, [&](const auto& block) { return block->meta().name == name; });
        KW_TRY(delete_block(files, directory, name));
    }
    std::sort(opened.blocks.begin(), opened.blocks.end(), [](const auto& lhs, const auto& rhs) {
        if (lhs->meta().range.min != rhs->meta().range.min) {
            return lhs->meta().range.min < rhs->meta().range.min;
        }
        return lhs->meta().name < rhs->meta().name;
    });
    return opened;
}

Result<void> quarantine_block(fs::FileSystem& files, const fs::Path& directory,
                              const std::string& name) {
    const fs::Path path = fs::join(directory, name);
    KW_TRY(files.rename(path, path + std::string(kDamagedSuffix)));
    return files.sync_directory(directory);
}

}  // namespace kw::tsdb
