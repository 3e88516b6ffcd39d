#include "alerting/matcher_syntax.h"

#include "alerting/matchers.h"
#include "model/labels.h"

namespace kw::alerting {

Character first_character(std::string_view text) {
    const auto byte = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const uint32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t code = lead & (0x7fU >> bytes);
    for (size_t i = 1; i < bytes; ++i) code = (code << 6) | (byte(i) & 0x3f);
    return {code, bytes};
}

bool is_white_space(uint32_t code) {
    return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool is_reserved(uint32_t code) {
    constexpr std::string_view kReserved = "{}!=~,\\\"'`";
    return is_white_space(code) ||
           (code < 0x80 && kReserved.find(static_cast<char>(code)) != std::string_view::npos);
}

Result<void> check_matcher_text(std::string_view text) {
    if (text.size() > kMatcherBytesMax) {
        return exhausted("matchers of {} bytes, at most {} are read", text.size(),
                         kMatcherBytesMax);
    }
    if (!is_valid_utf8(text)) return invalid("matchers are not UTF-8");
    return {};
}

}  // namespace kw::alerting
