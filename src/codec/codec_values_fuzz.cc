// Float, timestamp and presence columns from arbitrary bytes: nothing is read or written outside,
// and what decodes must survive being encoded again.
//
// Input: u8 kind (0 values, 1 timestamps, 2 presence), u16 count, then the column.
#include <cstdlib>

#include "codec/presence.h"
#include "codec/timestamps.h"
#include "codec/values.h"

namespace {

using namespace kw;

void check(bool holds) {
    if (!holds) std::abort();
}

void values(ByteView column, size_t count) {
    std::vector<double> decoded(count), again(count);
    const Result<size_t> used = codec::decode_values(column, decoded);
    if (!used.ok()) return;
    check(used.value() <= column.size());
    Bytes bytes;
    codec::encode_values(decoded, bytes);
    const Result<size_t> used_again = codec::decode_values(bytes, again);
    check(used_again.ok() && used_again.value() == bytes.size());
    check(count == 0 || std::memcmp(decoded.data(), again.data(), count * 8) == 0);
}

void timestamps(ByteView column, size_t count) {
    std::vector<int64_t> decoded(count), again(count);
    const Result<size_t> used = codec::decode_timestamps(column, decoded);
    if (!used.ok()) return;
    check(used.value() <= column.size());
    Bytes bytes;
    codec::encode_timestamps(decoded, bytes);
    const Result<size_t> used_again = codec::decode_timestamps(bytes, again);
    check(used_again.ok() && used_again.value() == bytes.size() && decoded == again);
}

void presence(ByteView column, size_t count) {
    std::vector<uint64_t> decoded(codec::presence_words(count)), again(decoded.size());
    const Result<size_t> used = codec::decode_presence(column, count, decoded);
    if (!used.ok()) return;
    check(used.value() <= column.size() && codec::presence_count(decoded) <= count);
    Bytes bytes;
    codec::encode_presence(decoded, count, bytes);
    check(codec::decode_presence(bytes, count, again).ok() && decoded == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3) return 0;
    const size_t count = load_le<uint16_t>(data + 1) % 2048;
    const ByteView column(data + 3, size - 3);
    switch (data[0] % 3) {
        case 0: values(column, count); break;
        case 1: timestamps(column, count); break;
        default: presence(column, count); break;
    }
    return 0;
}
