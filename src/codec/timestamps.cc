#include "codec/timestamps.h"

#include "codec/integers.h"

namespace kw::codec {
namespace {
constexpr uint8_t kTagIntegers = 1;  // on disk
}

void encode_timestamps(std::span<const int64_t> timestamps, Bytes& out) {
    if (timestamps.empty()) return;
    out.push_back(kTagIntegers);
    encode_integers(timestamps, out);
}

Result<size_t> decode_timestamps(ByteView in, std::span<int64_t> out) {
    if (out.empty()) return size_t{0};
    if (in.empty()) return corrupt("timestamp column of 0 bytes, {} values wanted", out.size());
    if (in[0] != kTagIntegers) return corrupt("timestamp column with tag {}", in[0]);
    KW_TRY_ASSIGN(const size_t used, decode_integers(in.subspan(1), out));
    return used + 1;
}

}  // namespace kw::codec
