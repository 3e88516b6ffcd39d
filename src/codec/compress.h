// Compression of whole buffers with zstd, for data that is written once and read seldom.
// Threads: each thread keeps a context of its own, some 100 KiB to compress and to decompress.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::codec {

// Appends the compressed form of `bytes` to `out`. `level` is zstd's, 1..19.
void compress(ByteView bytes, int level, Bytes& out);

// Replaces `out` by what `compressed` holds, which must be exactly `size` bytes: who stores the
// compressed form stores its size, so that memory is bounded before a byte is decoded.
// Errors: kCorrupt.
Result<void> decompress(ByteView compressed, size_t size, Bytes& out);

}  // namespace kw::codec
