// The tables of a block's index as views of the mapped file, checked once when opened: every offset
// lies in its section, every symbol exists, and the accessors below need no further checks.
// Layout:
// docs/formats/block.md. For BlockReader and BlockCursor only.
// Threads: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fs/file_system.h"
#include "base/result.h"
#include "tsdb/block_meta.h"
#include "tsdb/block_reader.h"

namespace kw::tsdb {

// u32 or u64 numbers at any alignment.
template <typename T>
class NumberArray final {
 public:
    NumberArray() = default;
    explicit NumberArray(ByteView bytes) : bytes_(bytes) {}
    size_t size() const { return bytes_.size() / sizeof(T); }
    T operator[](size_t i) const { return load_le<T>(bytes_.data() + i * sizeof(T)); }

 private:
    ByteView bytes_;
};

// Texts or columns by number: offsets and the bytes they cut.
class Slices final {
 public:
    // Takes a section: u32 count, u32 × (count + 1) offsets, bytes.
    // Errors: kCorrupt.
    static Result<Slices> open(ByteView section);
    size_t size() const { return offsets_.size() - 1; }
    ByteView operator[](size_t i) const {
        return bytes_.subspan(offsets_[i], offsets_[i + 1] - offsets_[i]);
    }

 private:
    NumberArray<uint32_t> offsets_;
    ByteView bytes_;
};

struct ColumnHead {
    uint64_t slot_count = 0;
    int64_t first = 0;
    int64_t last = 0;
    ByteView body;  // the timestamp column
};

struct BlockReader::Index {
    // Errors: kCorrupt with the offset, kUnsupported.
    static Result<std::unique_ptr<const Index>> open(std::unique_ptr<fs::MappedFile> index,
                                                     std::unique_ptr<fs::MappedFile> chunks,
                                                     const BlockMeta& meta);

    std::string_view symbol(uint32_t id) const { return as_text(symbols[id]); }
    // The position among the names, nullopt when no series has the label.
    std::optional<size_t> find_name(std::string_view name) const;
    uint32_t name_symbol(size_t name) const { return names[name * 3]; }
    size_t first_pair(size_t name) const { return names[name * 3 + 1]; }
    size_t pair_count(size_t name) const { return names[name * 3 + 2]; }
    // The first pair of `name` whose value is not below `value`, may be past its last.
    size_t lower_bound(size_t name, std::string_view value) const;
    std::optional<size_t> find_pair(std::string_view name, std::string_view value) const;
    std::string_view pair_value(size_t pair) const { return symbol(values[pair]); }
    ByteView pair_postings(size_t pair) const {
        return postings.subspan(postings_offsets[pair],
                                postings_offsets[pair + 1] - postings_offsets[pair]);
    }
    // Errors: kCorrupt.
    Result<void> open_pairs(ByteView section);
    Result<ColumnHead> column(uint64_t id) const;

    std::unique_ptr<fs::MappedFile> index_file;
    std::unique_ptr<fs::MappedFile> chunks_file;
    Slices symbols;
    Slices columns;
    NumberArray<uint64_t> series_pages;
    NumberArray<uint64_t> chunk_pages;
    NumberArray<uint32_t> names;  // three numbers each: symbol, first pair, pairs
    NumberArray<uint32_t> values;
    NumberArray<uint32_t> postings_offsets;
    ByteView postings;
};

}  // namespace kw::tsdb
