#include "tsdb/block_format.h"

#include "base/checksum.h"
#include "codec/compress.h"

namespace kw::tsdb {
namespace {

enum class PageEncoding : uint8_t { kStored = 0, kZstd = 1 };  // on disk

}  // namespace

Result<void> append_page(ByteView raw, int compression_level, Bytes& out) {
    if (raw.size() > kPageBytesMax) {
        return exhausted("page of {} bytes, at most {} are allowed", raw.size(), kPageBytesMax);
    }
    const size_t start = out.size();
    out.resize(start + kPageHeaderBytes);
    codec::compress(raw, compression_level, out);
    PageEncoding encoding = PageEncoding::kZstd;
    if (out.size() - start - kPageHeaderBytes > raw.size() - raw.size() / 32) {
        encoding = PageEncoding::kStored;
        out.resize(start + kPageHeaderBytes);
        out.insert(out.end(), raw.begin(), raw.end());
    }
    uint8_t* header = out.data() + start;
    const size_t stored = out.size() - start - kPageHeaderBytes;
    store_le(header + 4, static_cast<uint32_t>(stored));
    store_le(header + 8, static_cast<uint32_t>(raw.size()));
    header[12] = static_cast<uint8_t>(encoding);
    store_le(header, crc32c(ByteView(header + 4, kPageHeaderBytes - 4 + stored)));
    return {};
}

Result<ByteView> read_page(ByteView file, uint64_t offset, Bytes& scratch) {
    if (offset > file.size() || file.size() - offset < kPageHeaderBytes) {
        return corrupt("page header at byte {} of {}", offset, file.size());
    }
    const ByteView page = file.subspan(offset);
    const uint32_t stored = load_le<uint32_t>(page.data() + 4);
    const uint32_t raw = load_le<uint32_t>(page.data() + 8);
    if (stored > page.size() - kPageHeaderBytes || raw > kPageBytesMax) {
        return corrupt("page at byte {}: {} bytes stored, {} raw, {} are left", offset, stored, raw,
                       page.size() - kPageHeaderBytes);
    }
    const uint32_t want = load_le<uint32_t>(page.data());
    const uint32_t got = crc32c(page.subspan(4, kPageHeaderBytes - 4 + stored));
    if (want != got) {
        return corrupt("page at byte {}: checksum {:08x}, want {:08x}", offset, got, want);
    }
    const ByteView content = page.subspan(kPageHeaderBytes, stored);
    switch (static_cast<PageEncoding>(page[12])) {
        case PageEncoding::kStored:
            if (stored != raw)
                return corrupt("page at byte {}: {} bytes stored, {} raw", offset, stored, raw);
            return content;
        case PageEncoding::kZstd: {
            Result<void> done = codec::decompress(content, raw, scratch);
            if (!done.ok()) {
                return std::move(done).error().with_context(fmt::format("page at byte {}", offset));
            }
            return ByteView(scratch);
        }
    }
    return corrupt("page at byte {}: encoding {}", offset, page[12]);
}

}  // namespace kw::tsdb
