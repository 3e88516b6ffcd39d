#include "tsdb/block_index.h"

#include "base/checksum.h"
#include "tsdb/block_format.h"

namespace kw::tsdb {
namespace {

Result<void> check_header(ByteView file, uint32_t magic) {
    ByteReader in(file);
    KW_TRY_ASSIGN(const uint32_t got, in.u32());
    if (got != magic) return corrupt("magic {:08x} at byte 0, want {:08x}", got, magic);
    KW_TRY_ASSIGN(const uint32_t version, in.u32());
    if (version > kBlockVersion) return unsupported("version {}", version);
    if (version == 0) return corrupt("version 0 at byte 4");
    return {};
}

using Sections = std::array<ByteView, kSectionCount + 1>;  // by kind; 0 is unused

Result<Sections> read_footer(ByteView file) {
    if (file.size() < kFileHeaderBytes + kFooterBytes) {
        return corrupt("{} bytes are no index", file.size());
    }
    const uint8_t* footer = file.data() + file.size() - kFooterBytes;
    const uint32_t count = load_le<uint32_t>(footer);
    const uint32_t want = load_le<uint32_t>(footer + 4);
    const uint32_t version = load_le<uint32_t>(footer + 8);
    const uint32_t magic = load_le<uint32_t>(footer + 12);
    if (magic != kIndexMagic) {
        return corrupt("magic {:08x} at byte {}, want {:08x}", magic, file.size() - 4, kIndexMagic);
    }
    if (version > kBlockVersion) return unsupported("version {}", version);
    const size_t entries_bytes = size_t{count} * kFooterEntryBytes;
    if (entries_bytes > file.size() - kFileHeaderBytes - kFooterBytes) {
        return corrupt("footer of {} sections in {} bytes", count, file.size());
    }
    const size_t entries_offset = file.size() - kFooterBytes - entries_bytes;
    if (crc32c(file.subspan(entries_offset, entries_bytes + 4)) != want) {
        return corrupt("checksum of the footer at byte {}", entries_offset);
    }
    Sections sections;
    ByteReader in(file.subspan(entries_offset, entries_bytes));
    for (uint32_t i = 0; i < count; ++i) {
        KW_TRY_ASSIGN(const uint32_t kind, in.u32());
        KW_TRY_ASSIGN(const uint32_t checksum, in.u32());
        KW_TRY_ASSIGN(const uint64_t offset, in.u64());
        KW_TRY_ASSIGN(const uint64_t length, in.u64());
        if (offset > entries_offset || length > entries_offset - offset) {
            return corrupt("section {} at byte {} of {} bytes, {} in all", kind, offset, length,
                           entries_offset);
        }
        const ByteView bytes = file.subspan(offset, length);
        if (crc32c(bytes) != checksum)
            return corrupt("checksum of section {} at byte {}", kind, offset);
        if (kind == 0 || kind > kSectionCount) return unsupported("section {}", kind);
        sections[kind] = bytes;
    }
    return sections;
}

// u32 count and that many u64 offsets of pages.
Result<NumberArray<uint64_t>> read_offsets(ByteView section) {
    ByteReader in(section);
    KW_TRY_ASSIGN(const uint32_t count, in.u32());
    KW_TRY_ASSIGN(const ByteView offsets, in.take(size_t{count} * 8));
    return NumberArray<uint64_t>(offsets);
}

// Every offset at least the one before and at most `size`.
bool is_ascending(const NumberArray<uint32_t>& offsets, size_t size) {
    uint32_t last = 0;
    for (size_t i = 0; i < offsets.size(); ++i) {
        if (offsets[i] < last || offsets[i] > size) return false;
        last = offsets[i];
    }
    return true;
}

}  // namespace

Result<Slices> Slices::open(ByteView section) {
    ByteReader in(section);
    KW_TRY_ASSIGN(const uint32_t count, in.u32());
    KW_TRY_ASSIGN(const ByteView offsets, in.take((size_t{count} + 1) * 4));
    Slices slices;
    slices.offsets_ = NumberArray<uint32_t>(offsets);
    slices.bytes_ = section.subspan(in.offset());
    if (!is_ascending(slices.offsets_, slices.bytes_.size())) {
        return corrupt("offsets of {} entries in {} bytes", count, slices.bytes_.size());
    }
    return slices;
}

Result<void> BlockReader::Index::open_pairs(ByteView section) {
    ByteReader in(section);
    KW_TRY_ASSIGN(const uint32_t name_count, in.u32());
    KW_TRY_ASSIGN(const ByteView name_bytes, in.take(size_t{name_count} * 12));
    KW_TRY_ASSIGN(const uint32_t pairs, in.u32());
    KW_TRY_ASSIGN(const ByteView value_bytes, in.take(size_t{pairs} * 4));
    KW_TRY_ASSIGN(const ByteView offset_bytes, in.take((size_t{pairs} + 1) * 4));
    names = NumberArray<uint32_t>(name_bytes);
    values = NumberArray<uint32_t>(value_bytes);
    postings_offsets = NumberArray<uint32_t>(offset_bytes);
    if (!is_ascending(postings_offsets, postings.size())) {
        return corrupt("offsets of postings in {} bytes", postings.size());
    }
    for (size_t i = 0; i < values.size(); ++i) {
        if (values[i] >= symbols.size())
            return corrupt("symbol {} of {}", values[i], symbols.size());
    }
    size_t next_pair = 0;
    for (size_t name = 0; name < name_count; ++name) {
        if (name_symbol(name) >= symbols.size()) {
            return corrupt("symbol {} of {}", name_symbol(name), symbols.size());
        }
        if (first_pair(name) != next_pair || pair_count(name) == 0 ||
            pair_count(name) > pairs - next_pair) {
            return corrupt("label name {} with pairs {} + {} of {}", name, first_pair(name),
                           pair_count(name), pairs);
        }
        if (name > 0 && symbol(name_symbol(name - 1)) >= symbol(name_symbol(name))) {
            return corrupt("label name {} out of order", name);
        }
        next_pair += pair_count(name);
    }
    if (next_pair != pairs) return corrupt("{} pairs, {} belong to names", pairs, next_pair);
    return {};
}

Result<std::unique_ptr<const BlockReader::Index>> BlockReader::Index::open(
    std::unique_ptr<fs::MappedFile> index_file, std::unique_ptr<fs::MappedFile> chunks_file,
    const BlockMeta& meta) {
    auto index = std::make_unique<Index>();
    index->index_file = std::move(index_file);
    index->chunks_file = std::move(chunks_file);
    const ByteView bytes = index->index_file->bytes();
    const ByteView chunks = index->chunks_file->bytes();

    Result<void> chunks_header = check_header(chunks, kChunksMagic);
    if (chunks_header.ok() && chunks.size() != meta.chunks_bytes) {
        chunks_header = corrupt("{} bytes, want {}", chunks.size(), meta.chunks_bytes);
    }
    if (!chunks_header.ok()) return std::move(chunks_header).error().with_context(kChunksFile);

    const auto read = [&]() -> Result<void> {
        KW_TRY(check_header(bytes, kIndexMagic));
        if (bytes.size() != meta.index_bytes) {
            return corrupt("{} bytes, want {}", bytes.size(), meta.index_bytes);
        }
        KW_TRY_ASSIGN(const Sections sections, read_footer(bytes));
        const auto section = [&](Section kind) { return sections[static_cast<uint32_t>(kind)]; };
        KW_TRY_ASSIGN(index->symbols, Slices::open(section(Section::kSymbols)));
        KW_TRY_ASSIGN(index->columns, Slices::open(section(Section::kColumns)));
        KW_TRY_ASSIGN(index->series_pages, read_offsets(section(Section::kSeriesPages)));
        KW_TRY_ASSIGN(index->chunk_pages, read_offsets(section(Section::kChunkPages)));
        index->postings = section(Section::kPostings);
        KW_TRY(index->open_pairs(section(Section::kPairs)));
        const uint64_t pages = (meta.series_count + kSeriesPerPage - 1) / kSeriesPerPage;
        if (index->series_pages.size() != pages) {
            return corrupt("{} pages of {} series", index->series_pages.size(), meta.series_count);
        }
        return {};
    };
    if (Result<void> done = read(); !done.ok()) {
        return std::move(done).error().with_context(kIndexFile);
    }
    return std::unique_ptr<const Index>(std::move(index));
}

std::optional<size_t> BlockReader::Index::find_name(std::string_view name) const {
    size_t low = 0;
    size_t high = names.size() / 3;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (symbol(name_symbol(middle)) < name) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == names.size() / 3 || symbol(name_symbol(low)) != name) return std::nullopt;
    return low;
}

