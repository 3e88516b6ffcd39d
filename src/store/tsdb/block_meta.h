// What a block says about itself: file `meta` of its directory, readable by people.
//
// One `key value` a line, in the order below, the last line the CRC-32C of all bytes before it:
//     kilowatch-block 1
//     name 01JD3Q…
//     min_time 1732200000000           inclusive, milliseconds
//     max_time 1732207199999           inclusive
//     level 1                          1: written from the head; one more than the highest merged
//     generation 17                    the age: at one time the lower generation's sample wins
//     series 1000
//     samples 480000
//     histograms 480                   samples of them that are native histograms; no line when there are none
//     chunks 1000
//     index_bytes 40123
//     chunks_bytes 201456
//     source 01JD3Q…                   a line for each block of level 1 that went in, itself included
//     parent 01JD3P…                   a line for each block that was merged into this one
//     crc32c 89abcdef
// A key that this version does not know is skipped when it starts with `x-`; any other is
// kUnsupported.
// Source: docs/formats/block.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace kw::tsdb {

inline constexpr uint32_t kBlockVersion = 1;

struct BlockMeta {
    std::string name;  // the directory's, see make_block_name()
    TimeRange range;   // of its samples; inclusive
    uint32_t level = 1;
    uint64_t generation = 0;
    uint64_t series_count = 0;
    uint64_t sample_count = 0;
    uint64_t histogram_count = 0;  // of the samples
    uint64_t chunk_count = 0;
    uint64_t index_bytes = 0;
    uint64_t chunks_bytes = 0;
    std::vector<std::string> sources;  // sorted
    std::vector<std::string> parents;  // sorted

    uint64_t total_bytes() const { return index_bytes + chunks_bytes; }
    bool operator==(const BlockMeta&) const = default;
};

// A ULID: 26 characters of Crockford's base 32, 48 bits of `now` and 80 random ones (the low 16
// bits of `random_high`, all of `random_low`). Sorts by time.
std::string make_block_name(Millis now, uint64_t random_high, uint64_t random_low);
bool is_block_name(std::string_view name);

std::string format_block_meta(const BlockMeta& meta);
// Errors: kCorrupt with the line, kUnsupported (a newer version).
Result<BlockMeta> parse_block_meta(std::string_view text);

}  // namespace kw::tsdb
