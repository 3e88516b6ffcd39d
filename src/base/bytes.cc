#include "base/bytes.h"

namespace kw {

Error ByteReader::truncated(size_t want) const {
    return corrupt("truncated at byte {}: {} bytes wanted, {} left", offset_, want, remaining());
}

Result<uint64_t> ByteReader::varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (at_end()) return truncated(1);
        const uint8_t byte = bytes_[offset_++];
        if (shift == 63 && byte > 1) return corrupt("varint over 64 bits before byte {}", offset_);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return corrupt("varint over 10 bytes before byte {}", offset_);
}

Result<int64_t> ByteReader::varint_signed() {
    KW_TRY_ASSIGN(const uint64_t value, varint());
    return unzigzag(value);
}

Result<ByteView> ByteReader::take(size_t count) {
    if (remaining() < count) return truncated(count);
    const ByteView view = bytes_.subspan(offset_, count);
    offset_ += count;
    return view;
}

Result<std::string_view> ByteReader::text() {
    KW_TRY_ASSIGN(const uint64_t length, varint());
    if (length > remaining()) return truncated(length);
    KW_TRY_ASSIGN(const ByteView view, take(length));
    return as_text(view);
}

Result<void> ByteReader::seek(size_t offset) {
    if (offset > bytes_.size()) return corrupt("offset {} of {} bytes", offset, bytes_.size());
    offset_ = offset;
    return {};
}

void ByteWriter::varint(uint64_t value) {
    while (value >= 0x80) {
        bytes_.push_back(static_cast<uint8_t>(value | 0x80));
        value >>= 7;
    }
    bytes_.push_back(static_cast<uint8_t>(value));
}

void ByteWriter::text(std::string_view text) {
    varint(text.size());
    append(as_bytes(text));
}

}  // namespace kw