size_t BlockReader::Index::lower_bound(size_t name, std::string_view value) const {
    size_t low = first_pair(name);
    size_t high = low + pair_count(name);
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (pair_value(middle) < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

std::optional<size_t> BlockReader::Index::find_pair(std::string_view name,
                                                    std::string_view value) const {
    const std::optional<size_t> found = find_name(name);
    if (!found) return std::nullopt;
    const size_t pair = lower_bound(*found, value);
    if (pair == first_pair(*found) + pair_count(*found) || pair_value(pair) != value) {
        return std::nullopt;
    }
    return pair;
}

Result<ColumnHead> BlockReader::Index::column(uint64_t id) const {
    if (id >= columns.size()) return corrupt("timestamp column {} of {}", id, columns.size());
    const ByteView bytes = columns[id];
    ByteReader in(bytes);
    ColumnHead head;
    KW_TRY_ASSIGN(head.slot_count, in.varint());
    KW_TRY_ASSIGN(head.first, in.varint_signed());
    KW_TRY_ASSIGN(const uint64_t span, in.varint());
    head.last = static_cast<int64_t>(static_cast<uint64_t>(head.first) + span);
    head.body = bytes.subspan(in.offset());
    if (head.slot_count == 0 || head.slot_count > kChunkSamplesMax || head.last < head.first) {
        return corrupt("timestamp column {} of {} slots from {} to {}", id, head.slot_count,
                       head.first, head.last);
    }
    return head;
}

}  // namespace kw::tsdb
