// Bytes: views, a bounds-checked reader, a growing writer, and varints. All integers little-endian.
//
// ByteReader never reads past its view: every accessor returns kCorrupt with the offset instead.
// Varints are LEB128 as in protobuf, at most 10 bytes; signed ones are zigzag-coded.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kw {

using ByteView = std::span<const uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t unzigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Loads and stores at any alignment.
template <typename T>
T load_le(const uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}
template <typename T>
void store_le(uint8_t* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

class ByteReader final {
 public:
    explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

    size_t offset() const { return offset_; }
    size_t remaining() const { return bytes_.size() - offset_; }
    bool at_end() const { return offset_ == bytes_.size(); }

    Result<uint8_t> u8() { return fixed<uint8_t>(); }
    Result<uint16_t> u16() { return fixed<uint16_t>(); }
    Result<uint32_t> u32() { return fixed<uint32_t>(); }
    Result<uint64_t> u64() { return fixed<uint64_t>(); }
    Result<int64_t> i64() { return fixed<int64_t>(); }
    Result<double> f64() { return fixed<double>(); }
    Result<uint64_t> varint();
    Result<int64_t> varint_signed();
    // The next `count` bytes, a view of the reader's own.
    Result<ByteView> take(size_t count);
    // A varint length and that many bytes.
    Result<std::string_view> text();
    // Moves to `offset` from the start. Errors: kCorrupt past the end.
    Result<void> seek(size_t offset);

 private:
    template <typename T>
    Result<T> fixed() {
        if (remaining() < sizeof(T)) return truncated(sizeof(T));
        const T value = load_le<T>(bytes_.data() + offset_);
        offset_ += sizeof(T);
        return value;
    }
    Error truncated(size_t want) const;

    ByteView bytes_;
    size_t offset_ = 0;
};

class ByteWriter final {
 public:
    void u8(uint8_t value) { bytes_.push_back(value); }
    void u16(uint16_t value) { fixed(value); }
    void u32(uint32_t value) { fixed(value); }
    void u64(uint64_t value) { fixed(value); }
    void i64(int64_t value) { fixed(value); }
    void f64(double value) { fixed(value); }
    void varint(uint64_t value);
    void varint_signed(int64_t value) { varint(zigzag(value)); }
    void append(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    void text(std::string_view text);
    // Overwrites 4 bytes written before.
    void patch_u32(size_t offset, uint32_t value) { store_le(bytes_.data() + offset, value); }

    size_t size() const { return bytes_.size(); }
    ByteView view() const { return bytes_; }
    Bytes take() { return std::move(bytes_); }
    void clear() { bytes_.clear(); }

 private:
    template <typename T>
    void fixed(T value) {
        const size_t at = bytes_.size();
        bytes_.resize(at + sizeof value);
        store_le(bytes_.data() + at, value);
    }
    Bytes bytes_;
};

}  // namespace kw
