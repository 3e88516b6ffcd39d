// Checksums and hashes of bytes.
//   crc32c  guards what is on disk (RFC 3720, appendix B.4); SSE4.2, with a table where it is
//   absent. hash64  XXH3: for tables in memory and for identities that are checked again; never on
//   disk alone.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace kw {

// `seed` is the crc of the bytes before, 0 at the start.
uint32_t crc32c(ByteView bytes, uint32_t seed = 0);
// The same by table: the plain form that the fast one is tested against.
uint32_t crc32c_plain(ByteView bytes, uint32_t seed = 0);

// XXH64 with seed 0, where another program's choice is to be made again.
uint64_t xxh64(std::string_view text);
uint64_t hash64(ByteView bytes);
inline uint64_t hash64(std::string_view text) { return hash64(as_bytes(text)); }

}  // namespace kw
