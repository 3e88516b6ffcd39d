// A block whose checksums are right and whose contents are arbitrary: whatever stands in it, reading ends
// with kCorrupt or with samples, inside its bounds.
//
// Input: u8 kind. Kind 0: the text of a meta file, to which the checksum is added. Else: u8 number of series
// (at most 128), then six parts, each u16 length and bytes (the last may be cut): raw series page, raw chunk
// page, and the sections symbols, columns, pairs, postings. Pages and footer are put around them.
#include <roaring/roaring.hh>

#include <cstdlib>

#include "base/cancel.h"
#include "base/checksum.h"
#include "base/fs/memory.h"
#include "contract/metric_store.h"
#include "tsdb/block_format.h"
#include "tsdb/block_reader.h"

namespace {

using namespace kw;
using namespace kw::tsdb;

constexpr std::string_view kName = "01ARYZ6S410000000000000000";

void put(fs::FileSystem& files, std::string_view name, ByteView bytes) {
    const fs::Path path = fs::join(fs::join("blocks", kName), name);
    auto file = files.open(path, fs::OpenMode::kAppend);
    if (!file.ok() || !(*file)->append(bytes).ok()) std::abort();
}

Bytes offsets_section(std::initializer_list<uint64_t> offsets) {
    ByteWriter out;
    out.u32(static_cast<uint32_t>(offsets.size()));
    for (const uint64_t offset : offsets) out.u64(offset);
    return out.take();
}

ByteView next_part(ByteReader& in) {
    const uint64_t want = in.u16().value_or(0);
    return in.take(std::min<uint64_t>(want, in.remaining())).value();
}

void read_all(const BlockReader& block) {
    (void)block.verify();
    BlockCursor cursor(block);
    SampleColumns samples;
    for (uint32_t id = 0; id < block.series_count(); ++id) {
        (void)cursor.labels(id);
        (void)cursor.range(id);
        samples.clear();
        const TimeRange range{Millis{1000}, Millis{1'700'000'000'000}};
        (void)cursor.read(id, range, samples);
        for (size_t i = 0; i < samples.size(); ++i) {
            if (!range.contains(Millis{samples.timestamps[i]})) std::abort();
            if (i > 0 && samples.timestamps[i - 1] >= samples.timestamps[i]) std::abort();
        }
        if (samples.values.size() != samples.size()) std::abort();
    }
    block.visit_names([&](std::string_view name) {
        (void)block.visit_values(name, "", [&](std::string_view value) {
            Roaring ids;
            if (block.add_pair(name, value, ids).ok() && !ids.isEmpty() &&
                ids.maximum() >= block.series_count()) {
                std::abort();
            }
            return true;
        });
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ByteReader in(ByteView(data, size));
    const uint8_t kind = in.u8().value_or(0);
    if (kind == 0) {
        std::string text(as_text(in.take(in.remaining()).value()));
        (void)parse_block_meta(text);
        text += fmt::format("crc32c {:08x}\n", crc32c(as_bytes(text)));
        const Result<BlockMeta> meta = parse_block_meta(text);
        if (meta.ok() && parse_block_meta(format_block_meta(*meta)).value() != *meta) std::abort();
        return 0;
    }
    BlockMeta meta;
    meta.name = kName;
    meta.range = {Millis{INT64_MIN}, Millis{INT64_MAX}};
    meta.series_count = 1 + in.u8().value_or(0) % kSeriesPerPage;
    meta.sample_count = meta.series_count;

    ByteWriter header;
    header.u32(kIndexMagic);
    header.u32(kBlockVersion);
    Bytes index = header.take();
    header.clear();
    header.u32(kChunksMagic);
    header.u32(kBlockVersion);
    Bytes chunks = header.take();
    if (!append_page(next_part(in), 1, index).ok()) return 0;
    if (!append_page(next_part(in), 1, chunks).ok()) return 0;

    const Bytes pages = offsets_section({kFileHeaderBytes});
    const ByteView symbols = next_part(in);
    const ByteView columns = next_part(in);
    const ByteView pairs = next_part(in);
    const ByteView postings = next_part(in);
    const ByteView sections[] = {symbols, columns, pages, pages, pairs, postings};
    ByteWriter footer;
    for (uint32_t i = 0; i < kSectionCount; ++i) {
        footer.u32(i + 1);
        footer.u32(crc32c(sections[i]));
        footer.u64(index.size());
        footer.u64(sections[i].size());
        index.insert(index.end(), sections[i].begin(), sections[i].end());
    }
    footer.u32(kSectionCount);
    footer.u32(crc32c(footer.view()));
    footer.u32(kBlockVersion);
    footer.u32(kIndexMagic);
    index.insert(index.end(), footer.view().begin(), footer.view().end());
    meta.index_bytes = index.size();
    meta.chunks_bytes = chunks.size();

    fs::MemoryFileSystem files;
    if (!files.create_directories(fs::join("blocks", kName)).ok()) std::abort();
    put(files, kIndexFile, index);
    put(files, kChunksFile, chunks);
    put(files, kMetaFile, as_bytes(format_block_meta(meta)));
    const auto block = BlockReader::open(files, "blocks", std::string(kName));
    if (block.ok()) read_all(**block);
    return 0;
}
