// Presence columns: which slots of a shared timestamp column a series has a sample in.
//
// Bit i of the bitmap (word i / 64, bit i % 64) says that slot i is taken; bits past the last slot
// are 0.
// Layout (on disk: never renumber)
//     u8 tag
//     0 all       every slot
//     1 run       varint first slot, varint count: one run, as of a series that began or ended
//     2 bitmap    ceil(slots / 8) bytes
//     3 gaps      varint count, then varint distances between absent slots, minus 1
// The number of slots is not stored: who stores the column knows it.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::codec {

inline constexpr size_t presence_words(size_t slot_count) { return (slot_count + 63) / 64; }

// Appends. `words` has presence_words(slot_count) entries, bits past the last slot 0.
void encode_presence(std::span<const uint64_t> words, size_t slot_count, Bytes& out);

// Fills `words`, presence_words(slot_count) of them; returns the bytes used.
// Errors: kCorrupt with the offset.
Result<size_t> decode_presence(ByteView in, size_t slot_count, std::span<uint64_t> words);

// The taken slots of `words`.
size_t presence_count(std::span<const uint64_t> words);

// Copies the taken slots of `from` (one entry a slot) to the front of `to`, which has room for
// presence_count(words); returns how many.
size_t gather_present(std::span<const int64_t> from, std::span<const uint64_t> words,
                      std::span<int64_t> to);

}  // namespace kw::codec
