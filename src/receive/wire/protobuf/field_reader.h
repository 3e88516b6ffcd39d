// Protobuf's wire format, read field by field: what the decoders of this module stand on.
//
// Nothing is allocated; everything handed out is a view of the message. Whatever the bytes are, nothing is read outside
// of them, and nothing is nested deeper than the decoder's own calls.
// Bodies stand here, since a million samples a second pass through them.
// Source: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace kw::wire::protobuf {

enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

constexpr uint32_t tag_of(uint32_t field, WireType type) { return field << 3 | type; }

// Reads fields between two positions of one message; what is wrong is kept with the byte where it
// stands.
class FieldReader final {
 public:
    FieldReader(const uint8_t* message, const uint8_t* at, const uint8_t* end)
        : message_(message), at_(at), end_(end) {}

    bool at_end() const { return at_ == end_; }
    const uint8_t* at() const { return at_; }

    // Fields' tags are one byte but for those that nobody has defined yet.
    bool read_tag(uint32_t& tag) {
        if (*at_ < 0x80) {
            tag = *at_++;
        } else {
            uint64_t wide = 0;
            if (!read_varint(wide)) return false;
            if (wide > UINT32_MAX) return fail("a field number past 29 bits");
            tag = static_cast<uint32_t>(wide);
        }
        if (tag >> 3 == 0) return fail("field number 0");
        return true;
    }

    bool read_varint(uint64_t& value) {
        const uint8_t* const start = at_;
        value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (at_ == end_) return fail("a varint that ends too early");
            const uint8_t byte = *at_++;
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return true;
        }
        at_ = start;
        return fail("a varint of more than 10 bytes");
    }

    // The content of a length-delimited field.
    bool read_length(FieldReader& content) {
        uint64_t length = 0;
        if (at_ != end_ && *at_ < 0x80) {
            length = *at_++;
        } else if (!read_varint(length)) {
            return false;
        }
        if (length > static_cast<uint64_t>(end_ - at_))
            return fail("a field longer than what it stands in");
        content = FieldReader(message_, at_, at_ + length);
        at_ += length;
        return true;
    }

    bool read_fixed64(uint64_t& value) {
        if (end_ - at_ < 8) return fail("a fixed64 that ends too early");
        value = load_le<uint64_t>(at_);
        at_ += 8;
        return true;
    }

    // The content of an unknown field.
    bool skip(uint32_t tag) {
        uint64_t ignored = 0;
        FieldReader content(message_, at_, at_);
        switch (tag & 7) {
            case kVarint: return read_varint(ignored);
            case kFixed64: return read_fixed64(ignored);
            case kLength: return read_length(content);
            case kFixed32:
                if (end_ - at_ < 4) return fail("a fixed32 that ends too early");
                at_ += 4;
                return true;
            default: return fail("a wire type that is not used");
        }
    }

    std::string_view text() const {
        return {reinterpret_cast<const char*>(at_), static_cast<size_t>(end_ - at_)};
    }

    bool fail(const char* what) {
        what_ = what;
        return false;
    }
    // Takes over what went wrong in a part.
    bool fail(const FieldReader& part) {
        what_ = part.what_;
        at_ = part.at_;
        return false;
    }
    Error error() const { return invalid("byte {}: {}", at_ - message_, what_); }

 private:
    const uint8_t* message_;
    const uint8_t* at_;
    const uint8_t* end_;
    const char* what_ = "";
};

}  // namespace kw::wire::protobuf
