// For tests of protobuf: writes messages field by field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace kw::wire::testing {

class Message final {
 public:
    Message& varint(uint32_t field, uint64_t value) {
        out_.varint(uint64_t{field} << 3);
        out_.varint(value);
        return *this;
    }
    Message& sint(uint32_t field, int64_t value) { return varint(field, zigzag(value)); }
    Message& number(uint32_t field, double value) {
        out_.varint(uint64_t{field} << 3 | 1);
        out_.f64(value);
        return *this;
    }
    Message& text(uint32_t field, std::string_view content) {
        out_.varint(uint64_t{field} << 3 | 2);
        out_.text(content);
        return *this;
    }
    Message& message(uint32_t field, const Message& content) {
        return text(field, content.bytes());
    }
    // Packed, zigzag-coded.
    Message& sints(uint32_t field, const std::vector<int64_t>& values) {
        ByteWriter packed;
        for (const int64_t value : values) packed.varint_signed(value);
        return text(field, as_text(packed.view()));
    }
    // Packed.
    Message& numbers(uint32_t field, const std::vector<double>& values) {
        ByteWriter packed;
        for (const double value : values) packed.f64(value);
        return text(field, as_text(packed.view()));
    }
    std::string_view bytes() const { return as_text(out_.view()); }

 private:
    ByteWriter out_;
};

inline Message span(int32_t offset, uint32_t length) {
    return Message().sint(1, offset).varint(2, length);
}
inline Message label(std::string_view name, std::string_view value) {
    return Message().text(1, name).text(2, value);
}
inline Message bucket(double bound, uint64_t count) {
    return Message().varint(1, count).number(2, bound);
}
// A family as it stands in a body, its length in front.
inline std::string delimited(const Message& family) {
    ByteWriter out;
    out.text(family.bytes());
    return std::string(as_text(out.view()));
}

}  // namespace kw::wire::testing
