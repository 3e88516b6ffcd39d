// What writer and reader of blocks share: magic numbers, bounds, section kinds and the framing of
// pages. Layout of every byte: docs/formats/block.md. On disk: never renumber.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::tsdb {

inline constexpr std::string_view kChunksFile = "chunks";
inline constexpr std::string_view kIndexFile = "index";
inline constexpr std::string_view kMetaFile = "meta";
inline constexpr std::string_view kTemporarySuffix = ".tmp";
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kDamagedSuffix = ".damaged";

inline constexpr uint32_t kChunksMagic = 0x4b43574b;  // "KWCK"
inline constexpr uint32_t kIndexMagic = 0x5849574b;   // "KWIX"
inline constexpr size_t kFileHeaderBytes = 8;
inline constexpr size_t kFooterBytes = 16;
inline constexpr size_t kFooterEntryBytes = 24;

enum class Section : uint32_t {
    kSymbols = 1,
    kColumns = 2,
    kSeriesPages = 3,
    kChunkPages = 4,
    kPairs = 5,
    kPostings = 6,
};
inline constexpr uint32_t kSectionCount = 6;

inline constexpr size_t kSeriesPerPage = 128;
// 32 KiB raw are some 200 chunks of two hours: 20 us to decompress, and zstd finds what neighbours
// share.
inline constexpr size_t kChunkPageBytes = 32 << 10;
inline constexpr size_t kPageBytesMax = 64 << 20;
inline constexpr size_t kPageHeaderBytes = 13;
// A chunk is a window of the epoch, so that series of one scrape are cut at the same times.
inline constexpr int64_t kChunkSpanMs = 2 * 3600 * 1000;
inline constexpr size_t kChunkSamplesMax = 4096;
// Spans, buckets and bounds of a chunk's histograms: 8 MiB when decoded, and well inside a page.
inline constexpr uint64_t kChunkPartsMax = uint64_t{1} << 20;

inline constexpr uint8_t kChunkHasStarts = 0x01;
inline constexpr uint8_t kChunkHasPresence = 0x02;
inline constexpr uint8_t kChunkHasHistograms = 0x04;
inline constexpr uint8_t kChunkFlagsUnused = 0xf8;

// Appends the page of `raw`, compressed when that pays.
// Errors: kExhausted over kPageBytesMax.
Result<void> append_page(ByteView raw, int compression_level, Bytes& out);

// The raw content of the page at `offset` of `file`: a view of `file`, or of `scratch` when
// compressed.
// Errors: kCorrupt with the offset.
Result<ByteView> read_page(ByteView file, uint64_t offset, Bytes& scratch);

}  // namespace kw::tsdb
