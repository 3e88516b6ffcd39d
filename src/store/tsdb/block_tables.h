// The tables of an index that grow while a block is written: symbols, timestamp columns, label
// pairs. Each collects during the one pass and becomes a section at the end; see
// docs/formats/block.md.
// Threads: one.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace kw {
class LabelSet;
}

namespace kw::tsdb {

// Texts by number, in order of first use.
class SymbolTable final {
 public:
    uint32_t id_of(std::string_view text);
    std::string_view text(uint32_t id) const { return texts_[id]; }
    // Errors: kExhausted past 4 GiB.
    Result<Bytes> section() const;

 private:
    std::deque<std::string> texts_;  // stable: the map's keys are views of them
    boost::unordered_flat_map<std::string_view, uint32_t> ids_;
};

// Distinct timestamp columns, each stored once.
class ColumnTable final {
 public:
    struct Use {
        uint32_t column = 0;
        bool partial = false;  // then presence() says which slots
    };

    // The column that has `timestamps` (1 to kChunkSamplesMax, ascending): one of equal content, or
    // one of the same `group` and `window` that has them among its slots, or a new one.
    // Errors:
    // kExhausted past 4 GiB.
    Result<Use> use(std::span<const int64_t> timestamps, uint64_t group, int64_t window);
    // Of the last use(), when it was partial.
    std::span<const uint64_t> presence() const { return presence_; }
    size_t slot_count(uint32_t column) const { return slot_counts_[column]; }
    Bytes section() const;

 private:
    bool equals(uint32_t column, std::span<const int64_t> timestamps);
    bool covers(uint32_t column, std::span<const int64_t> timestamps);
    void decode(uint32_t column);

    Bytes bytes_;
    std::vector<uint32_t> offsets_;
    std::vector<uint32_t> slot_counts_;
    boost::unordered_flat_map<uint64_t, uint32_t> by_content_;  // hash of the timestamps
    boost::unordered_flat_map<uint64_t, uint32_t> by_group_;    // hash of group and window
    std::vector<int64_t> decoded_;
    std::vector<uint64_t> presence_;
};

// Series ids by label pair.
class PairTable final {
 public:
    // Ids are added in ascending order.
    void add(uint32_t name_symbol, uint32_t value_symbol, uint32_t series_id);
    struct Sections {
        Bytes pairs;
        Bytes postings;
    };
    // Errors: kExhausted past 4 GiB.
    Result<Sections> sections(const SymbolTable& symbols) const;

 private:
    struct Pair {
        uint32_t name;
        uint32_t value;
        std::vector<uint32_t> series;
    };
    std::vector<Pair> pairs_;
    boost::unordered_flat_map<uint64_t, uint32_t> index_of_;  // name symbol · 2^32 + value symbol
};

}  // namespace kw::tsdb
