// UTF-8: one code point written (RFC 3629).
#pragma once

#include <cstdint>
#include <string>

namespace kw {

// Precondition: code is at most 0x10ffff. Surrogates are written as they stand; who must not write them refuses them.
inline void append_utf8(std::string& out, uint32_t code) {
    const auto byte = [&out](uint32_t value) { out += static_cast<char>(value); };
    if (code < 0x80) {
        byte(code);
        return;
    }
    if (code < 0x800) {
        byte(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            byte(0xe0 | code >> 12);
        } else {
            byte(0xf0 | code >> 18);
            byte(0x80 | (code >> 12 & 0x3f));
        }
        byte(0x80 | (code >> 6 & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
}

}  // namespace kw
