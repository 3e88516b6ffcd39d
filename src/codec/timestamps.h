// Timestamp columns: int64 milliseconds, ascending; a steady step costs some ten bytes whatever the
// length.
//
// Layout (on disk: never renumber)
//     u8 tag: 1 integer column (integers.h), which follows
// Start timestamps (of counters) use the same columns and need not ascend.
// The number of values is not stored: who stores the column knows it.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::codec {

// Appends the column of `timestamps` to `out`. Nothing is appended for none.
void encode_timestamps(std::span<const int64_t> timestamps, Bytes& out);

// Fills all of `out`; returns the bytes used, at most in.size(). Does not check the order.
// Errors: kCorrupt with the offset.
Result<size_t> decode_timestamps(ByteView in, std::span<int64_t> out);

}  // namespace kw::codec
