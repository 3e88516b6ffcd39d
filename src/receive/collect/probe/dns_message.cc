#include "collect/probe/dns_message.h"

#include <array>
#include <utility>

namespace kw::collect {
namespace {

constexpr size_t kNameBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;
constexpr uint16_t kInternet = 1;

constexpr std::pair<std::string_view, DnsType> kTypes[] = {
    {"A", DnsType::kA},     {"AAAA", DnsType::kAaaa}, {"CNAME", DnsType::kCname},
    {"MX", DnsType::kMx},   {"NS", DnsType::kNs},     {"SOA", DnsType::kSoa},
    {"SRV", DnsType::kSrv}, {"TXT", DnsType::kTxt},
};
constexpr std::array<std::string_view, 6> kCodes = {"NOERROR",  "FORMERR", "SERVFAIL",
                                                    "NXDOMAIN", "NOTIMP",  "REFUSED"};

void append_u16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8 & 0xff);
    out += static_cast<char>(value & 0xff);
}

class Reader {
 public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    Result<uint16_t> u16() {
        if (bytes_.size() - position_ < 2)
            return invalid("the answer is cut off at byte {}", position_);
        const auto high = static_cast<unsigned char>(bytes_[position_]);
        const auto low = static_cast<unsigned char>(bytes_[position_ + 1]);
        position_ += 2;
        return static_cast<uint16_t>(high << 8 | low);
    }
    Result<void> skip(size_t count) {
        if (bytes_.size() - position_ < count)
            return invalid("the answer is cut off at byte {}", position_);
        position_ += count;
        return {};
    }
    // Labels, up to the empty one or a pointer.
    Result<void> skip_name() {
        for (;;) {
            if (position_ == bytes_.size())
                return invalid("the answer is cut off at byte {}", position_);
            const auto length = static_cast<unsigned char>(bytes_[position_]);
            if (length >= 0xc0) return skip(2);
            if (length > kLabelBytesMax)
                return invalid("a label of {} bytes at byte {}", length, position_);
            KW_TRY(skip(size_t{length} + 1));
            if (length == 0) return {};
        }
    }

 private:
    const std::string_view bytes_;
    size_t position_ = 0;
};

}  // namespace

std::optional<DnsType> parse_dns_type(std::string_view text) {
    for (const auto& [name, type] : kTypes) {
        if (name == text) return type;
    }
    return std::nullopt;
}

std::string_view dns_code_name(unsigned code) { return code < kCodes.size() ? kCodes[code] : "?"; }

Result<std::string> dns_question(uint16_t id, std::string_view name, DnsType type) {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.size() > kNameBytesMax)
        return invalid("a name of {} bytes is over {}", name.size(), kNameBytesMax);
    std::string out;
    append_u16(out, id);
    append_u16(out, 0x0100);  // a question, recursion desired
    append_u16(out, 1);
    for (int i = 0; i < 3; ++i) append_u16(out, 0);
    while (!name.empty()) {
        const size_t dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        if (label.empty() || label.size() > kLabelBytesMax) {
            return invalid("a label of {} bytes, want 1 to {}", label.size(), kLabelBytesMax);
        }
        out += static_cast<char>(label.size());
        out += label;
        name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
    }
    out += '\0';
    append_u16(out, static_cast<unsigned>(type));
    append_u16(out, kInternet);
    return out;
}

Result<DnsAnswer> parse_dns_answer(std::string_view bytes, DnsType type) {
    Reader reader(bytes);
    DnsAnswer answer;
    KW_TRY_ASSIGN(answer.id, reader.u16());
    KW_TRY_ASSIGN(const uint16_t flags, reader.u16());
    if ((flags & 0x8000) == 0) return invalid("a question instead of an answer");
    answer.is_truncated = (flags & 0x0200) != 0;
    answer.code = flags & 0x000f;
    KW_TRY_ASSIGN(const uint16_t questions, reader.u16());
    KW_TRY_ASSIGN(answer.answer_count, reader.u16());
    KW_TRY_ASSIGN(answer.authority_count, reader.u16());
    KW_TRY_ASSIGN(answer.additional_count, reader.u16());
    for (uint16_t i = 0; i < questions; ++i) {
        KW_TRY(reader.skip_name());
        KW_TRY(reader.skip(4));
    }
    if (answer.is_truncated) return answer;  // the records are not all there
    for (unsigned i = 0; i < answer.answer_count; ++i) {
        KW_TRY(reader.skip_name());
        KW_TRY_ASSIGN(const uint16_t found, reader.u16());
        KW_TRY(reader.skip(6));  // class, time to live
        KW_TRY_ASSIGN(const uint16_t length, reader.u16());
        KW_TRY(reader.skip(length));
        if (found == static_cast<uint16_t>(type)) ++answer.matching_count;
    }
    return answer;
}

}  // namespace kw::collect
